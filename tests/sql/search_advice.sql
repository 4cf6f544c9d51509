-- ruvector_explain_advice: each rule where it applies and where it does not.
CREATE FUNCTION sa_vector(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT array_agg((hashint4extended(i, d) & 65535) / 32768.0 - 1 ORDER BY d)::real[]::vector
   FROM generate_series(1, 4) d $$;
CREATE TABLE sa (id int, kind int, v vector(4), u vector(4), free vector, s vector(4));
INSERT INTO sa SELECT i, i % 1000, sa_vector(i), sa_vector(-i), sa_vector(i), sa_vector(i) FROM generate_series(1, 6000) i;
CREATE INDEX sa_l2 ON sa USING hnsw (v vector_l2_ops) WITH (m = 8, ef_construction = 16);
CREATE INDEX sa_cos ON sa USING hnsw (v vector_cosine_ops) WITH (m = 8, ef_construction = 16);
CREATE INDEX sa_ip ON sa USING hnsw (v vector_ip_ops) WITH (m = 8, ef_construction = 16);
CREATE INDEX sa_free ON sa USING hnsw ((free::vector(4)) vector_l2_ops) WITH (m = 8, ef_construction = 16);
CREATE INDEX sa_part ON sa USING hnsw (s vector_l2_ops) WITH (m = 8, ef_construction = 16) WHERE kind < 500;
ANALYZE sa;
SET hnsw.iterative_scan = strict_order;
SET max_parallel_workers_per_gather = 0;
\pset format unaligned
\pset tuples_only on
\pset fieldsep '\n    '
-- nothing to advise
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY v <-> ''[1,2,3,4]'' LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY v <=> $1 LIMIT $2');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY ''[1,2,3,4]'' <#> v ASC NULLS LAST LIMIT 5;');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY id LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT v <-> u FROM sa');
SELECT * FROM ruvector_explain_advice('SELECT 1');
SELECT * FROM ruvector_explain_advice('VALUES (1)');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY v <-> (SELECT v FROM sa WHERE id = 1) LIMIT 5');
SELECT * FROM ruvector_explain_advice(NULL);
-- descending
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY v <-> ''[1,2,3,4]'' DESC LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY v <-> ''[1,2,3,4]'' NULLS FIRST LIMIT 5');
-- wrapped: the same order, the other order, an unknown one
SELECT * FROM ruvector_explain_advice('SELECT id, 1 - (v <=> ''[1,2,3,4]'') AS similarity FROM sa ORDER BY similarity DESC LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY -(v <#> ''[1,2,3,4]'') DESC LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY (v <#> ''[1,2,3,4]'') * -1 DESC LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY 1 / (1 + (v <-> ''[1,2,3,4]'')) DESC LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY sqrt(v <-> ''[1,2,3,4]'') LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY (v <-> ''[1,2,3,4]'')::numeric LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY 1 - (v <=> ''[1,2,3,4]'') LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY coalesce(v <-> ''[1,2,3,4]'', 0) LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY (v <-> ''[1,2,3,4]'') * kind LIMIT 5');
-- through subqueries, WITH and views
SELECT * FROM ruvector_explain_advice('SELECT * FROM (SELECT id, v <=> ''[1,2,3,4]'' AS d FROM sa) s ORDER BY 1 - d DESC LIMIT 5');
SELECT * FROM ruvector_explain_advice('WITH s AS (SELECT id, v <=> ''[1,2,3,4]'' AS d FROM sa) SELECT * FROM s ORDER BY d DESC LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT * FROM (SELECT id, v <=> ''[1,2,3,4]'' AS d FROM sa) s ORDER BY d LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT * FROM (SELECT id, v <=> ''[1,2,3,4]'' AS d FROM sa ORDER BY v <=> ''[1,2,3,4]'' LIMIT 5) s ORDER BY 1 - d DESC, id');
CREATE VIEW sa_view AS SELECT id AS key, v AS vec FROM sa;
SELECT * FROM ruvector_explain_advice('SELECT key FROM sa_view ORDER BY vec <-> ''[1,2,3,4]'' DESC LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT key FROM sa_view ORDER BY vec <-> ''[1,2,3,4]'' LIMIT 5');
-- a call of the function
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY cosine_distance(v, ''[1,2,3,4]'') LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY inner_product(v, ''[1,2,3,4]'') DESC LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY inner_product(v, ''[1,2,3,4]'') LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY vector_norm(v) LIMIT 5');
-- no LIMIT
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY v <-> ''[1,2,3,4]''');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY v <-> ''[1,2,3,4]'' LIMIT ALL');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY v <-> ''[1,2,3,4]'' FETCH FIRST 3 ROWS ONLY');
-- several keys
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY v <-> ''[1,2,3,4]'', id LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY kind, v <-> ''[1,2,3,4]'' LIMIT 5');
-- another operator than the index's; none on the column; dimensions unknown
CREATE TABLE sa_one (id int, v vector(4), w vector);
INSERT INTO sa_one SELECT id, v, v FROM sa;
CREATE INDEX sa_one_l2 ON sa_one USING hnsw (v vector_l2_ops) WITH (m = 8, ef_construction = 16);
ANALYZE sa_one;
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa_one ORDER BY v <=> ''[1,2,3,4]'' LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa_one t ORDER BY t.v <-> ''[1,2,3,4]'' LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY u <=> $1 LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa_one ORDER BY w <=> ''[1,2,3,4]'' LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa_one ORDER BY w <=> $1 LIMIT 5');
CREATE SCHEMA "sa Else";
CREATE TABLE "sa Else"."T" (v vector(4));
SELECT * FROM ruvector_explain_advice('SELECT 1 FROM "sa Else"."T" ORDER BY v <=> $1 LIMIT 5');
-- an operator that no class has
CREATE OPERATOR <%%> (LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_spherical_distance);
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY v <%%> ''[1,2,3,4]'' LIMIT 5');
DROP OPERATOR <%%> (vector, vector);
-- another expression than the index's
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY free <-> ''[1,2,3,4]'' LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY free::vector(4) <-> ''[1,2,3,4]'' LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa_one ORDER BY (v + v) <-> ''[1,2,3,4]'' LIMIT 5');
-- a query vector of another type than the index, a column cast to another
CREATE TABLE sa_half (id int, v vector(4), h halfvec(4));
INSERT INTO sa_half SELECT id, v, v FROM sa LIMIT 5000;
CREATE INDEX sa_half_v ON sa_half USING hnsw (v vector_l2_ops) WITH (m = 8, ef_construction = 16);
CREATE INDEX sa_half_h ON sa_half USING hnsw (h halfvec_cosine_ops) WITH (m = 8, ef_construction = 16);
ANALYZE sa_half;
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa_half ORDER BY v <-> ''[1,2,3,4]''::halfvec LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa_half ORDER BY h <=> ''[1,2,3,4]''::vector LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa_half ORDER BY h::vector <=> ''[1,2,3,4]'' LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa_half ORDER BY h::vector(4) <-> ''[1,2,3,4]'' LIMIT 5');
DROP INDEX sa_half_v;
CREATE INDEX sa_half_vh ON sa_half USING hnsw ((v::halfvec(4)) halfvec_l2_ops) WITH (m = 8, ef_construction = 16);
ANALYZE sa_half;
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa_half ORDER BY v <-> ''[1,2,3,4]'' LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa_half ORDER BY v::halfvec(4) <-> ''[1,2,3,4]'' LIMIT 5');
-- an index that is not ready or not valid
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'sa_one_l2'::regclass;
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa_one ORDER BY v <-> ''[1,2,3,4]'' LIMIT 5');
UPDATE pg_index SET indisready = false WHERE indexrelid = 'sa_one_l2'::regclass;
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa_one ORDER BY v <-> ''[1,2,3,4]'' LIMIT 5');
UPDATE pg_index SET indisvalid = true, indisready = true WHERE indexrelid = 'sa_one_l2'::regclass;
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa_one ORDER BY v <-> ''[1,2,3,4]'' LIMIT 5');
-- a partial index
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY s <-> ''[1,2,3,4]'' LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa WHERE kind < 500 ORDER BY s <-> ''[1,2,3,4]'' LIMIT 5');
-- the planner's choice: LIMIT of nearly everything, a small table, a switch
SELECT severity, regexp_replace(advice, '\(\d+\)', '(n)', 'g'), suggestion
FROM ruvector_explain_advice('SELECT id FROM sa_one ORDER BY v <-> ''[1,2,3,4]'' LIMIT 5999');
CREATE TABLE sa_small (id int, v vector(4), u vector(4));
INSERT INTO sa_small SELECT i, sa_vector(i), sa_vector(i) FROM generate_series(1, 20) i;
CREATE INDEX ON sa_small USING hnsw (v vector_l2_ops);
ANALYZE sa_small;
SELECT severity, regexp_replace(advice, '\(\d+\)', '(n)', 'g'), suggestion
FROM ruvector_explain_advice('SELECT id FROM sa_small ORDER BY v <-> ''[1,2,3,4]'' LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa_small ORDER BY u <=> ''[1,2,3,4]'' LIMIT 5');
SET enable_indexscan = off;
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa_one ORDER BY v <-> ''[1,2,3,4]'' LIMIT 5');
RESET enable_indexscan;
-- a filter, and what the scan will bring
SET hnsw.iterative_scan = off;
SET enable_sort = off;
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa WHERE kind = 7 ORDER BY v <-> ''[1,2,3,4]'' LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa WHERE kind < 900 ORDER BY v <-> ''[1,2,3,4]'' LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY v <-> ''[1,2,3,4]'' LIMIT 100');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY v <-> ''[1,2,3,4]'' LIMIT 40');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY v <-> ''[1,2,3,4]''');
SET hnsw.iterative_scan = strict_order;
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa WHERE kind = 7 ORDER BY v <-> ''[1,2,3,4]'' LIMIT 5');
SET hnsw.max_scan_tuples = 500;
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa WHERE kind = 7 ORDER BY v <-> ''[1,2,3,4]'' LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY v <-> ''[1,2,3,4]'' LIMIT 501');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY v <-> ''[1,2,3,4]'' LIMIT 500');
RESET hnsw.max_scan_tuples;
RESET enable_sort;
-- the query vector: from the same FROM list, from outside, volatile
SELECT * FROM ruvector_explain_advice('SELECT a.id FROM sa a, sa_small b ORDER BY a.v <-> b.v LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY v <-> u LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT b.id, n.id FROM sa_small b, LATERAL (SELECT id FROM sa ORDER BY v <-> b.v LIMIT 5) n');
CREATE FUNCTION sa_embed(text) RETURNS vector LANGUAGE plpgsql VOLATILE AS $$ BEGIN RETURN '[1,2,3,4]'; END $$;
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY v <-> sa_embed(''x'') LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY v <-> (SELECT sa_embed(''x'')) LIMIT 5');
-- grouped, distinct, windows
SELECT * FROM ruvector_explain_advice('SELECT kind, min(v <-> ''[1,2,3,4]'') AS d FROM sa GROUP BY kind ORDER BY d LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT DISTINCT id, v <-> ''[1,2,3,4]'' AS d FROM sa ORDER BY d LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT id, row_number() OVER (ORDER BY v <-> ''[1,2,3,4]'') FROM sa');
-- compared in WHERE
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa WHERE v <-> ''[1,2,3,4]'' < 0.5');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa WHERE 1 - (v <=> ''[1,2,3,4]'') BETWEEN 0.8 AND 1 ORDER BY id LIMIT 5');
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa WHERE v <-> ''[1,2,3,4]'' < 0.5 ORDER BY v <-> ''[1,2,3,4]'' LIMIT 5');
-- in a subquery of an expression
SELECT * FROM ruvector_explain_advice('SELECT (SELECT id FROM sa ORDER BY v <-> ''[1,2,3,4]'' DESC LIMIT 1)');
-- partitions
CREATE TABLE sa_parent (id int, v vector(4)) PARTITION BY RANGE (id);
CREATE TABLE sa_child1 PARTITION OF sa_parent FOR VALUES FROM (0) TO (3000);
CREATE TABLE sa_child2 PARTITION OF sa_parent FOR VALUES FROM (3000) TO (10000);
INSERT INTO sa_parent SELECT id, v FROM sa;
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa_parent ORDER BY v <-> ''[1,2,3,4]'' LIMIT 5');
CREATE INDEX ON sa_parent USING hnsw (v vector_l2_ops) WITH (m = 8, ef_construction = 16);
ANALYZE sa_parent;
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa_parent ORDER BY v <-> ''[1,2,3,4]'' LIMIT 5');
-- a long query vector is not repeated
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY v <-> ''[1.0000001,2.0000001,3.0000001,4.0000001000000000000000000000000000]'' DESC LIMIT 5');
SELECT * FROM ruvector_explain_advice(format('SELECT 1 FROM "sa Else"."T" ORDER BY v::vector <-> %L DESC LIMIT 5', array_fill(1, ARRAY[100])::vector));
-- refused, and errors that point into the text
\pset format aligned
\pset tuples_only off
SELECT * FROM ruvector_explain_advice('');
SELECT * FROM ruvector_explain_advice('SELECT 1; SELECT 2');
SELECT * FROM ruvector_explain_advice('DELETE FROM sa');
SELECT * FROM ruvector_explain_advice('EXPLAIN SELECT 1');
SELECT * FROM ruvector_explain_advice('SELECT id INTO sa_new FROM sa');
SELECT * FROM ruvector_explain_advice('WITH d AS (DELETE FROM sa RETURNING id) SELECT * FROM d');
SELECT * FROM ruvector_explain_advice('SELECT nosuch FROM sa');
SELECT * FROM ruvector_explain_advice('SELECT FROM WHERE');
SELECT count(*) FROM sa;
-- the caller's privileges and search_path
CREATE ROLE sa_reader;
SET ROLE sa_reader;
SELECT * FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY v <-> ''[1,2,3,4]'' LIMIT 5');
RESET ROLE;
GRANT SELECT ON sa TO sa_reader;
SET ROLE sa_reader;
SELECT count(*) FROM ruvector_explain_advice('SELECT id FROM sa ORDER BY v <-> ''[1,2,3,4]'' LIMIT 5');
RESET ROLE;
SELECT severity FROM ruvector_explain_advice('SELECT 1 FROM "T" ORDER BY v <-> ''[1,2,3,4]'' DESC LIMIT 5');
SET search_path = "sa Else", public;
SELECT severity, suggestion FROM ruvector_explain_advice('SELECT 1 FROM "T" ORDER BY v <=> ''[1,2,3,4]'' LIMIT 5');
RESET search_path;
-- never executed
CREATE FUNCTION sa_shout() RETURNS int LANGUAGE plpgsql VOLATILE AS $$ BEGIN RAISE NOTICE 'executed'; RETURN 1; END $$;
SELECT severity FROM ruvector_explain_advice('SELECT sa_shout() FROM sa ORDER BY v <-> ''[1,2,3,4]'' DESC LIMIT 5');

DROP VIEW sa_view;
DROP TABLE sa, sa_half, sa_one, sa_small, sa_parent, "sa Else"."T";
DROP SCHEMA "sa Else";
DROP FUNCTION sa_vector, sa_embed, sa_shout;
DROP ROLE sa_reader;
