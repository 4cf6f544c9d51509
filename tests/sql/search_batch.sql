-- ruvector_search_batch: many queries against one index in one call.
SET max_parallel_workers_per_gather = 0;

-- dim pseudo-random elements in [-1, 1), the same everywhere
CREATE FUNCTION sb_vector(i int, dim int) RETURNS vector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT array_agg((hashint4extended(i, d) & 65535) / 32768.0 - 1 ORDER BY d)::real[]::vector
   FROM generate_series(1, dim) d $$;
CREATE FUNCTION sb_queries(n int, dim int) RETURNS vector[] LANGUAGE sql IMMUTABLE AS
$$ SELECT array_agg(sb_vector(-i, dim) ORDER BY i) FROM generate_series(1, n) i $$;

CREATE TABLE sb (id int, v vector(8));
INSERT INTO sb SELECT i, sb_vector(i, 8) FROM generate_series(1, 600) i;
CREATE INDEX sb_l2 ON sb USING hnsw (v vector_l2_ops);
CREATE INDEX sb_ip ON sb USING hnsw (v vector_ip_ops);
CREATE INDEX sb_cos ON sb USING hnsw (v vector_cosine_ops);

-- joined to the table by ctid: rows and distances are those of the operator's exact order
SET hnsw.ef_search = 1000;
CREATE FUNCTION sb_differences(index regclass, op text, n int, k int) RETURNS bigint LANGUAGE plpgsql AS
$$ DECLARE result bigint;
BEGIN
	EXECUTE format('WITH queries AS (SELECT ord, q FROM unnest($1) WITH ORDINALITY u(q, ord)),
		found AS (SELECT b.query, b.rank, t.id, b.distance
				  FROM ruvector_search_batch($2, $1, $3) b JOIN sb t ON t.ctid = b.ctid),
		exact AS (SELECT ord, row_number() OVER (PARTITION BY ord ORDER BY d, ctid) AS rank, id, d
				  FROM (SELECT ord, ctid, id, v %s q AS d FROM queries, sb) s)
		SELECT count(*) FROM found FULL JOIN (SELECT * FROM exact WHERE rank <= $3) e
			ON query = ord AND found.rank = e.rank
		WHERE found.id IS DISTINCT FROM e.id OR found.distance IS DISTINCT FROM e.d', op)
		INTO result USING sb_queries(n, 8), index, k;
	RETURN result;
END $$;
SELECT i, op, sb_differences(i::regclass, op, 20, 10) FROM
	(VALUES ('sb_l2', '<->'), ('sb_ip', '<#>'), ('sb_cos', '<=>')) AS s(i, op);

-- ef_search is raised to k, for the call only
SET hnsw.ef_search = 1;
SET hnsw.iterative_scan = off;
SELECT count(*), min(rank), max(rank), max(query) FROM ruvector_search_batch('sb_l2', sb_queries(3, 8), 100);
SHOW hnsw.ef_search;
RESET hnsw.iterative_scan;
RESET hnsw.ef_search;
SET hnsw.iterative_scan = relaxed_order;
-- more than there are
SELECT query, count(*) FROM ruvector_search_batch('sb_l2', sb_queries(2, 8), 1000) GROUP BY 1 ORDER BY 1;
-- relaxed order is put in order
SELECT count(*), bool_and(distance >= before) AS in_order
FROM (SELECT distance, lag(distance, 1, distance) OVER (ORDER BY rank) AS before
	  FROM ruvector_search_batch('sb_l2', sb_queries(1, 8), 600)) s;
RESET hnsw.iterative_scan;

-- no queries, no rows, an untyped literal, a zero query under cosine
SELECT count(*) FROM ruvector_search_batch('sb_l2', '{}', 10);
SELECT count(*) FROM ruvector_search_batch('sb_l2', NULL, 10);
SELECT query, rank, id = 5 AS found, distance FROM ruvector_search_batch('sb_l2',
	ARRAY[(SELECT v FROM sb WHERE id = 5)], 1) b JOIN sb t ON t.ctid = b.ctid;
SELECT query, rank FROM ruvector_search_batch('sb_l2', '{"[1,1,1,1,1,1,1,1]","[0,0,0,0,0,0,0,0]"}', 2);
SELECT rank, distance FROM ruvector_search_batch('sb_cos', '{"[0,0,0,0,0,0,0,0]"}', 2);

-- the snapshot: own changes, dead rows, the version of an updated row that is visible
BEGIN;
INSERT INTO sb VALUES (1000, '[9,9,9,9,9,9,9,9]');
SELECT id FROM ruvector_search_batch('sb_l2', '{"[9,9,9,9,9,9,9,9]"}', 1) b JOIN sb t ON t.ctid = b.ctid;
UPDATE sb SET id = 1001 WHERE id = 1000;
SELECT id FROM ruvector_search_batch('sb_l2', '{"[9,9,9,9,9,9,9,9]"}', 1) b JOIN sb t ON t.ctid = b.ctid;
DELETE FROM sb WHERE id = 1001;
SELECT distance > 0 AS gone FROM ruvector_search_batch('sb_l2', '{"[9,9,9,9,9,9,9,9]"}', 1);
ROLLBACK;

-- errors
SELECT * FROM ruvector_search_batch('sb_l2', sb_queries(1, 8), 0);
SELECT * FROM ruvector_search_batch('sb_l2', sb_queries(1, 8), 1000001);
SELECT * FROM ruvector_search_batch('sb_l2', '{"[1,1,1,1,1,1,1,1]",NULL}', 1);
SELECT * FROM ruvector_search_batch('sb_l2', '{"[1,1,1,1,1,1,1,1]","[1,2]"}', 1);
SELECT * FROM ruvector_search_batch('sb_l2', ARRAY[sb_queries(1, 8), sb_queries(1, 8)], 1);
SELECT * FROM ruvector_search_batch('sb', sb_queries(1, 8), 1);
SELECT * FROM ruvector_search_batch(0, sb_queries(1, 8), 1);
CREATE INDEX sb_id ON sb (id);
SELECT * FROM ruvector_search_batch('sb_id', sb_queries(1, 8), 1);
CREATE TABLE sb_point (p point);
CREATE INDEX sb_gist ON sb_point USING gist (p);
SELECT * FROM ruvector_search_batch('sb_gist', sb_queries(1, 8), 1);
CREATE TABLE sb_part (id int, v vector(2)) PARTITION BY RANGE (id);
CREATE TABLE sb_part1 PARTITION OF sb_part FOR VALUES FROM (1) TO (10);
CREATE INDEX sb_part_l2 ON sb_part USING hnsw (v vector_l2_ops);
SELECT * FROM ruvector_search_batch('sb_part_l2', '{"[1,1]"}', 1);
SELECT * FROM ruvector_search_batch('sb_part1_v_idx', '{"[1,1]"}', 1);
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'sb_part1_v_idx'::regclass;
SELECT * FROM ruvector_search_batch('sb_part1_v_idx', '{"[1,1]"}', 1);

-- partial indexes and expressions
CREATE INDEX sb_even ON sb USING hnsw ((v::vector(8)) vector_l2_ops) WHERE id % 2 = 0;
SELECT count(*), count(*) FILTER (WHERE id % 2 = 0) AS even
FROM ruvector_search_batch('sb_even', sb_queries(1, 8), 50) b JOIN sb t ON t.ctid = b.ctid;
CREATE FUNCTION sb_whoami(v vector) RETURNS vector LANGUAGE plpgsql IMMUTABLE AS
$$ BEGIN
	IF current_setting('sb.tell', true) = 'on' THEN RAISE NOTICE 'evaluated as %', current_user; END IF;
	RETURN v;
END $$;

-- privileges: the indexed columns, and nobody's row security is walked around
CREATE ROLE sb_owner;
CREATE ROLE sb_reader;
CREATE TABLE sb_private (id int, v vector(2), secret text);
CREATE INDEX sb_private_v ON sb_private USING hnsw (v vector_l2_ops);
CREATE INDEX sb_private_partial ON sb_private USING hnsw (v vector_l2_ops) WHERE secret <> '';
CREATE INDEX sb_private_expr ON sb_private USING hnsw ((sb_whoami(v)::vector(2)) vector_l2_ops);
INSERT INTO sb_private VALUES (1, '[1,1]', 'x'), (2, '[2,2]', 'y');
ALTER TABLE sb_private OWNER TO sb_owner;
GRANT SELECT (id) ON sb_private TO sb_reader;
SET ROLE sb_reader;
SELECT * FROM ruvector_search_batch('sb_private_v', '{"[1,1]"}', 1);
RESET ROLE;
GRANT SELECT (v) ON sb_private TO sb_reader;
SET ROLE sb_reader;
SELECT * FROM ruvector_search_batch('sb_private_v', '{"[1,1]"}', 1);
SELECT * FROM ruvector_search_batch('sb_private_partial', '{"[1,1]"}', 1);
SET sb.tell = on;
SELECT * FROM ruvector_search_batch('sb_private_expr', '{"[1,1]"}', 1);
SELECT current_user;
RESET sb.tell;
RESET ROLE;
ALTER TABLE sb_private ENABLE ROW LEVEL SECURITY;
CREATE POLICY first_only ON sb_private USING (id = 1);
GRANT SELECT ON sb_private TO sb_reader;
SET ROLE sb_reader;
SELECT * FROM ruvector_search_batch('sb_private_v', '{"[1,1]"}', 1);
SET row_security = off;
SELECT * FROM ruvector_search_batch('sb_private_v', '{"[1,1]"}', 1);
RESET row_security;
SET ROLE sb_owner;
SELECT rank FROM ruvector_search_batch('sb_private_v', '{"[1,1]"}', 5);
RESET ROLE;

-- in parallel: the same rows, in rounds of any size, in a transaction that wrote, serializable
CREATE TABLE sb_serial AS SELECT query, rank, ctid::text AS place, distance
	FROM ruvector_search_batch('sb_l2', sb_queries(200, 8), 10);
SET max_parallel_workers_per_gather = 2;
CREATE FUNCTION sb_compare(n int) RETURNS TABLE (rows bigint, different bigint) LANGUAGE sql AS
$$ SELECT count(p), count(*) FILTER (WHERE (s.place, s.distance) IS DISTINCT FROM (p.ctid::text, p.distance))
   FROM (SELECT * FROM sb_serial WHERE query <= n) s
	FULL JOIN ruvector_search_batch('sb_l2', sb_queries(n, 8), 10) p USING (query, rank) $$;
SELECT * FROM sb_compare(200);
SELECT * FROM sb_compare(40);
SET work_mem = '64kB';
SELECT * FROM sb_compare(200);
RESET work_mem;
BEGIN ISOLATION LEVEL SERIALIZABLE;
INSERT INTO sb VALUES (1000, '[9,9,9,9,9,9,9,9]');
SELECT * FROM sb_compare(200);
CREATE TEMP TABLE sb_own AS SELECT count(*) FILTER (WHERE t.id = 1000) AS own
	FROM ruvector_search_batch('sb_l2', array_fill('[9,9,9,9,9,9,9,9]'::vector, ARRAY[100]), 1) b JOIN sb t ON t.ctid = b.ctid;
SELECT * FROM sb_own;
ROLLBACK;

-- a worker takes part: it is the only process in which this index's expression fails
CREATE FUNCTION sb_slow_leader(v vector) RETURNS vector LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS
$$ BEGIN
	IF current_setting('sb.leader', true) = pg_backend_pid()::text THEN PERFORM pg_sleep(0.05);
	ELSIF current_setting('sb.leader', true) <> '' THEN RAISE EXCEPTION 'evaluated in a worker' USING ERRCODE = 'RV999';
	END IF;
	RETURN v;
END $$;
CREATE TABLE sb_shared (v vector(2));
INSERT INTO sb_shared VALUES ('[1,1]');
CREATE INDEX sb_shared_v ON sb_shared USING hnsw ((sb_slow_leader(v)::vector(2)) vector_l2_ops);
SELECT set_config('sb.leader', pg_backend_pid()::text, false) <> '' AS set;
\set VERBOSITY sqlstate
SELECT count(*) FROM ruvector_search_batch('sb_shared_v', array_fill('[1,1]'::vector, ARRAY[200]), 1);
-- none for few queries, for an expression or a table that forbids it, for a temporary table
SELECT count(*) FROM ruvector_search_batch('sb_shared_v', array_fill('[1,1]'::vector, ARRAY[2]), 1);
ALTER FUNCTION sb_slow_leader PARALLEL RESTRICTED;
SELECT count(*) FROM ruvector_search_batch('sb_shared_v', array_fill('[1,1]'::vector, ARRAY[32]), 1);
ALTER FUNCTION sb_slow_leader PARALLEL SAFE;
ALTER TABLE sb_shared SET (parallel_workers = 0);
SELECT count(*) FROM ruvector_search_batch('sb_shared_v', array_fill('[1,1]'::vector, ARRAY[32]), 1);
RESET sb.leader;
CREATE TEMP TABLE sb_temp AS SELECT * FROM sb;
CREATE INDEX sb_temp_v ON sb_temp USING hnsw (v vector_l2_ops);
SELECT count(*) FROM ruvector_search_batch('sb_temp_v', sb_queries(200, 8), 3);
\set VERBOSITY default

-- every type and distance; a vector is converted as the operator converts it
CREATE TABLE sb_types AS SELECT id, v::halfvec(8) AS h, v::sparsevec(8) AS s, binary_quantize(v)::bit(8) AS b,
	binary_quantize(v)::bit(8)::binaryvec(8) AS y, v FROM sb WHERE id <= 300;
SET max_parallel_workers_per_gather = 0;
SET hnsw.ef_search = 1000;
CREATE FUNCTION sb_differ(col text, opclass text, op text, type text) RETURNS TABLE (rows bigint, different bigint) LANGUAGE plpgsql AS
$$ BEGIN
	EXECUTE format('CREATE INDEX sb_types_i ON sb_types USING hnsw (%I %I)', col, opclass);
	RETURN QUERY EXECUTE format('WITH q AS (SELECT array_agg(%1$I::%3$s ORDER BY id) AS a FROM sb_types WHERE id <= 30),
		exact AS (SELECT ord::int, d, row_number() OVER (PARTITION BY ord ORDER BY d) AS rank
				  FROM (SELECT ord, (t.%1$I %2$s x)::float8 AS d FROM q, unnest(a) WITH ORDINALITY u(x, ord), sb_types t) s)
		SELECT count(f), count(*) FILTER (WHERE f.distance IS DISTINCT FROM e.d)
		FROM (SELECT * FROM exact WHERE rank <= 5) e FULL JOIN (SELECT f.* FROM q, ruvector_search_batch(''sb_types_i'', a, 5) f) f
			ON f.query = e.ord AND f.rank = e.rank', col, op, type);
	DROP INDEX sb_types_i;
END $$;
SELECT c.*, d.* FROM (VALUES ('v', 'vector_l1_ops', '<+>', 'vector'), ('h', 'halfvec_l2_ops', '<->', 'halfvec'),
	('h', 'halfvec_cosine_ops', '<=>', 'halfvec'), ('h', 'halfvec_l2_ops', '<->', 'vector'),
	('s', 'sparsevec_ip_ops', '<#>', 'sparsevec'), ('s', 'sparsevec_l2_ops', '<->', 'halfvec'),
	('b', 'bit_hamming_ops', '<~>', 'bit(8)'), ('b', 'bit_jaccard_ops', '<%>', 'bit(8)'),
	('y', 'binaryvec_hamming_ops', '<~>', 'binaryvec'), ('y', 'binaryvec_hamming_ops', '<~>', 'bit(8)'))
	AS c(col, opclass, op, type), sb_differ(col, opclass, op, type) d;
RESET hnsw.ef_search;
CREATE INDEX sb_types_i ON sb_types USING hnsw (v vector_l2_ops);
SELECT count(*) FROM ruvector_search_batch('sb_types_i', (SELECT array_agg(v) FROM sb_types WHERE id <= 3), 2::bigint);
SELECT * FROM ruvector_search_batch('sb_types_i', (SELECT array_agg(h) FROM sb_types), 2);
SELECT * FROM ruvector_search_batch('sb_types_i', ARRAY[1, 2], 2);
SELECT * FROM ruvector_search_batch('sb_types_i', ARRAY['[1,1,1,1,1,1,1,1]'], 2);

-- large values in a table of our own access method: detoasted, exact
CREATE TABLE sb_wide (id int, v vector(3000)) USING ruvector_tam;
INSERT INTO sb_wide SELECT i, sb_vector(i, 3000) FROM generate_series(1, 20) i;
CREATE INDEX sb_wide_v ON sb_wide USING hnsw (v vector_l2_ops);
SELECT count(*), count(*) FILTER (WHERE id = query AND distance = 0) AS themselves
FROM ruvector_search_batch('sb_wide_v', (SELECT array_agg(v ORDER BY id) FROM sb_wide), 1) b JOIN sb_wide t ON t.ctid = b.ctid;

DROP TABLE sb, sb_point, sb_part, sb_private, sb_serial, sb_shared, sb_temp, sb_types, sb_wide;
DROP FUNCTION sb_vector, sb_queries, sb_differences, sb_compare, sb_slow_leader, sb_whoami, sb_differ;
DROP ROLE sb_owner, sb_reader;
