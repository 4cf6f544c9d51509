-- Functions and operators of type vector.
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
SELECT '[1,2,3]'::vector + '[4,5,6]', '[1,2,3]'::vector - '[4,5,7]', '[1,2,3]'::vector * '[4,5,6]',
       '[1,2,3]'::vector || '[4,5]';
SELECT '[1e-45,0,1]'::vector * '[1,5,-0]' AS no_underflow;
SELECT vector_dims(('[' || repeat('1,', 7999) || '1]')::vector || ('[' || repeat('1,', 7999) || '1]')::vector);
SELECT q AS query, pg_temp.error_of('SELECT ' || q) AS error FROM unnest(ARRAY[
    '''[3e38]''::vector + ''[3e38]''',
    '''[-3e38]''::vector - ''[3e38]''',
    '''[1e37]''::vector * ''[1e37]''',
    '''[1e-37]''::vector * ''[1e-37]''',
    '''[1,2]''::vector + ''[3]''',
    '''[1,2]''::vector - ''[3]''',
    '''[1,2]''::vector * ''[3]''',
    'array_fill(1, ARRAY[16000])::vector || ''[1]'''
]) AS q;

-- length and direction
SELECT vector_dims('[1,2,3]'::vector), vector_norm('[3,4]'), vector_norm('[0,1]'), vector_norm('[0]'),
       vector_norm('[3e37,4e37]')::real AS beyond_float_squares;
SELECT l2_normalize('[3,4]'::vector), l2_normalize('[3,0]'::vector), l2_normalize('[0,0.1]'::vector), l2_normalize('[0,0]'::vector),
       l2_normalize('[3e38]'::vector), l2_normalize('[1e-45,0]'::vector);
SELECT binary_quantize('[1,0,-1]'::vector), binary_quantize('[0,0.1,-0.2,-0.3,0.4,0.5,0.6,-0.7,0.8,-0.9,1]'::vector),
       binary_quantize('[-0,1e-45]'::vector), length(binary_quantize(array_fill(1, ARRAY[16000])::vector));

-- subvector
SELECT subvector('[1,2,3,4,5]'::vector, 1, 3), subvector('[1,2,3,4,5]'::vector, 3, 2), subvector('[1,2,3,4,5]'::vector, -1, 3),
       subvector('[1,2,3,4,5]'::vector, 3, 9), subvector('[1,2,3,4,5]'::vector, 1, 2147483647),
       subvector('[1,2,3,4,5]'::vector, 5, 2147483647), subvector('[1,2,3,4,5]'::vector, 0, 2),
       subvector('[1,2,3,4,5]'::vector, -2147483648 + 2147483647, 3);
SELECT q AS query, pg_temp.error_of('SELECT ' || q) AS error FROM unnest(ARRAY[
    'subvector(''[1,2,3]''::vector, 1, 0)', 'subvector(''[1,2,3]''::vector, 4, 1)', 'subvector(''[1,2,3]''::vector, 3, -1)',
    'subvector(''[1,2,3]''::vector, -1, 2)', 'subvector(''[1,2,3]''::vector, 2147483647, 10)',
    'subvector(''[1,2,3]''::vector, 2147483647, 2147483647)', 'subvector(''[1,2,3]''::vector, -2147483648, 2147483647)',
    'subvector(''[1,2,3]''::vector, -2147483648, -2147483648)'
]) AS q;

-- distances
SELECT l2_distance('[0,0]'::vector, '[3,4]'), l2_distance('[0,0]'::vector, '[0,1]'), '[0,0]'::vector <-> '[3,4]' AS op,
       vector_l2_squared_distance('[0,0]', '[3,4]') AS squared;
SELECT inner_product('[1,2]'::vector, '[3,4]'), vector_negative_inner_product('[1,2]', '[3,4]'),
       '[1,2]'::vector <#> '[3,4]' AS op;
SELECT cosine_distance('[1,2]'::vector, '[2,4]'), cosine_distance('[1,1]'::vector, '[1,1]'), cosine_distance('[1,0]'::vector, '[0,2]'),
       cosine_distance('[1,1]'::vector, '[-1,-1]'), cosine_distance('[1,2]'::vector, '[0,0]'), '[1,0]'::vector <=> '[1,1]' AS op;
SELECT l1_distance('[0,0]'::vector, '[3,4]'), l1_distance('[0,0]'::vector, '[0,-1]'), '[0,0]'::vector <+> '[3,-4]' AS op;
SELECT vector_spherical_distance('[1,0]', '[0,1]'), vector_spherical_distance('[1,0]', '[1,0]'),
       vector_spherical_distance('[1,0]', '[-1,0]'), vector_spherical_distance('[2,0]', '[2,0]') AS clamped;
SELECT l2_distance('[3e38]'::vector, '[-3e38]'), inner_product('[3e38]'::vector, '[3e38]'), l1_distance('[3e38]'::vector, '[-3e38]'),
       cosine_distance('[3e38]'::vector, '[3e38]') AS overflow;
SELECT f AS function, pg_temp.error_of(format('SELECT %s(''[1,2]''::vector, ''[3]''::vector)', f)) AS error
    FROM unnest(ARRAY['l2_distance', 'vector_l2_squared_distance', 'inner_product',
                      'vector_negative_inner_product', 'cosine_distance', 'l1_distance',
                      'vector_spherical_distance']) AS f;

-- nearest by each distance
CREATE TABLE vector_near (id int, v vector(2));
INSERT INTO vector_near VALUES (1, '[1,1]'), (2, '[2,2.1]'), (3, '[-3,0]'), (4, '[0,0]'), (5, NULL);
SELECT array_agg(id ORDER BY v <-> '[2,2]', id) AS l2, array_agg(id ORDER BY v <#> '[2,2]', id) AS ip,
       array_agg(id ORDER BY v <=> '[2,2]', id) AS cosine, array_agg(id ORDER BY v <+> '[2,2]', id) AS l1
    FROM vector_near;
DROP TABLE vector_near;

-- every instruction set of this CPU computes the same
SHOW ruvector.simd;
SELECT ruvector_simd_info() LIKE '% (supported: scalar%)' AS info, ruvector_version() AS version;
SELECT q AS setting, pg_temp.error_of(format('SET ruvector.simd = %L', q)) LIKE '22023%' AS refused
    FROM unnest(ARRAY['', 'AVX2', 'mmx', 'scalar ', 'none']) AS q;
CREATE TABLE vector_simd AS
    SELECT n, (SELECT array_agg(sin(i * n + 1))::vector FROM generate_series(1, n) i) AS a,
           (SELECT array_agg(cos(i * i + n))::vector FROM generate_series(1, n) i) AS b
    FROM unnest(ARRAY[1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 100, 127, 129, 768, 1000]) n;
CREATE TABLE vector_simd_result (simd text, n int, d double precision[]);
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY regexp_split_to_array(substring(ruvector_simd_info() FROM 'supported: (.*)\)'), ', ') LOOP
        PERFORM set_config('ruvector.simd', name, false);
        ASSERT ruvector_simd_info() LIKE name || ' %';
        INSERT INTO vector_simd_result
            SELECT name, n, ARRAY[a <-> b, a <#> b, a <=> b, a <+> b] FROM vector_simd;
    END LOOP;
END $$;
RESET ruvector.simd;
SELECT count(*) AS differences FROM vector_simd_result r JOIN vector_simd_result s USING (n),
    unnest(r.d, s.d) AS t(x, y)
    WHERE s.simd = 'scalar' AND abs(x - y) > 1e-5 * (1 + abs(y));
SELECT count(DISTINCT n) AS lengths, bool_and(d[1] > 0 AND d[4] > 0) AS computed FROM vector_simd_result;
DROP TABLE vector_simd, vector_simd_result;

-- the catalog says what pgvector's says
SELECT oprname, oprcode::oid::regprocedure AS function,
       (SELECT c.oprname FROM pg_operator c WHERE c.oid = o.oprcom) AS commutator,
       (SELECT c.oprname FROM pg_operator c WHERE c.oid = o.oprnegate) AS negator, oprrest, oprjoin
    FROM pg_operator o WHERE oprleft = 'vector'::regtype AND oprright = 'vector'::regtype ORDER BY oprname COLLATE "C";
SELECT p.oid::regprocedure AS function, pg_get_function_result(p.oid) AS result, prokind, provolatile, proisstrict,
       proparallel
    FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
    JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'ruvector'
    WHERE 'vector'::regtype = ANY (p.proargtypes) OR p.prorettype = 'vector'::regtype
       OR p.proname IN ('vector_combine', 'vector_typmod_in')
    ORDER BY p.oid::regprocedure::text COLLATE "C";
