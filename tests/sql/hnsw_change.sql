-- hnsw: rows that come, change and go; duplicates; vacuum; other kinds of tables.
SET enable_seqscan = off;
SET hnsw.ef_search = 1000;
SET hnsw.max_scan_tuples = 1000000;
CREATE FUNCTION hnswc_vector(i int, dim int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT array_agg((hashint4extended(i, d) & 65535) / 32768.0 - 1 ORDER BY d)::real[]::vector
   FROM generate_series(1, dim) d $$;

-- does the index return exactly the table's rows, each once, in order?
CREATE FUNCTION hnswc_sound(relation regclass, op text) RETURNS text LANGUAGE plpgsql AS
$$ DECLARE by_index int[]; in_order boolean; all_rows int[]; problem text;
BEGIN
	SET LOCAL enable_seqscan = off;
	SET LOCAL hnsw.iterative_scan = relaxed_order;
	EXECUTE format('SELECT array_agg(id), bool_and(d >= before) FROM (SELECT id, d, lag(d, 1, d) OVER () AS before FROM (SELECT id, v %s $1 AS d FROM %s ORDER BY v %s $1) s) o', op, relation, op)
		INTO by_index, in_order USING hnswc_vector(-1, 8);
	SET LOCAL enable_indexscan = off;
	SET LOCAL enable_seqscan = on;
	EXECUTE format('SELECT array_agg(id ORDER BY id) FROM %s WHERE v IS NOT NULL', relation) INTO all_rows;
	SELECT array_agg(x ORDER BY x) INTO by_index FROM unnest(by_index) x;
	SET LOCAL enable_indexscan = on;
	IF by_index IS DISTINCT FROM all_rows THEN
		RETURN format('%s rows by index, %s in the table', coalesce(cardinality(by_index), 0), coalesce(cardinality(all_rows), 0));
	ELSIF NOT in_order AND (SELECT max(s.rows) <= 1000 FROM pg_index i, ruvector_hnsw_stats(indexrelid::regclass) s WHERE indrelid = relation) THEN
		RETURN 'not in order';
	END IF;
	SELECT c.detail INTO problem FROM pg_index i, ruvector_index_check(indexrelid::regclass) c
		WHERE indrelid = relation LIMIT 1;
	RETURN coalesce(problem, 'sound');
END $$;

CREATE TABLE hnsw_c (id int, v vector(8)) WITH (autovacuum_enabled = off);
INSERT INTO hnsw_c SELECT i, hnswc_vector(i, 8) FROM generate_series(1, 1000) i;
CREATE INDEX hnsw_c_l2 ON hnsw_c USING hnsw (v vector_l2_ops) WITH (m = 4, ef_construction = 20);
CREATE INDEX hnsw_c_ip ON hnsw_c USING hnsw (v vector_ip_ops) WITH (m = 8, ef_construction = 40);
INSERT INTO hnsw_c SELECT i, hnswc_vector(i, 8) FROM generate_series(1001, 1500) i;
SELECT hnswc_sound('hnsw_c', '<->'), hnswc_sound('hnsw_c', '<#>');
UPDATE hnsw_c SET v = hnswc_vector(id + 10000, 8) WHERE id % 7 = 0;
UPDATE hnsw_c SET v = NULL WHERE id % 100 = 1;
SELECT hnswc_sound('hnsw_c', '<->'), hnswc_sound('hnsw_c', '<#>');

-- deleted rows are not returned before vacuum either; vacuum frees their slots
DELETE FROM hnsw_c WHERE id % 2 = 0;
SELECT hnswc_sound('hnsw_c', '<->');
VACUUM hnsw_c;
SELECT rows = (SELECT count(v) FROM hnsw_c) AS exact, rows = nodes AS one_each, doomed, free > 700 AS freed, reserved
FROM ruvector_hnsw_stats('hnsw_c_l2');
SELECT hnswc_sound('hnsw_c', '<->'), hnswc_sound('hnsw_c', '<#>');

-- new rows take the free slots: the index does not grow
SELECT pg_relation_size('hnsw_c_l2') AS before \gset
INSERT INTO hnsw_c SELECT i, hnswc_vector(i, 8) FROM generate_series(2000, 2600) i;
SELECT pg_relation_size('hnsw_c_l2') = :before AS same_size;
SELECT hnswc_sound('hnsw_c', '<->'), hnswc_sound('hnsw_c', '<#>');

-- nine of ten go, then all, then it fills again
DELETE FROM hnsw_c WHERE id % 10 <> 3;
VACUUM hnsw_c;
SELECT hnswc_sound('hnsw_c', '<->'), hnswc_sound('hnsw_c', '<#>');
DELETE FROM hnsw_c;
VACUUM hnsw_c;
SELECT rows, nodes, doomed FROM ruvector_hnsw_stats('hnsw_c_l2');
SELECT hnswc_sound('hnsw_c', '<->');
INSERT INTO hnsw_c SELECT i, hnswc_vector(i, 8) FROM generate_series(1, 200) i;
SELECT hnswc_sound('hnsw_c', '<->'), hnswc_sound('hnsw_c', '<#>');
DROP TABLE hnsw_c;

-- duplicates: by build, by insert; their first row goes, some go, all go
CREATE TABLE hnsw_d (id int, v vector(8)) WITH (autovacuum_enabled = off);
INSERT INTO hnsw_d SELECT i, hnswc_vector(i % 5, 8) FROM generate_series(0, 1999) i;
CREATE INDEX hnsw_d_l2 ON hnsw_d USING hnsw (v vector_l2_ops);
CREATE INDEX hnsw_d_cos ON hnsw_d USING ruhnsw (v vector_cosine_ops);
INSERT INTO hnsw_d SELECT i, hnswc_vector(i % 6, 8) FROM generate_series(2000, 3999) i;
SELECT rows, nodes, duplicates FROM ruvector_hnsw_stats('hnsw_d_l2');
SELECT hnswc_sound('hnsw_d', '<->'), hnswc_sound('hnsw_d', '<=>');
SELECT count(*), count(DISTINCT v), bool_and(v = hnswc_vector(2, 8)) AS nearest
FROM (SELECT v FROM hnsw_d ORDER BY v <-> hnswc_vector(2, 8) LIMIT 700) s;
DELETE FROM hnsw_d WHERE id < 5;
VACUUM hnsw_d;
SELECT rows, nodes, duplicates, doomed FROM ruvector_hnsw_stats('hnsw_d_l2');
SELECT hnswc_sound('hnsw_d', '<->'), hnswc_sound('hnsw_d', '<=>');
DELETE FROM hnsw_d WHERE id % 3 = 0 OR v = hnswc_vector(4, 8);
VACUUM hnsw_d;
SELECT rows = (SELECT count(*) FROM hnsw_d) AS exact, nodes, doomed FROM ruvector_hnsw_stats('hnsw_d_l2');
INSERT INTO hnsw_d SELECT i, hnswc_vector(i % 6, 8) FROM generate_series(5000, 5999) i;
SELECT hnswc_sound('hnsw_d', '<->'), hnswc_sound('hnsw_d', '<=>');
DELETE FROM hnsw_d;
VACUUM hnsw_d;
SELECT rows, nodes, duplicates, doomed FROM ruvector_hnsw_stats('hnsw_d_l2');
SELECT hnswc_sound('hnsw_d', '<->');
DROP TABLE hnsw_d;

-- the same vector thousands of times, one row beside it
CREATE TABLE hnsw_e (id int, v vector(8)) WITH (autovacuum_enabled = off);
CREATE INDEX hnsw_e_l2 ON hnsw_e USING hnsw (v vector_l2_ops);
INSERT INTO hnsw_e SELECT i, hnswc_vector(1, 8) FROM generate_series(1, 5000) i;
INSERT INTO hnsw_e VALUES (0, hnswc_vector(2, 8));
SELECT nodes, duplicates FROM ruvector_hnsw_stats('hnsw_e_l2');
SET hnsw.ef_search = 40;
SELECT id FROM hnsw_e ORDER BY v <-> hnswc_vector(2, 8) LIMIT 1;
SELECT hnswc_sound('hnsw_e', '<->');
REINDEX INDEX hnsw_e_l2;
SELECT nodes, duplicates FROM ruvector_hnsw_stats('hnsw_e_l2');
SELECT hnswc_sound('hnsw_e', '<->');
DROP TABLE hnsw_e;

-- rolled-back inserts; savepoints
CREATE TABLE hnsw_r (id int, v vector(8)) WITH (autovacuum_enabled = off);
CREATE INDEX hnsw_r_l2 ON hnsw_r USING hnsw (v vector_l2_ops);
BEGIN;
INSERT INTO hnsw_r SELECT i, hnswc_vector(i, 8) FROM generate_series(1, 50) i;
ROLLBACK;
BEGIN;
INSERT INTO hnsw_r SELECT i, hnswc_vector(i, 8) FROM generate_series(51, 60) i;
SAVEPOINT s;
INSERT INTO hnsw_r SELECT i, hnswc_vector(i, 8) FROM generate_series(61, 70) i;
ROLLBACK TO s;
COMMIT;
SELECT hnswc_sound('hnsw_r', '<->');
VACUUM hnsw_r;
SELECT rows, nodes, free FROM ruvector_hnsw_stats('hnsw_r_l2');
SELECT hnswc_sound('hnsw_r', '<->');

-- truncation
TRUNCATE hnsw_r;
SELECT rows, pages FROM ruvector_hnsw_stats('hnsw_r_l2');
INSERT INTO hnsw_r SELECT i, hnswc_vector(i, 8) FROM generate_series(1, 50) i;
SELECT hnswc_sound('hnsw_r', '<->');
DROP TABLE hnsw_r;
DROP FUNCTION hnswc_sound, hnswc_vector;
