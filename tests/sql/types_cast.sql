-- Casts between the vector types, and between them and arrays.
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

-- between the types
SELECT '[1,2.5,-0]'::vector::halfvec, '[1,2.5,-0]'::halfvec::vector, '[0.1]'::vector::halfvec::vector;
SELECT '[0,1.5,0,-2]'::vector::sparsevec, '[0,1.5,0,-2]'::halfvec::sparsevec, '[0,-0]'::vector::sparsevec AS zero;
SELECT '{2:1.5,4:-2}/5'::sparsevec::vector, '{2:1.5,4:-2}/5'::sparsevec::halfvec, '{}/2'::sparsevec::vector;
SELECT '[1,2,3]'::vector::halfvec(3), '[1,2,3]'::halfvec::vector(3), '[1,2,3]'::vector::sparsevec(3),
       '{1:1}/3'::sparsevec::vector(3), '{1:1}/3'::sparsevec::halfvec(3), '[1]'::halfvec::sparsevec(1);
SELECT q AS query, pg_temp.error_of('SELECT ' || q) AS error FROM unnest(ARRAY[
    '''[1,2,3]''::vector::halfvec(2)', '''[1,2,3]''::halfvec::vector(2)', '''[1,2,3]''::vector::sparsevec(2)',
    '''[1,2,3]''::halfvec::sparsevec(2)', '''{1:1}/3''::sparsevec::vector(2)', '''{1:1}/3''::sparsevec::halfvec(2)',
    '''[65519]''::vector::halfvec', '''[65520]''::vector::halfvec', '''[1,-3e38]''::vector::halfvec',
    '''{1:65520}/1''::sparsevec::halfvec', '''{}/16000''::sparsevec::vector(16000)', '''{}/16001''::sparsevec::vector',
    '''{}/16001''::sparsevec::halfvec', '''{}/1000000000''::sparsevec::vector'
]) AS q;
SELECT l2_norm(array_fill(1, ARRAY[16000])::vector::sparsevec) AS full_vector;

-- from arrays
SELECT ARRAY[1,2,3]::halfvec, ARRAY[1.5,2]::halfvec, ARRAY[1,2.5]::real[]::halfvec, ARRAY[1,0.1]::float8[]::halfvec(2);
SELECT ARRAY[1,0,3]::sparsevec, ARRAY[0.0,1.5]::sparsevec, ARRAY[0,2.5]::real[]::sparsevec, ARRAY[1e-46,1]::float8[]::sparsevec(2);
SELECT array_fill(0, ARRAY[100000])::sparsevec AS long;
SELECT '[1,2,0.1]'::halfvec::real[];
SELECT q AS query, pg_temp.error_of('SELECT ' || q) AS error FROM unnest(ARRAY[
    'ARRAY[1,2,3]::halfvec(2)', 'ARRAY[1,NULL]::int[]::halfvec', '''{}''::real[]::halfvec', '''{{1}}''::int[]::halfvec',
    '''{NaN}''::real[]::halfvec', '''{Infinity}''::float8[]::halfvec', '''{NaN}''::numeric[]::halfvec',
    'ARRAY[65520]::halfvec', 'ARRAY[2147483647]::halfvec', '''{-65520}''::float8[]::halfvec', '''{1e308}''::float8[]::halfvec',
    '''{65519}''::numeric[]::halfvec', '''{4e38}''::numeric[]::halfvec', 'array_fill(0, ARRAY[16001])::halfvec',
    'ARRAY[1]::bigint[]::halfvec',
    'ARRAY[1,2,3]::sparsevec(2)', 'ARRAY[1,NULL]::int[]::sparsevec', '''{}''::real[]::sparsevec', '''{{1}}''::int[]::sparsevec',
    '''{NaN}''::real[]::sparsevec', '''{Infinity,0}''::float8[]::sparsevec', '''{NaN}''::numeric[]::sparsevec',
    '''{4e38}''::float8[]::sparsevec', 'array_fill(1, ARRAY[16001])::sparsevec', 'array_fill(1, ARRAY[16000])::sparsevec',
    'ARRAY[1]::bigint[]::sparsevec',
    '''{1:1}/1''::sparsevec::real[]'
]) AS q;

-- implicit, assignment, and neither
CREATE TABLE types_assign (h halfvec(2), v vector(2), s sparsevec(2));
INSERT INTO types_assign SELECT v, v, v FROM (VALUES ('[1,2]'::vector)) t(v);
INSERT INTO types_assign SELECT v, v, v FROM (VALUES ('[1,2]'::halfvec)) t(v);
INSERT INTO types_assign SELECT v, v, v FROM (VALUES ('{2:1}/2'::sparsevec)) t(v);
INSERT INTO types_assign SELECT v, v, v FROM (VALUES (ARRAY[1,2])) t(v);
SELECT * FROM types_assign;
SELECT pg_temp.error_of('INSERT INTO types_assign (h) VALUES (''[1]''::vector)');
SELECT pg_temp.error_of('INSERT INTO types_assign (s) VALUES (''[1]''::vector)');
SELECT '[1,2]'::vector <-> '[1,1]'::halfvec AS half_wins, '[1,2]'::vector <-> '{1:1}/2'::sparsevec AS sparse_wins,
       '[1,2]'::halfvec <-> '{1:1}/2'::sparsevec AS sparse_wins;
SELECT a::text, pg_typeof(b) FROM (SELECT '[1,2]'::vector + '[1,1]'::halfvec AS a, '[1,2]'::vector + '[1,1]'::halfvec AS b) t;
DROP TABLE types_assign;
