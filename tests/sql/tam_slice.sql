-- ruvector_tam: reading out-of-line values, whole and in slices, next to heap doing the same.
CREATE FUNCTION wide(i int, n int) RETURNS bytea LANGUAGE sql IMMUTABLE
    RETURN substr(decode(repeat(md5(i::text) || md5((i * 7)::text), n / 32 + 1), 'hex'), 1, n);
CREATE TABLE tam_s (id int, size int, v bytea) USING ruvector_tam WITH (toast_tuple_target = 128);
ALTER TABLE tam_s ALTER v SET STORAGE EXTERNAL;
CREATE TABLE heap_s (id int, size int, v bytea) USING heap;
ALTER TABLE heap_s ALTER v SET STORAGE EXTERNAL;
-- around one chunk (1996 bytes), two and many; around the short header's limit
INSERT INTO tam_s SELECT row_number() OVER (), n, wide(n, n) FROM unnest(ARRAY[0, 1, 100, 126, 127, 128, 129,
    1995, 1996, 1997, 2500, 3991, 3992, 3993, 5988, 5989, 20000, 199600, 1000000]) n;
INSERT INTO heap_s SELECT * FROM tam_s;
SELECT id, size, octet_length(v) = size AS length, v = wide(size, size) AS same,
       pg_column_size(v) = size AS out_of_line
FROM tam_s ORDER BY id;

-- slices that start and end at, before and after the borders of chunks
SELECT count(*) AS slices, count(*) FILTER (WHERE substr(t.v, o, l) IS DISTINCT FROM substr(h.v, o, l)) AS wrong,
       count(*) FILTER (WHERE substr(t.v, o, l) IS DISTINCT FROM substr(wide(t.size, t.size), o, l)) AS other
FROM tam_s t JOIN heap_s h USING (id),
     unnest(ARRAY[1, 2, 1000, 1995, 1996, 1997, 1998, 3992, 3993, 3994, 19000, 199599, 199600, 199601]) o,
     unnest(ARRAY[0, 1, 2, 995, 996, 1995, 1996, 1997, 3992, 3993, 5000, 1000000]) l
WHERE t.size < 300000 OR (o > 19000 AND l < 3000);

-- only the chunks of the slice are read: the other chunks' pages are not touched
CREATE TABLE tam_wide (v bytea) USING ruvector_tam;
ALTER TABLE tam_wide ALTER v SET STORAGE EXTERNAL;
INSERT INTO tam_wide SELECT wide(1, 4000000);
CREATE FUNCTION toast_blocks(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE plan json; before bigint;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT json) ' || query INTO plan;
    RETURN (plan->0->'Plan'->>'Shared Hit Blocks')::bigint + (plan->0->'Plan'->>'Shared Read Blocks')::bigint;
END $$;
SELECT toast_blocks('SELECT md5(substr(v, 1000000, 10)) FROM tam_wide') < 20 AS few,
       toast_blocks('SELECT md5(substr(v, 1000000, 10)) FROM tam_wide') > 3 AS some,
       toast_blocks('SELECT md5(v) FROM tam_wide') > 500 AS all_of_them;

-- compressed values, pglz and lz4, whole and by prefix
CREATE TABLE tam_z (id int, a text, b text COMPRESSION lz4) USING ruvector_tam;
INSERT INTO tam_z SELECT i, string_agg(md5((i * j)::text) || repeat('-', 40), ''), string_agg(md5((i * j)::text) || repeat('+', 40), '')
    FROM generate_series(1, 5) i, generate_series(1, 500) j GROUP BY i;
SELECT id, pg_column_compression(a), pg_column_compression(b), length(a), length(b),
       pg_column_size(a) < length(a) AS a_small, pg_column_size(b) < length(b) AS b_small,
       left(a, 33) = md5(id::text) || '-' AS prefix_a, substr(b, 30000, 5000) = right(left(b, 34999), 5000) AS part_b,
       translate(a, '-', '+') = b AS same
FROM tam_z ORDER BY id;

-- where values escape to: other tables, arrays, whole rows, sorts, indexes, functions
CREATE TABLE copies (id int, v bytea, r tam_s, a bytea[]);
INSERT INTO copies SELECT id, v, t, ARRAY[v, v] FROM tam_s t WHERE size BETWEEN 1000 AND 6000;
CREATE TABLE ctas USING ruvector_tam AS SELECT id, v FROM tam_s WHERE size BETWEEN 1000 AND 6000;
TRUNCATE tam_s;
SELECT count(*) FILTER (WHERE v = wide(octet_length(v), octet_length(v))) AS whole,
       count(*) FILTER (WHERE a[2] = v) AS array_element, count(*) FILTER (WHERE (r).v = v) AS row_field,
       count(*) FROM copies;
SELECT count(*) FILTER (WHERE v = wide(octet_length(v), octet_length(v))) AS same, count(*) FROM ctas;

-- a value that another transaction wrote, deleted and removed: a snapshot keeps what it sees
CREATE TABLE tam_cursor (id int, v bytea) USING ruvector_tam WITH (toast_tuple_target = 128);
ALTER TABLE tam_cursor ALTER v SET STORAGE EXTERNAL;
INSERT INTO tam_cursor SELECT i, wide(i, 3000) FROM generate_series(1, 3) i;
BEGIN;
DECLARE c CURSOR FOR SELECT id, v = wide(id, 3000) FROM tam_cursor ORDER BY id;
FETCH 1 FROM c;
DELETE FROM tam_cursor;
FETCH 2 FROM c;
COMMIT;
VACUUM tam_cursor;
SELECT count(*) FROM tam_cursor;

DROP TABLE copies, tam_s, heap_s, tam_wide, tam_z, ctas, tam_cursor;
DROP FUNCTION wide, toast_blocks;
