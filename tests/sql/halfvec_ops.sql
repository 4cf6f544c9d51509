-- Functions, operators and aggregates of type halfvec.
CREATE FUNCTION pg_temp.error_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    EXECUTE query;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN concat(SQLSTATE, ': ', left(SQLERRM, 90), ' | ' || nullif(detail, ''));
END $$;

-- arithmetic
SELECT '[1,2,3]'::halfvec + '[4,5,6]', '[1,2,3]'::halfvec - '[4,5,7]', '[1,2,3]'::halfvec * '[4,5,6]',
       '[1,2,3]'::halfvec || '[4,5]';
SELECT '[2048,0.1]'::halfvec + '[1,0.2]' AS rounded, '[5.9604645e-08,0]'::halfvec * '[1,-0]' AS no_underflow;
SELECT q AS query, pg_temp.error_of('SELECT ' || q) AS error FROM unnest(ARRAY[
    '''[65504]''::halfvec + ''[16]''',
    '''[65504]''::halfvec + ''[15]''',
    '''[-65504]''::halfvec - ''[65504]''',
    '''[256]''::halfvec * ''[256]''',
    '''[1e-7]''::halfvec * ''[1e-1]''',
    '''[1,2]''::halfvec + ''[3]''',
    '''[1,2]''::halfvec - ''[3]''',
    '''[1,2]''::halfvec * ''[3]''',
    'array_fill(1, ARRAY[16000])::halfvec || ''[1]'''
]) AS q;

-- length, direction, parts
SELECT vector_dims('[1,2,3]'::halfvec), l2_norm('[3,4]'::halfvec), l2_norm('[0]'::halfvec),
       l2_norm('[65504,65504]'::halfvec)::real AS large;
SELECT l2_normalize('[3,4]'::halfvec), l2_normalize('[0,0.1]'::halfvec), l2_normalize('[0,0]'::halfvec),
       l2_normalize('[65504]'::halfvec), l2_normalize('[5.9604645e-08]'::halfvec);
SELECT binary_quantize('[1,0,-1]'::halfvec), binary_quantize('[0,0.1,-0.2,-0.3,0.4,0.5,0.6,-0.7,0.8,-0.9,1]'::halfvec),
       binary_quantize('[-0,5.9604645e-08]'::halfvec);
SELECT subvector('[1,2,3,4,5]'::halfvec, 1, 3), subvector('[1,2,3,4,5]'::halfvec, -1, 3),
       subvector('[1,2,3,4,5]'::halfvec, 3, 9), subvector('[1,2,3,4,5]'::halfvec, 5, 2147483647);
SELECT pg_temp.error_of('SELECT subvector(''[1,2,3]''::halfvec, 4, 1)') AS error;

-- distances
SELECT l2_distance('[0,0]'::halfvec, '[3,4]'), '[0,0]'::halfvec <-> '[3,4]' AS op,
       halfvec_l2_squared_distance('[0,0]', '[3,4]') AS squared;
SELECT inner_product('[1,2]'::halfvec, '[3,4]'), '[1,2]'::halfvec <#> '[3,4]' AS op,
       inner_product('[65504]'::halfvec, '[65504]') AS no_overflow;
SELECT cosine_distance('[1,2]'::halfvec, '[2,4]'), cosine_distance('[1,0]'::halfvec, '[0,2]'),
       cosine_distance('[1,1]'::halfvec, '[-1,-1]'), cosine_distance('[1,2]'::halfvec, '[0,0]') AS zero,
       '[1,0]'::halfvec <=> '[1,1]' AS op;
SELECT l1_distance('[0,0]'::halfvec, '[3,4]'), '[0,0]'::halfvec <+> '[3,-4]' AS op;
SELECT halfvec_spherical_distance('[1,0]', '[0,1]'), halfvec_spherical_distance('[1,0]', '[-1,0]'),
       halfvec_spherical_distance('[2,0]', '[2,0]') AS clamped;
SELECT f AS function, pg_temp.error_of(format('SELECT %s(''[1,2]''::halfvec, ''[3]''::halfvec)', f)) AS error
    FROM unnest(ARRAY['l2_distance', 'halfvec_l2_squared_distance', 'inner_product',
                      'halfvec_negative_inner_product', 'cosine_distance', 'l1_distance',
                      'halfvec_spherical_distance']) AS f;
SELECT l2_distance(NULL::halfvec, '[1]') IS NULL AS strict;

-- every instruction set of this CPU computes what vector computes on the same values
CREATE TABLE halfvec_simd AS
    SELECT n, (SELECT array_agg(sin(i * n + 1))::halfvec FROM generate_series(1, n) i) AS a,
           (SELECT array_agg(cos(i * i + n))::halfvec FROM generate_series(1, n) i) AS b
    FROM unnest(ARRAY[1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 100, 127, 129, 768, 1000]) n;
CREATE TABLE halfvec_simd_result (simd text, n int, d double precision[]);
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY regexp_split_to_array(substring(ruvector_simd_info() FROM 'supported: (.*)\)'), ', ') LOOP
        PERFORM set_config('ruvector.simd', name, false);
        INSERT INTO halfvec_simd_result
            SELECT name, n, ARRAY[a <-> b, a <#> b, a <=> b, a <+> b] FROM halfvec_simd;
    END LOOP;
END $$;
RESET ruvector.simd;
SELECT count(DISTINCT n) AS lengths, count(*) FILTER (WHERE abs(x - y) > 1e-5 * (1 + abs(y))) AS differences
    FROM halfvec_simd_result JOIN (SELECT n, a::vector AS a, b::vector AS b FROM halfvec_simd) s USING (n),
    unnest(d, ARRAY[a <-> b, a <#> b, a <=> b, a <+> b]) AS t(x, y);
DROP TABLE halfvec_simd, halfvec_simd_result;

-- aggregates
SELECT sum(v), avg(v) FROM (VALUES ('[1,2]'::halfvec), (NULL), ('[3,5]')) t(v);
SELECT sum(v), avg(v) FROM (VALUES ('[1,2]'::halfvec)) t(v) WHERE false;
SELECT avg(v) FROM (SELECT '[65504]'::halfvec AS v FROM generate_series(1, 1000)) t;
SELECT q AS query, pg_temp.error_of('SELECT ' || q) AS error FROM unnest(ARRAY[
    'sum(v) FROM (VALUES (''[1,2]''::halfvec), (''[3]'')) t(v)',
    'avg(v) FROM (VALUES (''[1,2]''::halfvec), (''[3]'')) t(v)',
    'sum(v) FROM (VALUES (''[6e4]''::halfvec), (''[6e4]'')) t(v)',
    'halfvec_accum(''{}'', ''[1]'')',
    'halfvec_accum(''{1,1}'', ''[1,2]'')',
    'halfvec_combine(''{1,1}'', ''{1,1,2}'')',
    'halfvec_avg(''{1,65520}'')',
    'halfvec_avg(''{1,1e300}'')',
    'halfvec_avg(''{1,NaN}'')',
    'halfvec_avg(''{1}'')'
]) AS q;
SELECT halfvec_accum('{0}', '[1,2]'), halfvec_combine('{1,1,2}', '{2,3,4}'), halfvec_avg('{2,3,4}'),
       halfvec_avg('{0}') IS NULL AS no_rows;
