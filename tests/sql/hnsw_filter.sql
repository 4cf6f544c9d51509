-- hnsw: filter columns. Every answer is compared with the one that a sequential scan gives.
CREATE FUNCTION pg_temp.plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || query;
END
$$;

-- what a condition gives through the index and without it: the same rows in the same order?
CREATE FUNCTION pg_temp.compare(tab text, condition text, lim int, OUT rows bigint, OUT same boolean)
LANGUAGE plpgsql AS $$
DECLARE
	query text := format('SELECT array_agg(id ORDER BY d, id) FROM (SELECT id, v <-> ''[0.5,0.5,0.5,0.5]'' AS d
		FROM %s WHERE %s ORDER BY 2 LIMIT %s) z', tab, condition, lim);
	by_index int[];
	by_sort int[];
BEGIN
	SET LOCAL enable_seqscan = off;
	SET LOCAL enable_indexscan = on;
	EXECUTE query INTO by_index;
	SET LOCAL enable_seqscan = on;
	SET LOCAL enable_indexscan = off;
	EXECUTE query INTO by_sort;
	rows := coalesce(cardinality(by_index), 0);
	same := by_index IS NOT DISTINCT FROM by_sort;
END
$$;

CREATE TABLE hnsw_f (id int PRIMARY KEY, v vector(4), i2 int2, i4 int4, i8 int8, d date, b bool, u uuid,
	t text, vc varchar(20), l2 int2[], l4 int4[]);
-- deterministic and without equal distances
INSERT INTO hnsw_f
SELECT i, ARRAY[sin(i), cos(i * 1.7), sin(i * 0.3 + 1), cos(i * 2.9 + 2)]::real[]::vector,
	i % 10 - 5, (i % 100) * 1000, (i % 50)::int8 * 10000000000 - 100000000000, date '2024-01-01' + i % 365,
	i % 3 = 0, md5((i % 20)::text)::uuid, 'tenant ' || i % 30, 'v' || i % 7,
	ARRAY[i % 7, i % 11 + 100], ARRAY[i % 7, i % 11 + 100, i % 500 + 1000]
FROM generate_series(1, 3000) i;
-- NULLs in every column, and the ends of the ranges
INSERT INTO hnsw_f (id, v) SELECT i, ARRAY[sin(i), cos(i), sin(i * 3), cos(i * 5)]::real[]::vector
FROM generate_series(3001, 3100) i;
INSERT INTO hnsw_f (id, v, i2, i4, i8, d) VALUES
	(4001, '[0.5,0.5,0.5,0.41]', -32768, -2147483648, -9223372036854775808, '-infinity'),
	(4002, '[0.5,0.5,0.5,0.42]', -32767, -2147483647, -9223372036854775807, '4713-01-01 BC'),
	(4003, '[0.5,0.5,0.5,0.43]', 32767, 2147483647, 9223372036854775807, 'infinity'),
	(4004, '[0.5,0.5,0.5,0.44]', 0, 0, 0, '5874897-12-31');
INSERT INTO hnsw_f (id, v, l2, l4, t) VALUES (4005, '[0.5,0.5,0.5,0.45]', '{}', '{}', ''),
	(4006, '[0.5,0.5,0.5,0.46]', '{NULL,3}', '{NULL,3}', 'tenant 3'),
	(4007, '[0.5,0.5,0.5,0.47]', '{{1,2},{3,4}}', '{{1,2},{3,4}}', 'Tenant 3');
CREATE INDEX hnsw_f_idx ON hnsw_f USING hnsw (v vector_l2_ops, i2, i4, i8, d, b, u, t, vc, l2, l4);
ANALYZE hnsw_f;
SELECT * FROM ruvector_index_check('hnsw_f_idx');
SELECT opc.opcname, amvalidate(opc.oid) FROM pg_opclass opc JOIN pg_am am ON am.oid = opcmethod
WHERE am.amname = 'hnsw' AND opcdefault ORDER BY 1;

-- all conditions are the index's
SET enable_seqscan = off;
SELECT pg_temp.plan($$SELECT id FROM hnsw_f WHERE i2 = 3 AND i4 < 5000::int8 AND i8 >= 0 AND d > '2024-02-01'
	AND b AND u = '00000000-0000-0000-0000-000000000000' AND t = 'tenant 3' AND vc = 'v1' AND l2 && '{1,2}'
	AND l4 @> '{1}' ORDER BY v <-> '[0.5,0.5,0.5,0.5]' LIMIT 5$$);
SELECT pg_temp.plan($$SELECT id FROM hnsw_f WHERE NOT b AND i2 IS NULL AND i4 IS NOT NULL AND id % 2 = 0
	ORDER BY v <-> '[0.5,0.5,0.5,0.5]' LIMIT 5$$);
SELECT pg_temp.plan($$SELECT id FROM hnsw_f WHERE t IN ('tenant 3', 'tenant 7') AND i2 = 1 AND i4 = ANY ('{1000,2000}')
	AND id % 2 = 0 AND i8 <> ALL ('{1}') ORDER BY v <-> '[0.5,0.5,0.5,0.5]' LIMIT 5$$);
RESET enable_seqscan;

SET hnsw.ef_search = 200;
SELECT condition, (pg_temp.compare('hnsw_f', condition, 40)).*
FROM unnest(ARRAY[
	'i2 = 3', 'i2 < -3', 'i2 <= -3', 'i2 >= 4', 'i2 > 3', 'i2 = 3::int4', 'i2 < 100000', 'i2 > 100000::int8',
	'i2 = -32768', 'i2 < -32767', 'i2 <= -32767', 'i2 IS NULL', 'i2 IS NOT NULL', 'i2 > 3 AND i2 < 2',
	'i4 = 7000', 'i4 < 3000', 'i4 BETWEEN 90000 AND 95000', 'i4 = 7000::int8', 'i4 = 7::int2', 'i4 > -1::int2',
	'i4 = -2147483648', 'i4 = -2147483647', 'i4 < -2147483647', 'i4 < -2147483648', 'i4 > 2147483646',
	'i4 < 99999999999', 'i4 > 99999999999', 'i4 IS NULL', 'i4 = NULL',
	'i8 = 0', 'i8 < 0', 'i8 > 300000000000', 'i8 < 1', 'i8 = 1::int2', 'i8 <= -9223372036854775807',
	'i8 < -9223372036854775807', 'i8 < -9223372036854775808', 'i8 = 9223372036854775807',
	'i8 > 9223372036854775807', 'i8 IS NULL',
	'd = ''2024-03-01''', 'd < ''2024-01-05''', 'd >= ''2024-12-20''', 'd = ''-infinity''', 'd < ''4713-01-01 BC''',
	'd = ''infinity''', 'd > ''5874897-12-30''', 'd IS NULL',
	'b', 'NOT b', 'b = true', 'b IS NULL', 'b IS NOT NULL', 'b < true', 'b IS TRUE',
	'u = md5(''3'')::uuid', 'u = md5(''x'')::uuid', 'u IS NULL',
	't = ''tenant 3''', 't = ''tenant''', 't = ''''', 't IS NULL', 'vc = ''v3''', 'vc = ''v3''::text', 'vc IS NOT NULL',
	'l2 && ''{3}''', 'l2 && ''{3,105}''', 'l2 @> ''{3,105}''', 'l2 @> ''{}''', 'l2 && ''{}''', 'l2 @> ''{NULL}''',
	'l2 && ''{NULL,3}''', 'l2 IS NULL', 'l2 IS NOT NULL',
	'l4 && ''{1005}''', 'l4 @> ''{1005}''', 'l4 && ''{1005,1006,1007}''', 'l4 @> ''{4,2,3}''', 'l4 IS NULL',
	'i2 = 3 AND b', 'i2 = 3 AND i4 < 20000 AND NOT b', 'l4 && ''{1,2}'' AND t = ''tenant 8''',
	'i2 = 3 AND id % 2 = 0',
	'i2 IN (1, 3)', 'i2 IN (1, 3, NULL)', 'i2 = ANY (NULL)', 'i2 = ANY (''{}'')', 'i4 IN (7000, 9000, 99999999999)',
	'i4 < ANY (''{1000,2000}'')', 'i8 IN (0, 10000000000, 9223372036854775807)', 'd IN (''2024-03-01'', ''infinity'')',
	'b IN (true, NULL)', 'u IN (md5(''3'')::uuid, md5(''4'')::uuid)', 't IN (''tenant 3'', ''tenant 7'', ''x'')',
	'vc IN (''v1'', ''v2'')', 'i2 IN (1, 3) AND i2 < 2', 'i2 NOT IN (1, 3)',
	'i2 IN (1, 3) AND t IN (''tenant 3'', ''tenant 7'') AND l4 && ''{1,2}''']) condition;

-- parameters, and values that come when the scan has begun
SET enable_seqscan = off;
PREPARE by_tenant(text, bool) AS SELECT id FROM hnsw_f WHERE t = $1 AND b = $2
	ORDER BY v <-> '[0.5,0.5,0.5,0.5]' LIMIT 3;
SET plan_cache_mode = force_generic_plan;
EXECUTE by_tenant('tenant 3', true);
EXECUTE by_tenant('tenant 3', NULL);
EXECUTE by_tenant('tenant 4', false);
SELECT k, (SELECT array_agg(id) FROM (SELECT id FROM hnsw_f WHERE i2 = k
	ORDER BY v <-> '[0.5,0.5,0.5,0.5]' LIMIT 3) z) AS nearest
FROM generate_series(-1, 2) k;
RESET plan_cache_mode;
RESET enable_seqscan;

-- duplicates: equal vectors with different words
CREATE TABLE hnsw_fd (id int, v vector(4), k int);
INSERT INTO hnsw_fd SELECT i, ARRAY[i % 10, i % 5, 1, 2]::real[]::vector, i % 40 FROM generate_series(1, 4000) i;
CREATE INDEX ON hnsw_fd USING hnsw (v vector_l2_ops, k);
ANALYZE hnsw_fd;
SELECT * FROM ruvector_index_check('hnsw_fd_v_k_idx');
SET enable_seqscan = off;
SELECT k, count(*), count(DISTINCT id), bool_and(k = k2) FROM (VALUES (0), (7), (39), (40)) c(k),
	LATERAL (SELECT id, hnsw_fd.k AS k2 FROM hnsw_fd WHERE hnsw_fd.k = c.k ORDER BY v <-> '[1,1,1,1]' LIMIT 1000) z
GROUP BY 1 ORDER BY 1;
SELECT count(*), count(DISTINCT id), min(k), max(k) FROM (SELECT id, k FROM hnsw_fd WHERE k < 30
	ORDER BY v <-> '[1,1,1,1]' LIMIT 150) z;
SET hnsw.iterative_scan = strict_order;
SELECT count(*), count(DISTINCT id), min(k), max(k) FROM (SELECT id, k FROM hnsw_fd WHERE k < 30
	ORDER BY v <-> '[1,1,1,1]' LIMIT 2500) z;
SET hnsw.iterative_scan = relaxed_order;
SELECT count(*), count(DISTINCT id), min(k), max(k) FROM (SELECT id, k FROM hnsw_fd WHERE k < 30
	ORDER BY v <-> '[1,1,1,1]' LIMIT 5000) z;
RESET hnsw.iterative_scan;
RESET enable_seqscan;

-- changes: inserts, updates of a filter column alone, deletes, vacuum, reuse
CREATE TABLE hnsw_fc (id int, v vector(4), k int, s text);
CREATE INDEX hnsw_fc_idx ON hnsw_fc USING hnsw (v vector_l2_ops, k, s);
SELECT count(*) FROM (SELECT id FROM hnsw_fc WHERE k = 1 ORDER BY v <-> '[0,0,0,0]' LIMIT 3) z;
INSERT INTO hnsw_fc SELECT i, ARRAY[sin(i), cos(i * 1.7), sin(i * 0.3 + 1), 1]::real[]::vector, i % 10, 's' || i % 4
FROM generate_series(1, 1500) i;
SELECT condition, (pg_temp.compare('hnsw_fc', condition, 50)).* FROM unnest(ARRAY['k = 3', 's = ''s1''', 'k = 12']) condition;
UPDATE hnsw_fc SET k = 12 WHERE k = 3 AND s = 's1';
DELETE FROM hnsw_fc WHERE k = 5;
SELECT condition, (pg_temp.compare('hnsw_fc', condition, 50)).* FROM unnest(ARRAY['k = 3', 's = ''s1''', 'k = 12', 'k = 5']) condition;
VACUUM hnsw_fc;
SELECT * FROM ruvector_index_check('hnsw_fc_idx');
INSERT INTO hnsw_fc SELECT i, ARRAY[sin(i), cos(i * 1.7), sin(i * 0.3 + 1), 0]::real[]::vector, 5, 's9'
FROM generate_series(1, 100) i;
SELECT condition, (pg_temp.compare('hnsw_fc', condition, 50)).*
FROM unnest(ARRAY['k = 3', 's = ''s1''', 'k = 12', 'k = 5', 's = ''s9''', 'k IS NULL']) condition;
SELECT * FROM ruvector_index_check('hnsw_fc_idx');
SELECT kind, count(*) > 0 AS there FROM generate_series(0, pg_relation_size('hnsw_fc_idx') / 8192 - 1) block,
	ruvector_hnsw_page_stats('hnsw_fc_idx', block) WHERE kind = 'filter' GROUP BY 1;

-- more rows asked for than the mode gives, and all that match
SET enable_seqscan = off;
SET hnsw.ef_search = 20;
SELECT count(*) FROM (SELECT id FROM hnsw_f WHERE i2 = 3 ORDER BY v <-> '[0.5,0.5,0.5,0.5]' LIMIT 1000) z;
SET hnsw.iterative_scan = strict_order;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM hnsw_f WHERE i2 = 3 ORDER BY v <-> '[0.5,0.5,0.5,0.5]' LIMIT 1000) z;
SET hnsw.max_scan_tuples = 60;
SELECT count(*) FROM (SELECT id FROM hnsw_f WHERE i2 = 3 ORDER BY v <-> '[0.5,0.5,0.5,0.5]' LIMIT 1000) z;
RESET hnsw.max_scan_tuples;
RESET hnsw.iterative_scan;
RESET hnsw.ef_search;
RESET enable_seqscan;

-- the planner: a btree index where few rows match, this one where many do
CREATE TABLE hnsw_fp (id int PRIMARY KEY, v vector(4), k int);
INSERT INTO hnsw_fp SELECT i, ARRAY[sin(i), cos(i * 1.7), sin(i * 0.3 + 1), 1]::real[]::vector, CASE WHEN i % 5 = 0 THEN 1 ELSE i END
FROM generate_series(1, 5000) i;
CREATE INDEX hnsw_fp_hnsw ON hnsw_fp USING hnsw (v vector_l2_ops, k);
CREATE INDEX hnsw_fp_btree ON hnsw_fp (k);
ANALYZE hnsw_fp;
SELECT pg_temp.plan($$SELECT id FROM hnsw_fp WHERE k = 4 ORDER BY v <-> '[0,0,0,0]' LIMIT 5$$);
SELECT pg_temp.plan($$SELECT id FROM hnsw_fp WHERE k = 1 ORDER BY v <-> '[0,0,0,0]' LIMIT 5$$);
-- without an order there is nothing to get from it
SELECT pg_temp.plan($$SELECT count(*) FROM hnsw_f WHERE i2 = 3$$);

-- other types of vectors and distances, and the alias
CREATE TABLE hnsw_fo (id int, h halfvec(4), s sparsevec(8), b bit(16), k int);
INSERT INTO hnsw_fo SELECT i, ARRAY[sin(i), cos(i * 1.7), sin(i * 0.3 + 1), 1]::real[]::halfvec,
	format('{%s:%s,%s:%s}/8', i % 4 + 1, i % 13 + 1, i % 3 + 5, i % 17 + 1)::sparsevec, (i * 77 % 65536)::bit(16), i % 10
FROM generate_series(1, 600) i;
CREATE INDEX hnsw_fo_h ON hnsw_fo USING ruhnsw (h halfvec_ip_ops, k);
CREATE INDEX hnsw_fo_s ON hnsw_fo USING hnsw (s sparsevec_l1_ops, k);
CREATE INDEX hnsw_fo_b ON hnsw_fo USING hnsw (b bit_hamming_ops, k);
SET enable_seqscan = off;
SELECT count(*), min(k), max(k) FROM (SELECT k FROM hnsw_fo WHERE k = 3 ORDER BY h <#> '[1,1,1,1]' LIMIT 20) z;
SELECT count(*), min(k), max(k) FROM (SELECT k FROM hnsw_fo WHERE k = 3 ORDER BY s <+> '{1:1}/8' LIMIT 20) z;
SELECT count(*), min(k), max(k) FROM (SELECT k FROM hnsw_fo WHERE k = 3 ORDER BY b <~> B'0000000000000001' LIMIT 20) z;
SELECT i, c.* FROM unnest(ARRAY['hnsw_fo_h', 'hnsw_fo_s', 'hnsw_fo_b']) i, ruvector_index_check(i::regclass) c;
RESET enable_seqscan;

-- what is refused
CREATE INDEX ON hnsw_f USING hnsw (i4);
CREATE INDEX ON hnsw_f USING hnsw (i4, v vector_l2_ops);
CREATE INDEX ON hnsw_f USING hnsw (v vector_l2_ops, v vector_l2_ops);
CREATE INDEX ON hnsw_f USING hnsw (v vector_l2_ops, (t::jsonb));
CREATE INDEX ON hnsw_f USING hnsw (v vector_l2_ops, i8, i8, i8, i8, i8, i8, i8, i8, i8);
DROP TABLE hnsw_f, hnsw_fd, hnsw_fc, hnsw_fp, hnsw_fo;
