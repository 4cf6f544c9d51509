-- sum and avg of vectors, alone, grouped, windowed, in parallel.
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
CREATE TABLE vector_agg (id int, g int, v vector(3));
INSERT INTO vector_agg SELECT i, i % 3, ARRAY[i, -i, i % 10]::vector FROM generate_series(1, 1000) i;
INSERT INTO vector_agg VALUES (0, 0, NULL), (-1, 5, NULL);

SELECT sum(v), avg(v) FROM vector_agg;
SELECT g, count(*), sum(v), avg(v) FROM vector_agg GROUP BY g ORDER BY g;
SELECT sum(v), avg(v) FROM vector_agg WHERE false;
SELECT avg(v) FROM (VALUES ('[1,2]'::vector), ('[3,5]')) t(v);
SELECT avg(DISTINCT v), sum(DISTINCT v) FROM (VALUES ('[1,2]'::vector), ('[1,2]'), ('[3,4]')) t(v);
SELECT avg(v) FILTER (WHERE id <= 2) FROM vector_agg;
SELECT id, avg(v) OVER (ORDER BY id), avg(v) OVER (ORDER BY id ROWS 1 PRECEDING)
    FROM vector_agg WHERE id BETWEEN 1 AND 4 ORDER BY id;
SELECT count(*) FROM (SELECT avg(v) AS a, sum(v) AS s FROM (VALUES (('[' || repeat('1,', 15999) || '3]')::vector)) t(v)) u
    WHERE a = s AND vector_dims(a) = 16000;

-- the same states serve several calls at once
SELECT avg(v), avg(v + v), avg(v) FROM vector_agg;

-- parallel workers agree with one process
SELECT sum(v) AS serial_sum, avg(v) AS serial_avg FROM vector_agg \gset
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
ALTER TABLE vector_agg SET (parallel_workers = 2);
EXPLAIN (COSTS OFF) SELECT sum(v), avg(v) FROM vector_agg;
SELECT sum(v) = :'serial_sum' AS sum, avg(v) = :'serial_avg' AS avg FROM vector_agg;
SELECT avg(v) FROM vector_agg WHERE id = 7;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

-- errors
SELECT q AS query, pg_temp.error_of('SELECT ' || q) AS error FROM unnest(ARRAY[
    'sum(v) FROM (VALUES (''[1,2]''::vector), (''[3]'')) t(v)',
    'avg(v) FROM (VALUES (''[1,2]''::vector), (''[3]'')) t(v)',
    'avg(v) FROM (VALUES (''[1]''::vector), (''[3,4]'')) t(v)',
    'sum(v) FROM (VALUES (''[3e38]''::vector), (''[3e38]'')) t(v)',
    'avg(v) FROM (VALUES (''[3e38]''::vector), (''[3e38]'')) t(v)'
]) AS q;

-- the support functions, called by hand with any array
SELECT vector_accum('{0}', '[1,2]'), vector_accum('{1,1,2}', '[3,4]'), vector_accum('{0,0,0}', '[3]');
SELECT vector_combine('{0}', '{2,3,4}'), vector_combine('{2,3,4}', '{0}'), vector_combine('{1,1,2}', '{2,3,4}');
SELECT vector_avg('{0}') IS NULL AS no_rows, vector_avg('{2,3,4}'), vector_avg('{0,1}') IS NULL AS zero_count;
SELECT q AS query, pg_temp.error_of('SELECT ' || q) AS error FROM unnest(ARRAY[
    'vector_accum(''{}'', ''[1]'')',
    'vector_accum(''{{1,2}}'', ''[1]'')',
    'vector_accum(''{1,NULL}'', ''[1]'')',
    'vector_accum(''{1,1}'', ''[1,2]'')',
    'vector_accum(''{1,1.7976931348623157e308,0}'', ''[1,2]'')',
    'vector_accum(''{1,Infinity}'', ''[1]'')',
    'vector_combine(''{1,1}'', ''{1,1,2}'')',
    'vector_combine(''{}'', ''{1,1,2}'')',
    'vector_combine(''{1,1.7976931348623157e308}'', ''{1,1.7976931348623157e308}'')',
    'vector_avg(''{}'')',
    'vector_avg(''{1}'')',
    'vector_avg(''{1,NULL}'')',
    'vector_avg(''{1,1e300}'')',
    'vector_avg(''{1,NaN}'')',
    'vector_avg(array_fill(1::float8, ARRAY[16002]))'
]) AS q;
-- a table's own value is never changed in place
CREATE TABLE vector_state (s double precision[]);
INSERT INTO vector_state VALUES ('{1,1,2}');
SELECT vector_accum(s, '[3,4]'), s FROM vector_state;
SELECT s FROM vector_state;
DROP TABLE vector_agg, vector_state;
