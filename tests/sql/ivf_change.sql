-- Inserts, deletes, VACUUM, duplicates, maintenance and kinds of tables.
SET client_min_messages = warning;
CREATE FUNCTION ic_vector(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg((hashint4extended(i, d) & 65535) / 32768.0 - 1 ORDER BY d)::real[]::vector FROM generate_series(1, 8) d $$;
CREATE FUNCTION ic_count(rel regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
	dist bigint;
BEGIN
	SET LOCAL enable_seqscan = off;
	SET LOCAL ivfflat.probes = 32768;
	EXECUTE format('SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM %s ORDER BY v <-> ic_vector(1)) s', rel) INTO n, dist;
	RETURN n || ' rows, ' || dist || ' different';
END $$;
-- maintenance only when the test says so
CREATE TABLE ic (id int, v vector(8)) WITH (autovacuum_enabled = off);
RESET client_min_messages;

-- an index made on nothing fills up; VACUUM forms its lists
CREATE INDEX ic_v ON ic USING ivfflat (v) WITH (lists = 10);
SELECT rows, lists, lists_wanted FROM ruvector_ivfflat_stats('ic_v');
INSERT INTO ic SELECT i, ic_vector(i) FROM generate_series(1, 3000) i;
INSERT INTO ic VALUES (0, NULL);
SELECT rows, lists FROM ruvector_ivfflat_stats('ic_v');
SELECT ic_count('ic');
SELECT * FROM ruvector_index_check('ic_v');
VACUUM ic;
SELECT rows, lists, largest < 600 AS even, generation FROM ruvector_ivfflat_stats('ic_v');
SELECT ic_count('ic');
SELECT * FROM ruvector_index_check('ic_v');

-- deleted rows go, their places are used again
DELETE FROM ic WHERE id % 3 = 0;
SELECT ic_count('ic');
VACUUM ic;
SELECT rows FROM ruvector_ivfflat_stats('ic_v');
SELECT ic_count('ic');
SELECT * FROM ruvector_index_check('ic_v');
SELECT code_pages FROM ruvector_ivfflat_stats('ic_v') \gset before_
INSERT INTO ic SELECT i, ic_vector(i) FROM generate_series(1, 3000) i WHERE i % 3 = 0;
SELECT code_pages = :before_code_pages AS no_larger FROM ruvector_ivfflat_stats('ic_v');
SELECT ic_count('ic');
SELECT * FROM ruvector_index_check('ic_v');

-- updates: old versions stay until VACUUM
UPDATE ic SET v = ic_vector(id + 10000) WHERE id <= 500 AND id > 0;
SELECT ic_count('ic');
SET enable_seqscan = off;
SET ivfflat.probes = 10;
SELECT id FROM ic ORDER BY v <-> ic_vector(10007) LIMIT 1;
SELECT id = 7 AS still FROM ic ORDER BY v <-> ic_vector(7) LIMIT 1;
VACUUM ic;
SELECT rows FROM ruvector_ivfflat_stats('ic_v');
SELECT * FROM ruvector_index_check('ic_v');

-- equal rows: a list of nothing else cannot be split
INSERT INTO ic SELECT 20000 + i, ic_vector(5) FROM generate_series(1, 2000) i;
SELECT split, merged, created, moved FROM ruvector_index_maintenance('ic_v');
SELECT ic_count('ic');
SELECT * FROM ruvector_index_check('ic_v');
SELECT count(*) FROM (SELECT id FROM ic ORDER BY v <-> ic_vector(5) LIMIT 2000) s WHERE id > 20000;

-- one cluster grows, another shrinks: their lists are split and merged, the others stay as they are
CREATE TABLE ic_local (id int, v vector(8)) WITH (autovacuum_enabled = off);
INSERT INTO ic_local SELECT i, ic_vector(i) + array_fill(5 * (i % 10), ARRAY[8])::vector FROM generate_series(1, 4000) i;
CREATE INDEX ic_local_v ON ic_local USING ivfflat (v) WITH (lists = 10);
INSERT INTO ic_local SELECT i, ic_vector(i) + array_fill(15, ARRAY[8])::vector FROM generate_series(10001, 12500) i;
SELECT split, merged, created > 1 AS created, moved > 2000 AND moved < 4000 AS only_theirs, lists_after > 9 AS more
	FROM ruvector_index_maintenance('ic_local_v');
SELECT * FROM ruvector_index_check('ic_local_v');
SELECT ic_count('ic_local');
DELETE FROM ic_local WHERE id % 10 = 7 AND id > 500 AND id < 10000;
VACUUM ic_local;
SELECT smallest > 100 AS merged, generation FROM ruvector_ivfflat_stats('ic_local_v');
SELECT * FROM ruvector_index_check('ic_local_v');
SELECT ic_count('ic_local');
SELECT split, merged, moved FROM ruvector_index_maintenance('ic_local_v');
DROP TABLE ic_local;

-- all rows gone, and back
DELETE FROM ic;
VACUUM ic;
SELECT rows, lists > 1 AS lists_stay FROM ruvector_ivfflat_stats('ic_v');
SELECT ic_count('ic');
INSERT INTO ic SELECT i, ic_vector(i) FROM generate_series(1, 500) i;
SELECT ic_count('ic');
SELECT * FROM ruvector_index_check('ic_v');
BEGIN;
INSERT INTO ic SELECT i, ic_vector(i) FROM generate_series(501, 600) i;
ROLLBACK;
SELECT ic_count('ic');
TRUNCATE ic;
SELECT rows, lists FROM ruvector_ivfflat_stats('ic_v');

-- maintenance belongs to the owner; looking takes SELECT
CREATE ROLE ic_other;
GRANT SELECT ON ic TO ic_other;
GRANT EXECUTE ON FUNCTION ruvector_ivfflat_stats, ruvector_index_check TO ic_other;
SET ROLE ic_other;
SELECT ruvector_index_maintenance('ic_v');
SELECT rows FROM ruvector_ivfflat_stats('ic_v');
RESET ROLE;
REVOKE SELECT ON ic FROM ic_other;
SET ROLE ic_other;
SELECT rows FROM ruvector_ivfflat_stats('ic_v');
SELECT * FROM ruvector_index_check('ic_v');
RESET ROLE;
REVOKE EXECUTE ON FUNCTION ruvector_ivfflat_stats, ruvector_index_check FROM ic_other;
DROP ROLE ic_other;

-- unlogged, temporary and partitioned tables, expressions, partial indexes, concurrently
SET client_min_messages = warning;
CREATE UNLOGGED TABLE ic_unlogged (id int, v vector(8));
CREATE INDEX ON ic_unlogged USING ivfflat (v) WITH (lists = 5);
INSERT INTO ic_unlogged SELECT i, ic_vector(i) FROM generate_series(1, 300) i;
VACUUM ic_unlogged;
SELECT ic_count('ic_unlogged');
SELECT * FROM ruvector_index_check('ic_unlogged_v_idx');
CREATE TEMP TABLE ic_temp (id int, v vector(8));
INSERT INTO ic_temp SELECT i, ic_vector(i) FROM generate_series(1, 300) i;
CREATE INDEX ON ic_temp USING ivfflat (v) WITH (lists = 5);
INSERT INTO ic_temp SELECT i, ic_vector(i) FROM generate_series(301, 400) i;
DELETE FROM ic_temp WHERE id < 100;
VACUUM ic_temp;
SELECT ic_count('ic_temp');
CREATE TABLE ic_part (id int, v vector(8)) PARTITION BY HASH (id);
CREATE TABLE ic_part0 PARTITION OF ic_part FOR VALUES WITH (modulus 2, remainder 0);
CREATE TABLE ic_part1 PARTITION OF ic_part FOR VALUES WITH (modulus 2, remainder 1);
INSERT INTO ic_part SELECT i, ic_vector(i) FROM generate_series(1, 300) i;
CREATE INDEX ON ic_part USING ivfflat (v) WITH (lists = 5);
SELECT ic_count('ic_part');
CREATE TABLE ic_expr (id int, a real[], v vector);
INSERT INTO ic_expr SELECT i, ic_vector(i)::real[], ic_vector(i) FROM generate_series(1, 300) i;
CREATE INDEX ic_expr_v ON ic_expr USING ivfflat ((a::vector(8)) vector_l2_ops) WITH (lists = 5) WHERE id > 10;
CREATE INDEX CONCURRENTLY ic_expr_half ON ic_expr USING ivfflat ((v::halfvec(8)) halfvec_cosine_ops) WITH (lists = 5);
SELECT id FROM ic_expr WHERE id > 10 ORDER BY a::vector(8) <-> ic_vector(50) LIMIT 1;
EXPLAIN (COSTS OFF) SELECT id FROM ic_expr WHERE id > 10 ORDER BY a::vector(8) <-> ic_vector(50) LIMIT 1;
SELECT id FROM ic_expr ORDER BY v::halfvec(8) <=> ic_vector(60)::halfvec(8) LIMIT 1;
REINDEX INDEX CONCURRENTLY ic_expr_half;
SELECT rows FROM ruvector_ivfflat_stats('ic_expr_half');
SELECT * FROM ruvector_index_check('ic_expr_half');
SELECT rows FROM ruvector_ivfflat_stats('ic_expr_v');
-- rows of other dimensions are refused
INSERT INTO ic_expr VALUES (1000, '{1,2}', '[1,2]');
DROP TABLE ic, ic_unlogged, ic_temp, ic_part, ic_expr;
DROP FUNCTION ic_vector, ic_count;
