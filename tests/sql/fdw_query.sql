-- Foreign tables over graphs: answers. Whatever is pushed, they equal those of the same query on copies.
ALTER SEQUENCE ruvector.graph_n_seq RESTART 600;
SELECT ruvector_graph_create('q1');
SELECT ruvector_graph_create('q2');
SELECT ruvector_graph_create('empty');
SELECT count(ruvector_node_add('q1', (ARRAY['{A}', '{B}', '{A,B}', '{}']::text[])[i % 4 + 1]::text[],
                               CASE WHEN i % 5 > 0 THEN jsonb_build_object('i', i) END))
FROM generate_series(1, 40) i;
SELECT count(ruvector_edge_add('q1', i % 40 + 1, (i * 3) % 40 + 1, 'T' || i % 3, jsonb_build_object('i', i)))
FROM generate_series(1, 120) i;
SELECT count(ruvector_node_add('q2', '{A}')) FROM generate_series(1, 3) i;
SELECT ruvector_edge_add('q2', 1, 2, 'T0') AS id;
CREATE TABLE nodes AS SELECT * FROM ruvector_nodes WHERE graph IN ('q1', 'q2', 'empty');
CREATE TABLE edges AS SELECT * FROM ruvector_edges WHERE graph IN ('q1', 'q2', 'empty');
SELECT graph, count(*), count(DISTINCT labels), sum((properties->>'i')::int) FROM nodes GROUP BY 1 ORDER BY 1;
SELECT graph, count(*), count(DISTINCT type), sum((properties->>'i')::int) FROM edges GROUP BY 1 ORDER BY 1;

-- every condition on nodes, against the copy: no row may differ
CREATE FUNCTION differ(what text, cond text) RETURNS TABLE (rows bigint, differences bigint) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'WITH f AS MATERIALIZED (SELECT * FROM ruvector_%1$s WHERE (%2$s)), '
        'l AS MATERIALIZED (SELECT * FROM %1$s WHERE (%2$s)) '
        'SELECT (SELECT count(*) FROM f), '
        '(SELECT count(*) FROM ((TABLE f EXCEPT ALL TABLE l) UNION ALL (TABLE l EXCEPT ALL TABLE f)) d)', what, cond);
END $$;
SELECT cond, d.* FROM unnest(ARRAY[
    $$graph IN ('q1', 'q2')$$, $$graph = 'q1'$$, $$graph = 'q2'$$, $$graph = 'empty'$$,
    $$graph = 'q1' AND graph = 'q2'$$, $$graph = 'q1' AND id = 7$$, $$graph = 'q1' AND id = 700$$,
    $$graph = 'q1' AND id = -7$$, $$graph = 'q1' AND id = 9223372036854775807$$,
    $$graph = 'q1' AND id = ANY ('{7,7,8,900,NULL}')$$, $$graph = 'q1' AND id = ANY ('{}'::int[])$$,
    $$graph = 'q1' AND id = ANY (NULL::int[])$$, $$graph = 'q1' AND id = ANY ('{{1,2},{3,4}}'::int[])$$,
    $$graph = 'q1' AND id = 7 AND id = 7$$, $$graph = 'q1' AND id = 7 AND id = 8$$,
    $$graph = 'q1' AND id IN (5, 6, 7) AND id IN (7, 8, 6)$$,
    $$id = 2 AND graph <> 'x'$$, $$graph = 'q1' AND id = 7 AND labels @> '{A}'$$,
    $$graph = 'q1' AND id = 7 AND labels @> '{B}'$$, $$graph = 'q1' AND labels @> '{A}'$$,
    $$graph = 'q1' AND labels @> '{A,B}'$$, $$graph = 'q1' AND labels @> '{B,A,A}'$$,
    $$graph = 'q1' AND labels @> '{}'$$, $$graph = 'q1' AND labels @> '{A,NULL}'$$,
    $$graph = 'q1' AND labels @> NULL$$, $$graph = 'q1' AND labels @> '{C}'$$,
    $$graph = 'q1' AND labels @> '{{A},{B}}'$$, $$graph = 'q1' AND '{B}' <@ labels$$,
    $$graph = 'q1' AND 'A' = ANY (labels)$$, $$graph = 'q1' AND 'A' = ANY (labels) AND 'B' = ANY (labels)$$,
    $$graph = 'q1' AND NOT 'A' = ANY (labels)$$, $$graph = 'q1' AND labels = '{A,B}'$$,
    $$graph = 'q1' AND labels <@ '{A}'$$, $$graph = 'q1' AND NULL = ANY (labels)$$,
    $$graph = 'q1' AND properties = '{}'$$, $$graph = 'q1' AND properties @> '{"i": 7}'$$,
    $$graph = 'q1' AND (id = 7 OR 'A' = ANY (labels))$$, $$graph = 'q1' AND labels @> '{A}' AND id % 2 = 0$$]) cond,
    differ('nodes', cond) d;
SELECT cond, d.* FROM unnest(ARRAY[
    $$graph = 'q1'$$, $$graph = 'q2'$$, $$graph = 'empty'$$, $$graph = 'q1' AND type = 'T0'$$,
    $$graph = 'q1' AND type = 'T9'$$, $$graph = 'q1' AND type IN ('T0', 'T1', 'T9', 'T0')$$,
    $$graph = 'q1' AND type IN ('T0', 'T1') AND type IN ('T1', 'T2')$$, $$graph = 'q1' AND type = 'T0' AND type = 'T1'$$,
    $$graph = 'q1' AND type = ANY ('{T0,NULL}')$$, $$graph = 'q1' AND type = NULL$$,
    $$graph = 'q1' AND id = 5$$, $$graph = 'q1' AND id IN (5, 6, 5) AND type = 'T2'$$,
    $$graph = 'q1' AND id IN (5, 6) AND start_id IN (6, 8)$$, $$graph = 'q1' AND start_id = 7$$,
    $$graph = 'q1' AND start_id IN (7, 8, 8)$$, $$graph = 'q1' AND start_id = 7 AND type = 'T1'$$,
    $$graph = 'q1' AND start_id = 7 AND type IN ('T1', 'T0')$$, $$graph = 'q1' AND end_id = 7$$,
    $$graph = 'q1' AND end_id IN (7, 8) AND type = 'T1'$$, $$graph = 'q1' AND start_id = 7 AND end_id = 19$$,
    $$graph = 'q1' AND start_id = 7 AND end_id = 20$$, $$graph = 'q1' AND start_id = 7 AND end_id = -20$$,
    $$graph = 'q1' AND start_id IN (7, 8, 9) AND end_id IN (19, 22)$$,
    $$graph = 'q1' AND start_id IN (7, 8, 9) AND end_id = 19$$,
    $$graph = 'q1' AND start_id = 7 AND end_id IN (19, 22) AND type = 'T0'$$,
    $$graph = 'q1' AND start_id = end_id$$, $$graph = 'q1' AND start_id = 7 AND properties @> '{"i": 6}'$$,
    $$graph <> 'x' AND start_id = 1$$, $$graph = 'q1' AND (type = 'T0' OR start_id = 7)$$]) cond,
    differ('edges', cond) d;

-- no such graph
SELECT * FROM ruvector_nodes WHERE graph = 'nobody';
SELECT * FROM ruvector_nodes WHERE graph = 'nobody' AND graph = 'q1';
SELECT * FROM ruvector_nodes WHERE graph = NULL;

-- only what is asked for
SELECT graph FROM ruvector_nodes WHERE graph = 'q2';
SELECT count(*) FROM ruvector_edges WHERE graph = 'q1' AND start_id = 1;
SELECT tableoid::regclass, id FROM ruvector_nodes WHERE graph = 'q2' AND id = 1;
SELECT n FROM ruvector_nodes n WHERE graph = 'q2' AND id = 1;
SELECT jsonb_agg(n) FROM ruvector_nodes n WHERE graph = 'q1' AND id IN (1, 5);

-- joins
CREATE TABLE who (name text, node_id int);
INSERT INTO who VALUES ('a', 1), ('b', 2), ('none', 99), ('null', NULL), ('a again', 1);
ANALYZE who;
SELECT name, n.id, n.labels FROM who JOIN ruvector_nodes n ON n.graph = 'q1' AND n.id = node_id ORDER BY name;
SELECT name, n.id FROM who LEFT JOIN ruvector_nodes n ON n.graph = 'q1' AND n.id = node_id ORDER BY name;
SELECT name, e.id, e.end_id, n.labels FROM who
JOIN ruvector_edges e ON e.graph = 'q1' AND e.start_id = node_id
JOIN ruvector_nodes n ON n.graph = 'q1' AND n.id = e.end_id ORDER BY name, e.id;
SELECT name, e.* FROM who, LATERAL (SELECT id, type FROM ruvector_edges WHERE graph = 'q1' AND start_id = node_id ORDER BY id DESC LIMIT 1) e ORDER BY name;
SELECT name, (SELECT count(*) FROM ruvector_edges WHERE graph = 'q1' AND end_id = node_id) FROM who ORDER BY name;
SELECT name FROM who WHERE EXISTS (SELECT FROM ruvector_nodes WHERE graph = 'q1' AND id = node_id AND 'B' = ANY (labels)) ORDER BY name;
-- values that an outer join may turn to null are wrapped by the planner
SELECT a.name, s.x, s.k, n.id, n.labels FROM who a
LEFT JOIN (SELECT name, node_id + 1 AS x, 'k' AS k FROM who WHERE name <> 'b') s ON s.name = a.name
LEFT JOIN LATERAL (SELECT id, labels FROM ruvector_nodes n WHERE graph = 'q1' AND n.id = s.x) n ON true ORDER BY 1;
SELECT a.name, n.id FROM who a
LEFT JOIN (SELECT name, 'q' || coalesce(node_id, 1) AS g FROM who WHERE node_id < 3 OR node_id IS NULL) s ON s.name = a.name
LEFT JOIN LATERAL (SELECT id FROM ruvector_nodes n WHERE graph = s.g AND n.id = 3) n ON true ORDER BY 1;
-- the graph from the other side: a scan for each
SELECT g, count(n.id) FROM (VALUES ('q1'), ('q2'), ('empty'), (NULL)) v(g), LATERAL (SELECT id FROM ruvector_nodes WHERE graph = g) n GROUP BY 1 ORDER BY 1;
SELECT g, i, labels FROM (VALUES ('q1', 1), ('q2', 1), ('q1', 2), ('q2', 9)) v(g, i), LATERAL (SELECT labels FROM ruvector_nodes WHERE graph = g AND id = i) n ORDER BY 1, 2;
-- rescans with other types keep no state of the last
SELECT t, count(e.id) FROM (VALUES ('T0'), ('T1'), ('T9'), ('T0')) v(t), LATERAL (SELECT id FROM ruvector_edges WHERE graph = 'q1' AND type = t AND start_id IN (1, 2, 3)) e GROUP BY 1 ORDER BY 1;

SELECT id FROM ruvector_nodes WHERE graph = 'q1' AND id = 3 UNION ALL SELECT id FROM ruvector_edges WHERE graph = 'q1' AND id = 4
UNION ALL SELECT id FROM ruvector_nodes WHERE graph = 'q2' ORDER BY 1;
WITH RECURSIVE walk(id, depth) AS (
    SELECT 2::bigint, 0
    UNION
    SELECT e.end_id, depth + 1 FROM walk w JOIN ruvector_edges e ON e.graph = 'q1' AND e.start_id = w.id WHERE depth < 5)
SELECT depth, count(*), min(id), max(id) FROM walk GROUP BY 1 ORDER BY 1;

-- cursors, also back and forth, and after other work in the transaction
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT id FROM ruvector_nodes WHERE graph = 'q1' AND 'A' = ANY (labels) ORDER BY id;
FETCH 3 FROM c;
SELECT ruvector_node_add('q1', '{A}') > 0 AS added;
FETCH BACKWARD 2 FROM c;
MOVE LAST FROM c;
FETCH RELATIVE 0 FROM c;
SAVEPOINT s;
SELECT id FROM ruvector_nodes WHERE graph = 'q1' AND id = 1 AND 1 / (id - 1) = 1;
ROLLBACK TO s;
FETCH FIRST FROM c;
ROLLBACK;
BEGIN;
DECLARE held CURSOR WITH HOLD FOR SELECT id FROM ruvector_nodes WHERE graph = 'q2' ORDER BY id;
COMMIT;
FETCH ALL FROM held;
CLOSE held;

-- statements in functions with exceptions, again and again
DO $$
DECLARE r record; n int := 0;
BEGIN
    FOR r IN SELECT id FROM ruvector_nodes WHERE graph = 'q1' ORDER BY id LIMIT 20 LOOP
        BEGIN
            PERFORM id FROM ruvector_edges WHERE graph = CASE WHEN r.id % 3 = 0 THEN 'nobody' ELSE 'q1' END AND start_id = r.id;
        EXCEPTION WHEN SQLSTATE 'RV001' THEN
            n := n + 1;
        END;
    END LOOP;
    RAISE NOTICE '% missed', n;
END $$;

-- commits in the middle of a scan: the rest of it is kept
CREATE TABLE seen (id bigint);
DO $$
DECLARE r record;
BEGIN
    FOR r IN SELECT id FROM ruvector_nodes WHERE graph = 'q1' LOOP
        INSERT INTO seen VALUES (r.id);
        COMMIT;
    END LOOP;
END $$;
SELECT count(*), count(DISTINCT id) FROM seen;
DROP TABLE seen;

-- a security barrier is not crossed by what is pushed
CREATE ROLE fdw_reader;
CREATE VIEW even WITH (security_barrier) AS SELECT id, labels FROM ruvector_nodes WHERE graph = 'q1' AND id % 2 = 0;
GRANT SELECT ON even TO fdw_reader;
CREATE FUNCTION peek(bigint) RETURNS bool LANGUAGE plpgsql COST 0.0001 AS $$BEGIN RAISE NOTICE 'saw %', $1; RETURN true; END$$;
SET ROLE fdw_reader;
SELECT id FROM even WHERE peek(id) AND id IN (1, 2, 3, 4);
EXPLAIN (COSTS OFF) SELECT id FROM even WHERE peek(id) AND id IN (1, 2, 3, 4);
RESET ROLE;
DROP VIEW even;
DROP FUNCTION peek;
DROP ROLE fdw_reader;

-- row locks are not to be had, but the query runs, also where another row is locked
SELECT id FROM ruvector_nodes WHERE graph = 'q2' AND id = 1 FOR UPDATE;
SELECT name, n.id FROM who JOIN ruvector_nodes n ON n.graph = 'q1' AND n.id = node_id WHERE name = 'b' FOR UPDATE OF who;

-- read-only
INSERT INTO ruvector_nodes VALUES ('q2', 1, '{}', '{}');
UPDATE ruvector_nodes SET labels = '{X}' WHERE graph = 'q2';
DELETE FROM ruvector_edges;
TRUNCATE ruvector_edges;
COPY ruvector_nodes FROM stdin;
\.
COPY (SELECT id, type FROM ruvector_edges WHERE graph = 'q2') TO stdout;

-- tables of one's own
CREATE FOREIGN TABLE people (id bigint, labels text[]) SERVER ruvector_graph OPTIONS (kind 'nodes', graph 'q2');
SELECT * FROM people ORDER BY id;
EXPLAIN (COSTS OFF) SELECT * FROM people WHERE id = 2;
ALTER FOREIGN TABLE people ADD COLUMN graph text;
SELECT * FROM people WHERE graph = 'q1';
SELECT * FROM people WHERE graph = 'q2' AND id = 2;
ALTER FOREIGN TABLE people DROP COLUMN labels;
SELECT * FROM people WHERE id = 2;
ALTER FOREIGN TABLE people ADD COLUMN age int;
SELECT * FROM people;
ALTER FOREIGN TABLE people DROP COLUMN age;
ALTER FOREIGN TABLE people ALTER COLUMN id TYPE text;
SELECT * FROM people;
ALTER FOREIGN TABLE people OPTIONS (SET kind 'hyperedges');
ALTER FOREIGN TABLE people OPTIONS (ADD schema 'x');
ALTER FOREIGN TABLE people OPTIONS (DROP kind);
ALTER SERVER ruvector_graph OPTIONS (ADD host 'x');
CREATE FOREIGN TABLE nothing (id bigint) SERVER ruvector_graph;
DROP FOREIGN TABLE people;

DROP TABLE nodes, edges, who;
DROP FUNCTION differ;
SELECT ruvector_graph_delete('q1');
SELECT ruvector_graph_delete('q2');
SELECT ruvector_graph_delete('empty');
