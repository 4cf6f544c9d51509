-- Ordered scans by ivfflat: each operator class against a sequential scan.
SET client_min_messages = warning;
CREATE TABLE iv (id int PRIMARY KEY, v vector(8), h halfvec(8), b bit(100), bin binaryvec(100));
INSERT INTO iv SELECT i, x::real[]::vector, x::real[]::halfvec(8), bits, bits::binaryvec(100)
	FROM (SELECT i, (SELECT array_agg((hashint4extended(i, d) & 65535) / 32768.0 - 1 + (i % 5) * (d % 2) ORDER BY d)
			FROM generate_series(1, 8) d) AS x,
		(SELECT string_agg(((hashint4extended(i % 40 + d, 7) >> 3) & 1)::text, '' ORDER BY d)
			FROM generate_series(1, 100) d)::bit(100) AS bits
		FROM generate_series(1, 2000) i) s;
INSERT INTO iv VALUES (3000, NULL, NULL, NULL, NULL);
INSERT INTO iv (id, v, h) VALUES (3001, '[0,0,0,0,0,0,0,0]', '[0,0,0,0,0,0,0,0]');
CREATE INDEX iv_l2 ON iv USING ivfflat (v) WITH (lists = 10);
CREATE INDEX iv_ip ON iv USING ruivfflat (v vector_ip_ops) WITH (lists = 10);
CREATE INDEX iv_cos ON iv USING ivfflat (v vector_cosine_ops) WITH (lists = 10);
CREATE INDEX iv_hl2 ON iv USING ivfflat (h halfvec_l2_ops) WITH (lists = 10);
CREATE INDEX iv_hip ON iv USING ivfflat (h halfvec_ip_ops) WITH (lists = 10);
CREATE INDEX iv_hcos ON iv USING ivfflat (h halfvec_cosine_ops) WITH (lists = 10);
CREATE INDEX iv_bit ON iv USING ivfflat (b bit_hamming_ops) WITH (lists = 10);
CREATE INDEX iv_bin ON iv USING ruivfflat (bin binaryvec_hamming_ops) WITH (lists = 10);
ANALYZE iv;
RESET client_min_messages;
SELECT i, c.* FROM unnest('{iv_l2,iv_ip,iv_cos,iv_hl2,iv_hip,iv_hcos,iv_bit,iv_bin}'::text[]) i, ruvector_index_check(i::regclass) c;
SELECT i, rows, lists FROM unnest('{iv_l2,iv_ip,iv_cos,iv_hl2,iv_hip,iv_hcos,iv_bit,iv_bin}'::text[]) i, ruvector_ivfflat_stats(i::regclass);

-- All distances in the order of the index: as many as a sequential scan has, and the same ones.
CREATE FUNCTION iv_compare(col text, op text, k int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	q text := format('SELECT array_agg(%1$I %2$s (SELECT %1$I FROM iv WHERE id = 17)) FROM (SELECT %1$I FROM iv WHERE %1$I IS NOT NULL '
		'ORDER BY %1$I %2$s (SELECT %1$I FROM iv WHERE id = 17) LIMIT %3$s) s', col, op, k);
	plan text;
	line text;
	by_index float8[];
	by_sort float8[];
BEGIN
	SET LOCAL enable_seqscan = off;
	SET LOCAL enable_sort = off;
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || q LOOP
		plan := coalesce(plan, substring(line FROM 'Index Scan using (iv_[bchil]\w+) '));
	END LOOP;
	EXECUTE q INTO by_index;
	SET LOCAL enable_seqscan = on;
	SET LOCAL enable_sort = on;
	SET LOCAL enable_indexscan = off;
	EXECUTE q INTO by_sort;
	SET LOCAL enable_indexscan = on;
	RETURN plan || ': ' || cardinality(by_index) || CASE WHEN by_index = by_sort THEN ' rows, as sorted' ELSE ' rows, differ from ' || cardinality(by_sort) END;
END $$;
SET ivfflat.probes = 10;
SELECT iv_compare('v', '<->', k), iv_compare('v', '<#>', k), iv_compare('v', '<=>', k) FROM unnest('{1,10,300,1000}'::int[]) k;
SELECT iv_compare('h', '<->', k), iv_compare('h', '<#>', k), iv_compare('h', '<=>', k) FROM unnest('{1,10,300,1000}'::int[]) k;
SELECT iv_compare('b', '<~>', k), iv_compare('bin', '<~>', k) FROM unnest('{1,10,300,1000}'::int[]) k;

-- every row once, with probes = lists, and with one probe and an iterative scan
SET enable_seqscan = off;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM iv ORDER BY v <-> '[1,1,1,1,1,1,1,1]') s;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM iv ORDER BY v <=> '[1,1,1,1,1,1,1,1]') s;
SET ivfflat.probes = 1;
SELECT count(*) < 1000 AS only_one_list FROM (SELECT id FROM iv ORDER BY v <-> '[1,1,1,1,1,1,1,1]') s;
SET ivfflat.iterative_scan = relaxed_order;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM iv ORDER BY v <-> '[1,1,1,1,1,1,1,1]') s;
SELECT count(*) FROM (SELECT id FROM iv WHERE id % 100 = 1 ORDER BY v <-> '[1,1,1,1,1,1,1,1]' LIMIT 20) s;
SET ivfflat.max_probes = 2;
SELECT count(*) < 2000 AS two_lists FROM (SELECT id FROM iv ORDER BY v <-> '[1,1,1,1,1,1,1,1]') s;
RESET ivfflat.max_probes;
RESET ivfflat.iterative_scan;

-- a NULL query, a zero query, other dimensions
SET ivfflat.probes = 10;
SELECT count(*) FROM (SELECT id FROM iv ORDER BY v <-> NULL::vector LIMIT 5) s;
SELECT count(*) FROM (SELECT id FROM iv ORDER BY v <=> '[0,0,0,0,0,0,0,0]' LIMIT 5) s;
SELECT id FROM iv ORDER BY v <-> '[1,2]' LIMIT 1;
SELECT id FROM iv ORDER BY b <~> B'101' LIMIT 1;
SELECT id FROM iv ORDER BY h <-> '[1,2,3]'::halfvec LIMIT 1;

-- rescans, cursors, prepared statements
SELECT q.id, n.id AS nearest FROM (VALUES (5), (6), (7)) q(id) JOIN iv ON iv.id = q.id
	CROSS JOIN LATERAL (SELECT i.id FROM iv i ORDER BY i.v <-> iv.v LIMIT 1) n ORDER BY 1;
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM iv ORDER BY v <-> (SELECT v FROM iv WHERE id = 17);
FETCH 1 FROM c;
DELETE FROM iv WHERE id = 18;
INSERT INTO iv (id, v) SELECT 4000, v FROM iv WHERE id = 17;
MOVE 1998 FROM c;
FETCH 5 FROM c;
ROLLBACK;
PREPARE p(vector) AS SELECT id FROM iv ORDER BY v <-> $1 LIMIT 1;
SELECT a.v AS v98, b.v AS v99 FROM iv a, iv b WHERE a.id = 98 AND b.id = 99 \gset
EXECUTE p(:'v99');
EXECUTE p(:'v98');

-- the planner takes it when it pays, without being told
RESET enable_seqscan;
SET ivfflat.probes = 1;
EXPLAIN (COSTS OFF) SELECT id FROM iv ORDER BY v <-> '[1,1,1,1,1,1,1,1]' LIMIT 5;
EXPLAIN (COSTS OFF) SELECT id FROM iv ORDER BY v <-> '[1,1,1,1,1,1,1,1]';
EXPLAIN (COSTS OFF) SELECT count(*) FROM iv WHERE v IS NOT NULL;
RESET ivfflat.probes;

-- huge and tiny numbers
CREATE TABLE iv_far (id int, v vector(2));
INSERT INTO iv_far SELECT i, ARRAY[3e38 / i, -3e38 / i]::real[]::vector FROM generate_series(1, 50) i;
INSERT INTO iv_far SELECT 100 + i, ARRAY[1e-38 * i, 0]::real[]::vector FROM generate_series(1, 50) i;
SET client_min_messages = warning;
CREATE INDEX ON iv_far USING ivfflat (v) WITH (lists = 3);
RESET client_min_messages;
SET enable_seqscan = off;
SET ivfflat.probes = 3;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM iv_far ORDER BY v <-> '[0,0]') s;
SELECT count(*) FILTER (WHERE id > 100) FROM (SELECT id FROM iv_far ORDER BY v <-> '[0,0]' LIMIT 50) s;
DROP TABLE iv, iv_far;
DROP FUNCTION iv_compare;
