-- ruvector_tam with type vector: narrow vectors move out of line, and everything reads them from there.
CREATE FUNCTION vec(i int, dims int) RETURNS vector LANGUAGE sql IMMUTABLE
    RETURN (SELECT array_agg(round((sin(i * 12.9898 + j * 78.233) * 1000)::numeric, 3)::float4 ORDER BY j)
            FROM generate_series(1, dims) j)::vector;
CREATE TABLE tam_v (id int PRIMARY KEY, v vector(100), small vector(3), note text) USING ruvector_tam
    WITH (toast_tuple_target = 128);
SELECT attname, attstorage FROM pg_attribute WHERE attrelid = 'tam_v'::regclass AND attname IN ('v', 'small');
INSERT INTO tam_v SELECT i, vec(i, 100), vec(i, 3), 'row ' || i FROM generate_series(1, 200) i;
CREATE TABLE heap_v USING heap AS SELECT * FROM tam_v;
-- 8 + 4 * 100 bytes; 4 of them, the varlena header, are not stored out of line
SELECT count(*), min(pg_column_size(v)), max(pg_column_size(v)), min(pg_column_size(small)) FROM tam_v;
SELECT count(*), min(pg_column_size(v)), max(pg_column_size(v)), min(pg_column_size(small)) FROM heap_v;
CREATE FUNCTION toasted(rel regclass, OUT "values" bigint, OUT chunks bigint, OUT bytes bigint)
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SELECT count(DISTINCT chunk_id), count(*), coalesce(sum(length(chunk_data)), 0) FROM %s',
        (SELECT reltoastrelid::regclass FROM pg_class WHERE oid = rel))
    INTO "values", chunks, bytes;
END $$;
SELECT * FROM toasted('tam_v');
SELECT * FROM toasted('heap_v');
-- the chunk is the datum's payload: int16 dimensions, int16 zero, floats
DO $$
DECLARE chunk bytea;
BEGIN
    EXECUTE format('SELECT chunk_data FROM %s ORDER BY chunk_id LIMIT 1',
        (SELECT reltoastrelid::regclass FROM pg_class WHERE relname = 'tam_v')) INTO chunk;
    RAISE NOTICE 'dimensions % %, length %', get_byte(chunk, 0), get_byte(chunk, 1), length(chunk);
END $$;

-- the same answers as from heap
SELECT count(*) FILTER (WHERE t.v = h.v AND t.v::text = h.v::text AND vector_dims(t.v) = 100) AS same, count(*)
FROM tam_v t JOIN heap_v h USING (id);
SELECT (SELECT array_agg(id) FROM (SELECT id FROM tam_v ORDER BY v <-> vec(17, 100), id LIMIT 5) s)
     = (SELECT array_agg(id) FROM (SELECT id FROM heap_v ORDER BY v <-> vec(17, 100), id LIMIT 5) s) AS l2,
       (SELECT array_agg(id) FROM (SELECT id FROM tam_v ORDER BY v <=> vec(99, 100), id LIMIT 5) s)
     = (SELECT array_agg(id) FROM (SELECT id FROM heap_v ORDER BY v <=> vec(99, 100), id LIMIT 5) s) AS cosine,
       (SELECT avg(v) FROM tam_v) = (SELECT avg(v) FROM heap_v) AS average;
SELECT id, v <-> vec(17, 100) AS distance FROM tam_v ORDER BY 2 LIMIT 1;

-- COPY out and in, update, upsert, btree index over the type, rewrite
\copy tam_v TO 'tam_vector.copy'
TRUNCATE tam_v;
\copy tam_v FROM 'tam_vector.copy'
SELECT * FROM toasted('tam_v');
SELECT count(*) FILTER (WHERE t.v = h.v) AS same FROM tam_v t JOIN heap_v h USING (id);
UPDATE tam_v SET v = v + v WHERE id <= 10;
INSERT INTO tam_v VALUES (11, vec(1011, 100), vec(1, 3), 'upsert') ON CONFLICT (id) DO UPDATE SET v = excluded.v;
SELECT count(*) FILTER (WHERE t.v = h.v + h.v AND id <= 10) AS doubled, count(*) FILTER (WHERE t.v = vec(1011, 100)) AS replaced,
       count(*) FILTER (WHERE t.v = h.v) AS same
FROM tam_v t JOIN heap_v h USING (id);
CREATE UNIQUE INDEX ON tam_v (v);
\set VERBOSITY terse
INSERT INTO tam_v SELECT 1000, v FROM tam_v WHERE id = 50;
\set VERBOSITY default
SET enable_seqscan = off;
SELECT id FROM tam_v WHERE v = vec(60, 100);
RESET enable_seqscan;
SELECT * FROM toasted('tam_v');
VACUUM FULL tam_v;
SELECT * FROM toasted('tam_v');
ALTER TABLE tam_v SET ACCESS METHOD heap;
SELECT * FROM toasted('tam_v');
ALTER TABLE tam_v SET ACCESS METHOD ruvector_tam;
SELECT * FROM toasted('tam_v');
SELECT count(*) FILTER (WHERE t.v = h.v) AS same FROM tam_v t JOIN heap_v h USING (id);
SELECT * FROM ruvector_check('tam_v');

-- a table made from a query takes the column's storage from its type; wide vectors, at the default target
CREATE TABLE tam_query USING ruvector_tam WITH (toast_tuple_target = 256) AS SELECT id, v FROM tam_v;
SELECT * FROM toasted('tam_query');
CREATE TABLE tam_wide (id int, v vector(1536)) USING ruvector_tam;
INSERT INTO tam_wide SELECT i, vec(i, 1536) FROM generate_series(1, 3) i;
SELECT * FROM toasted('tam_wide');
SELECT id, v = vec(id, 1536) AS same, pg_column_size(v), vector_dims(v) FROM tam_wide ORDER BY id;
SELECT count(*) FROM ruvector_check('tam_wide');

DROP TABLE tam_v, heap_v, tam_query, tam_wide;
DROP FUNCTION vec, toasted;
