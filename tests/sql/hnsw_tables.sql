-- hnsw on all kinds of tables, and the other commands that build indexes.
SET enable_seqscan = off;
SET max_parallel_workers_per_gather = 0;
CREATE FUNCTION hnswt_vector(i int, dim int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT array_agg((hashint4extended(i, d) & 65535) / 32768.0 - 1 ORDER BY d)::real[]::vector
   FROM generate_series(1, dim) d $$;
\set query 'hnswt_vector(-1, 8)'

-- unlogged and temporary
CREATE UNLOGGED TABLE hnsw_u (id int, v vector(8));
CREATE INDEX hnsw_u_l2 ON hnsw_u USING hnsw (v vector_l2_ops);
INSERT INTO hnsw_u SELECT i, hnswt_vector(i, 8) FROM generate_series(1, 100) i;
CREATE TEMP TABLE hnsw_t (id int, v vector(8));
INSERT INTO hnsw_t SELECT * FROM hnsw_u;
CREATE INDEX hnsw_t_l2 ON hnsw_t USING hnsw (v vector_l2_ops);
INSERT INTO hnsw_t SELECT i, hnswt_vector(i, 8) FROM generate_series(101, 200) i;
INSERT INTO hnsw_u SELECT i, hnswt_vector(i, 8) FROM generate_series(101, 200) i;
SELECT (SELECT array_agg(id) FROM (SELECT id FROM hnsw_u ORDER BY v <-> :query LIMIT 10) s) =
	   (SELECT array_agg(id) FROM (SELECT id FROM hnsw_t ORDER BY v <-> :query LIMIT 10) s) AS same;
SELECT i, c.* FROM unnest(ARRAY['hnsw_u_l2', 'hnsw_t_l2']) i, ruvector_index_check(i::regclass) c;
ALTER TABLE hnsw_u SET LOGGED;
SELECT rows FROM ruvector_hnsw_stats('hnsw_u_l2');
ALTER TABLE hnsw_u SET UNLOGGED;
SELECT id FROM hnsw_u ORDER BY v <-> hnswt_vector(7, 8) LIMIT 1;
DROP TABLE hnsw_t;

-- partial and expression indexes
CREATE INDEX hnsw_u_part ON hnsw_u USING hnsw (v vector_l2_ops) WHERE id <= 50;
CREATE INDEX hnsw_u_expr ON hnsw_u USING hnsw (((v * '[1,1,1,1,1,1,1,-1]')::vector(8)) vector_cosine_ops);
SELECT i, rows FROM unnest(ARRAY['hnsw_u_part', 'hnsw_u_expr']) i, ruvector_hnsw_stats(i::regclass) ORDER BY 1;
INSERT INTO hnsw_u SELECT i, hnswt_vector(i, 8) FROM generate_series(-20, 0) i;
SELECT i, rows FROM unnest(ARRAY['hnsw_u_part', 'hnsw_u_expr']) i, ruvector_hnsw_stats(i::regclass) ORDER BY 1;
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_u
ORDER BY ((v * '[1,1,1,1,1,1,1,-1]')::vector(8)) <=> '[1,1,1,1,1,1,1,1]' LIMIT 3;
SELECT (SELECT array_agg(id) FROM (SELECT id FROM hnsw_u WHERE id <= 50 ORDER BY v <-> :query LIMIT 5) s) =
	   (SELECT array_agg(id) FROM (SELECT id FROM hnsw_u WHERE id <= 50 ORDER BY (v <-> :query) + 0 LIMIT 5) s) AS same;
DROP TABLE hnsw_u;

-- CREATE INDEX CONCURRENTLY, REINDEX, CLUSTER's refusal, VACUUM FULL
CREATE TABLE hnsw_l (id int PRIMARY KEY, v vector(8));
INSERT INTO hnsw_l SELECT i, CASE WHEN i % 10 > 0 THEN hnswt_vector(i, 8) END FROM generate_series(1, 500) i;
CREATE INDEX CONCURRENTLY hnsw_l_l2 ON hnsw_l USING hnsw (v vector_l2_ops);
SELECT indisvalid FROM pg_index WHERE indexrelid = 'hnsw_l_l2'::regclass;
SELECT rows FROM ruvector_hnsw_stats('hnsw_l_l2');
INSERT INTO hnsw_l SELECT i, hnswt_vector(i, 8) FROM generate_series(501, 600) i;
REINDEX INDEX hnsw_l_l2;
SELECT rows FROM ruvector_hnsw_stats('hnsw_l_l2');
REINDEX INDEX CONCURRENTLY hnsw_l_l2;
SELECT rows FROM ruvector_hnsw_stats('hnsw_l_l2');
VACUUM FULL hnsw_l;
SELECT rows FROM ruvector_hnsw_stats('hnsw_l_l2');
CLUSTER hnsw_l USING hnsw_l_l2;
SELECT id FROM hnsw_l ORDER BY v <-> hnswt_vector(77, 8) LIMIT 1;
SELECT * FROM ruvector_index_check('hnsw_l_l2');
ALTER INDEX hnsw_l_l2 SET (m = 8);
REINDEX INDEX hnsw_l_l2;
SELECT m, rows FROM ruvector_hnsw_stats('hnsw_l_l2');
DROP INDEX hnsw_l_l2;
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_l ORDER BY v <-> :query LIMIT 1;

-- a failed build leaves nothing, a second one works
ALTER TABLE hnsw_l ADD COLUMN w vector;
UPDATE hnsw_l SET w = CASE WHEN id = 300 THEN '[1,2]'::vector ELSE '[1,2,3]' END;
CREATE INDEX hnsw_l_w ON hnsw_l USING hnsw ((w::vector(3)) vector_l2_ops);
CREATE INDEX hnsw_l_w ON hnsw_l USING hnsw ((w::vector(3)) vector_l2_ops) WHERE id <> 300;
SELECT rows, nodes FROM ruvector_hnsw_stats('hnsw_l_w');
DROP TABLE hnsw_l;

-- partitions
CREATE TABLE hnsw_p (id int, v vector(8)) PARTITION BY RANGE (id);
CREATE TABLE hnsw_p1 PARTITION OF hnsw_p FOR VALUES FROM (0) TO (100);
CREATE TABLE hnsw_p2 PARTITION OF hnsw_p FOR VALUES FROM (100) TO (200);
CREATE INDEX ON hnsw_p USING hnsw (v vector_l2_ops);
INSERT INTO hnsw_p SELECT i, hnswt_vector(i, 8) FROM generate_series(0, 199) i;
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_p ORDER BY v <-> '[1,1,1,1,1,1,1,1]' LIMIT 3;
SELECT (SELECT array_agg(id) FROM (SELECT id FROM hnsw_p ORDER BY v <-> :query LIMIT 5) s) =
	   (SELECT array_agg(id) FROM (SELECT id FROM hnsw_p ORDER BY (v <-> :query) + 0 LIMIT 5) s) AS same;
DROP TABLE hnsw_p;

-- a build that outgrows maintenance_work_mem goes on row by row and is as good
CREATE TABLE hnsw_m (id int, v vector(64));
INSERT INTO hnsw_m SELECT i, hnswt_vector(i % 4900, 64) FROM generate_series(1, 5000) i;
SET maintenance_work_mem = '1MB';
CREATE INDEX hnsw_m_l2 ON hnsw_m USING hnsw (v vector_l2_ops) WITH (ef_construction = 32);
RESET maintenance_work_mem;
SELECT rows, nodes, duplicates FROM ruvector_hnsw_stats('hnsw_m_l2');
SELECT * FROM ruvector_index_check('hnsw_m_l2');
SELECT count(*) AS found_first
FROM generate_series(1, 4899, 100) i, LATERAL (SELECT id FROM hnsw_m ORDER BY v <-> hnswt_vector(i, 64) LIMIT 2) s
WHERE s.id % 4900 = i;
DROP TABLE hnsw_m;

-- widths around every boundary: code bits, vectors per page, vectors over pages
SET client_min_messages = warning;
DO $$
DECLARE
	dim int;
	bad bigint;
	found int;
BEGIN
	FOREACH dim IN ARRAY ARRAY[1, 2, 3, 63, 64, 65, 199, 200, 1018, 1019, 1020, 2037, 2038, 2039, 4076, 4077, 8000]
	LOOP
		EXECUTE format('CREATE TABLE hnsw_w (id int, v vector(%s))', dim);
		EXECUTE 'INSERT INTO hnsw_w SELECT i, hnswt_vector(i, $1) FROM generate_series(1, 20) i' USING dim;
		CREATE INDEX hnsw_w_l2 ON hnsw_w USING hnsw (v vector_l2_ops);
		EXECUTE 'INSERT INTO hnsw_w SELECT i, hnswt_vector(i, $1) FROM generate_series(21, 40) i' USING dim;
		EXECUTE 'SELECT count(*) FROM generate_series(1, 40) i,
				 LATERAL (SELECT id FROM hnsw_w ORDER BY v <-> hnswt_vector(i, $1) LIMIT 1) s WHERE s.id = i'
			INTO found USING dim;
		SELECT count(*) INTO bad FROM ruvector_index_check('hnsw_w_l2');
		IF found <> 40 OR bad <> 0 THEN
			RAISE WARNING '% dimensions: % of 40 found, % breaches', dim, found, bad;
		END IF;
		DROP TABLE hnsw_w;
	END LOOP;
END
$$;
RESET client_min_messages;
DROP FUNCTION hnswt_vector;
