-- Casts between vector and arrays.
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

SELECT ARRAY[1,2,3]::vector;
SELECT ARRAY[1.5,2.25,3]::vector AS numeric_array;
SELECT ARRAY[1.0,2.0,3.5]::real[]::vector;
SELECT ARRAY[1.0,2.0,3.5]::float8[]::vector;
SELECT ARRAY[1e-10,123456789012,0.1]::numeric[]::vector;
SELECT '{-0,1e-46,3.4028235e38}'::float8[]::vector;
SELECT ARRAY[2147483647,-2147483648]::vector AS rounded;
SELECT '[5:7]={1,2,3}'::int[]::vector AS other_bounds;
SELECT ARRAY[1,2,3]::vector(3);
SELECT '[1,2,3]'::vector::real[];
SELECT '[1.5,-2,0.1]'::vector::real[] = ARRAY[1.5,-2,0.1]::real[] AS same;
CREATE FUNCTION pg_temp.takes_array(a real[]) RETURNS int LANGUAGE sql AS $$ SELECT array_length(a, 1) $$;
SELECT pg_temp.takes_array('[4,5]'::vector) AS implicit_to_array;
SELECT array_length('[1,2,3]'::vector::real[], 1), array_lower('[1,2,3]'::vector::real[], 1);

SELECT q AS query, pg_temp.error_of('SELECT ' || q) AS error FROM unnest(ARRAY[
    'ARRAY[1,2,3]::vector(2)',
    'ARRAY[1.0,2.0]::real[]::vector(3)',
    'ARRAY[1,NULL,3]::int[]::vector',
    'ARRAY[NULL]::real[]::vector',
    'ARRAY[NULL,1]::float8[]::vector',
    'ARRAY[1,NULL]::numeric[]::vector',
    '''{}''::int[]::vector',
    '''{}''::real[]::vector',
    '''{}''::float8[]::vector',
    '''{}''::numeric[]::vector',
    '''{{1}}''::int[]::vector',
    '''{{1,2},{3,4}}''::real[]::vector',
    '''{{{1.5}}}''::numeric[]::vector',
    '''{NaN}''::real[]::vector',
    '''{Infinity}''::real[]::vector',
    '''{-Infinity}''::float8[]::vector',
    '''{NaN}''::float8[]::vector',
    '''{4e38,1}''::float8[]::vector',
    '''{-1e308}''::float8[]::vector',
    '''{NaN}''::numeric[]::vector',
    '''{Infinity}''::numeric[]::vector',
    '''{4e38}''::numeric[]::vector',
    'array_fill(0, ARRAY[16001])::vector',
    'array_fill(0::float8, ARRAY[200000])::vector',
    'ARRAY[''a'']::text[]::vector',
    'ARRAY[1]::bigint[]::vector'
]) AS q;
SELECT vector_dims(array_fill(0, ARRAY[16000])::vector);

-- assignment, and its absence in expressions
CREATE TABLE vector_assign (v vector(2));
INSERT INTO vector_assign VALUES (ARRAY[1,2]), (ARRAY[1.5,2]), (ARRAY[1,2]::real[]), (ARRAY[1,2]::float8[]);
SELECT * FROM vector_assign;
SELECT pg_temp.error_of('SELECT vector_dims(ARRAY[1,2])') AS error;
DROP TABLE vector_assign;

-- the functions behind the casts
SELECT array_to_vector(ARRAY[1,2], -1, true), vector('[1,2]', 2, false), vector_to_float4('[1,2]', -1, false);
SELECT pg_temp.error_of('SELECT vector(''[1,2]'', 3, false)') AS error;
SELECT array_to_vector(NULL::int[], -1, true) IS NULL AS strict;

SELECT castsource::regtype, casttarget::regtype, castfunc::regprocedure, castcontext FROM pg_cast
    WHERE 'vector'::regtype IN (castsource, casttarget) ORDER BY 1, 2;
