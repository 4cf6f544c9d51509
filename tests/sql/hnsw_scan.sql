-- hnsw: ordered scans against the exact order.
\set zero '[0,0,0,0,0,0,0,0]'
SET max_parallel_workers_per_gather = 0;

-- dim pseudo-random elements in [-1, 1), the same everywhere
CREATE FUNCTION hnsw_vector(i int, dim int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT array_agg((hashint4extended(i, d) & 65535) / 32768.0 - 1 ORDER BY d)::real[]::vector
   FROM generate_series(1, dim) d $$;

-- ids by the index and by a sort
CREATE FUNCTION hnsw_by_index(relation regclass, op text, query vector, k int) RETURNS int[] LANGUAGE plpgsql AS
$$ DECLARE ids int[];
BEGIN
	SET LOCAL enable_seqscan = off;
	EXECUTE format('SELECT array_agg(id) FROM (SELECT id FROM %s ORDER BY v %s $1 LIMIT %s) s', relation, op, k)
		INTO ids USING query;
	SET LOCAL enable_seqscan = on;
	RETURN ids;
END $$;
CREATE FUNCTION hnsw_by_sort(relation regclass, op text, query vector, k int) RETURNS int[] LANGUAGE plpgsql AS
$$ DECLARE ids int[];
BEGIN
	SET LOCAL enable_indexscan = off;
	EXECUTE format('SELECT array_agg(id) FROM (SELECT id FROM %s ORDER BY v %s $1 LIMIT %s) s', relation, op, k)
		INTO ids USING query;
	SET LOCAL enable_indexscan = on;
	RETURN ids;
END $$;

-- nothing, then one row, then more
CREATE TABLE hnsw_s (id int, v vector(8));
CREATE INDEX hnsw_s_l2 ON hnsw_s USING hnsw (v vector_l2_ops);
SET enable_seqscan = off;
SELECT count(*) FROM (SELECT id FROM hnsw_s ORDER BY v <-> :'zero' LIMIT 5) s;
INSERT INTO hnsw_s VALUES (1, hnsw_vector(1, 8));
SELECT id FROM hnsw_s ORDER BY v <-> :'zero' LIMIT 5;
INSERT INTO hnsw_s VALUES (2, NULL);
INSERT INTO hnsw_s SELECT i, hnsw_vector(i, 8) FROM generate_series(3, 10) i;
SELECT hnsw_by_index('hnsw_s', '<->', :'zero', 20) = hnsw_by_sort('hnsw_s', '<->', :'zero', 9) AS same;
SELECT * FROM ruvector_index_check('hnsw_s_l2');
DROP TABLE hnsw_s;

-- the three classes, built and inserted; with ef >= n every row is measured exactly
CREATE TABLE hnsw_s (id int, v vector(8));
INSERT INTO hnsw_s SELECT i, hnsw_vector(i, 8) FROM generate_series(1, 300) i;
CREATE INDEX hnsw_s_l2 ON hnsw_s USING hnsw (v vector_l2_ops);
CREATE INDEX hnsw_s_ip ON hnsw_s USING hnsw (v vector_ip_ops);
CREATE INDEX hnsw_s_cos ON hnsw_s USING hnsw (v vector_cosine_ops);
INSERT INTO hnsw_s SELECT i, hnsw_vector(i, 8) FROM generate_series(301, 600) i;
SET hnsw.ef_search = 1000;
SELECT op, count(*) FILTER (WHERE hnsw_by_index('hnsw_s', op, hnsw_vector(-q, 8), 600) =
								  hnsw_by_sort('hnsw_s', op, hnsw_vector(-q, 8), 600)) AS same_order
FROM unnest(ARRAY['<->', '<#>', '<=>']) op, generate_series(1, 11) q
WHERE q <> 9	-- which has two rows at the same distance
GROUP BY 1 ORDER BY 1;
RESET hnsw.ef_search;
SELECT i, c.* FROM unnest(ARRAY['hnsw_s_l2', 'hnsw_s_ip', 'hnsw_s_cos']) i, ruvector_index_check(i::regclass) c;

-- recall of the first ten with the default ef, of 200 possible hits per class
SELECT op, sum((SELECT count(*) FROM unnest(hnsw_by_index('hnsw_s', op, hnsw_vector(-q, 8), 10)) a
				JOIN unnest(hnsw_by_sort('hnsw_s', op, hnsw_vector(-q, 8), 10)) b ON a = b)) >= 190 AS good
FROM unnest(ARRAY['<->', '<#>', '<=>']) op, generate_series(1, 20) q GROUP BY 1 ORDER BY 1;

-- the planner: an ordered scan with a limit, not without an order, not for another operator
RESET enable_seqscan;
CREATE TABLE hnsw_b (id int, v vector(8));
INSERT INTO hnsw_b SELECT i, hnsw_vector(i, 8) FROM generate_series(1, 10000) i;
CREATE INDEX hnsw_b_l2 ON hnsw_b USING hnsw (v vector_l2_ops) WITH (m = 8, ef_construction = 32);
CREATE INDEX hnsw_b_ip ON hnsw_b USING hnsw (v vector_ip_ops) WITH (m = 8, ef_construction = 32);
ANALYZE hnsw_b;
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_b ORDER BY v <-> :'zero' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_b ORDER BY v <#> :'zero' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_b WHERE id < 6000 ORDER BY v <-> :'zero' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_b ORDER BY v <+> :'zero' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_b ORDER BY v <-> :'zero' DESC LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_b ORDER BY v <-> :'zero';
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM hnsw_b;
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_b WHERE v = :'zero';

-- a second query of the session, and many more, on more pages than the first touched
SELECT count(*) FROM generate_series(1, 200) i, LATERAL (SELECT id FROM hnsw_b ORDER BY v <-> hnsw_vector(-i, 8) LIMIT 10) s;
SELECT count(*) FROM generate_series(1, 200) i, LATERAL (SELECT id FROM hnsw_b ORDER BY v <#> hnsw_vector(-i, 8) LIMIT 10) s;
SELECT * FROM ruvector_index_check('hnsw_b_ip');
DROP TABLE hnsw_b;

-- more rows than ef: off stops, the others go on; strict order never goes backwards
SET hnsw.iterative_scan = off;
SELECT count(*) FROM (SELECT id FROM hnsw_s ORDER BY v <-> :'zero' LIMIT 500) s;
SET hnsw.ef_search = 7;
SELECT count(*) FROM (SELECT id FROM hnsw_s ORDER BY v <-> :'zero' LIMIT 500) s;
RESET hnsw.ef_search;
SET hnsw.iterative_scan = relaxed_order;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM hnsw_s ORDER BY v <-> :'zero') s;
SET hnsw.iterative_scan = strict_order;
SELECT count(*) > 580 AS nearly_all, count(*) = count(DISTINCT id) AS once,
	bool_and(d >= before) AS in_order
FROM (SELECT id, d, lag(d, 1, d) OVER () AS before
	  FROM (SELECT id, v <-> :'zero' AS d FROM hnsw_s ORDER BY v <-> :'zero') s) o;
SELECT count(*) FROM (SELECT id FROM hnsw_s ORDER BY v <-> :'zero' LIMIT 250) s;

-- a selective filter is satisfied by going on
SET hnsw.ef_search = 100;
SELECT array_agg(id) = ARRAY(SELECT id FROM hnsw_s WHERE id % 50 = 0 AND id <= 600 ORDER BY (v <-> :'zero') + 0 LIMIT 5) AS same
FROM (SELECT id FROM hnsw_s WHERE id % 50 = 0 ORDER BY v <-> :'zero' LIMIT 5) s;
RESET hnsw.ef_search;
SET hnsw.max_scan_tuples = 100;
SELECT count(*) BETWEEN 90 AND 200 AS stopped FROM (SELECT id FROM hnsw_s ORDER BY v <-> :'zero') s;
RESET hnsw.max_scan_tuples;

-- rescans with another query each time
SELECT count(*), count(DISTINCT nearest), bool_and(o.id = n.nearest) AS each_finds_itself
FROM (SELECT id, v FROM hnsw_s WHERE id BETWEEN 11 AND 60) o,
	LATERAL (SELECT id AS nearest FROM hnsw_s i ORDER BY i.v <-> o.v LIMIT 1) n;

-- prepared statements, cursors
PREPARE nearest(vector) AS SELECT id FROM hnsw_s ORDER BY v <-> $1 LIMIT 1;
EXPLAIN (COSTS OFF) EXECUTE nearest(hnsw_vector(5, 8));
EXECUTE nearest(hnsw_vector(5, 8));
EXECUTE nearest(hnsw_vector(6, 8));
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE nearest(hnsw_vector(5, 8));
EXECUTE nearest(hnsw_vector(7, 8));
CREATE TEMP TABLE any_row AS EXECUTE nearest(NULL);
SELECT count(*) FROM any_row;
RESET plan_cache_mode;
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM hnsw_s ORDER BY v <-> hnsw_vector(9, 8);
FETCH 1 FROM c;
DELETE FROM hnsw_s WHERE id = 9;
MOVE 100 FROM c;
SET LOCAL hnsw.iterative_scan = off;
MOVE 100 FROM c;
CLOSE c;
ROLLBACK;

-- a query of another dimension, no query, a zero query
SELECT id FROM hnsw_s ORDER BY v <-> '[1,2,3]' LIMIT 1;
SELECT count(*) FROM (SELECT id FROM hnsw_s ORDER BY v <-> NULL::vector LIMIT 3) s;
SELECT count(*) FROM (SELECT id FROM hnsw_s ORDER BY v <-> (SELECT NULL::vector) LIMIT 3) s;
SELECT count(*), min(d) AS distance
FROM (SELECT v <=> :'zero' AS d FROM hnsw_s ORDER BY v <=> :'zero' LIMIT 3) s;

-- vectors without direction are not in a cosine index
CREATE TABLE hnsw_z (id int, v vector(8));
CREATE INDEX hnsw_z_cos ON hnsw_z USING hnsw (v vector_cosine_ops);
INSERT INTO hnsw_z SELECT i, CASE WHEN i % 3 = 0 THEN :'zero' ELSE hnsw_vector(i, 8) END FROM generate_series(1, 30) i;
SELECT count(*) FROM (SELECT id FROM hnsw_z ORDER BY v <=> hnsw_vector(1, 8)) s;
REINDEX INDEX hnsw_z_cos;
SELECT count(*) FROM (SELECT id FROM hnsw_z ORDER BY v <=> hnsw_vector(1, 8)) s;
SELECT rows FROM ruvector_hnsw_stats('hnsw_z_cos');

-- extreme values neither crash nor vanish
CREATE TABLE hnsw_x (id int, v vector(2));
INSERT INTO hnsw_x VALUES (1, '[3e38,3e38]'), (2, '[-3e38,3e38]'), (3, '[0,0]'), (4, '[1e-40,1e-40]'), (5, '[1,1]'), (6, '[-0,0]');
CREATE INDEX ON hnsw_x USING hnsw (v vector_l2_ops);
CREATE INDEX ON hnsw_x USING hnsw (v vector_ip_ops);
INSERT INTO hnsw_x SELECT id + 6, v FROM hnsw_x;
SELECT count(DISTINCT id) FROM (SELECT id FROM hnsw_x ORDER BY v <-> '[1,1]') s;
SELECT count(DISTINCT id) FROM (SELECT id FROM hnsw_x ORDER BY v <#> '[1,1]') s;
SELECT id FROM hnsw_x ORDER BY v <-> '[1,1]', id LIMIT 2;
DROP TABLE hnsw_s, hnsw_z, hnsw_x;
DROP FUNCTION hnsw_vector, hnsw_by_index, hnsw_by_sort;

-- a query at right angles to a common offset: the operator's own sums lose more than the distances differ by
CREATE TABLE hnsw_far (id int, v vector(64));
INSERT INTO hnsw_far SELECT i, (SELECT array_agg(1000 + sin(i * j) * 0.01 ORDER BY j) FROM generate_series(1, 64) j)
FROM generate_series(1, 500) i;
CREATE INDEX hnsw_far_ip ON hnsw_far USING hnsw (v vector_ip_ops);
CREATE INDEX hnsw_far_cos ON hnsw_far USING hnsw (v vector_cosine_ops);
CREATE INDEX hnsw_far_l2 ON hnsw_far USING hnsw (v vector_l2_ops);
SET enable_seqscan = off;
SET hnsw.ef_search = 100;
SELECT array_agg(CASE WHEN j % 2 = 0 THEN 1000 ELSE -1000 END + sin(j) ORDER BY j)::vector(64) AS across
FROM generate_series(1, 64) j \gset
SELECT count(*) FROM (SELECT id FROM hnsw_far ORDER BY v <#> :'across' LIMIT 50) s;
SELECT count(*) FROM (SELECT id FROM hnsw_far ORDER BY v <=> :'across' LIMIT 50) s;
SELECT count(*) FROM (SELECT id FROM hnsw_far ORDER BY v <-> :'across' LIMIT 50) s;
RESET hnsw.ef_search;
RESET enable_seqscan;
DROP TABLE hnsw_far;
