-- Foreign tables over graphs: what is pushed, and how joins are planned.
ALTER SEQUENCE ruvector.graph_n_seq RESTART 500;
SELECT ruvector_graph_create('p');
SELECT count(ruvector_node_add('p', ARRAY['Synset', CASE WHEN i % 10 = 0 THEN 'Verb' ELSE 'Noun' END],
                               jsonb_build_object('i', i)))
FROM generate_series(1, 3000) i;
SELECT count(ruvector_edge_add('p', i % 3000 + 1, (i * 7) % 3000 + 1,
                               CASE WHEN i % 3 = 0 THEN 'HYPERNYM' ELSE 'SIMILAR' END,
                               jsonb_build_object('w', i)))
FROM generate_series(1, 9000) i;
VACUUM ANALYZE rvg_500.node, rvg_500.edge;
CREATE TABLE words (k int PRIMARY KEY, node_id int, node_big bigint, node_small smallint,
                    g text COLLATE "C", t varchar(20), gname name);
INSERT INTO words SELECT i, i * 3, i * 3, i * 3, 'p', CASE WHEN i % 2 = 0 THEN 'HYPERNYM' ELSE 'SIMILAR' END, 'p'
FROM generate_series(1, 500) i;
ANALYZE words;

-- what is pushed
EXPLAIN (COSTS OFF) SELECT * FROM ruvector_nodes;
EXPLAIN (COSTS OFF) SELECT * FROM ruvector_nodes WHERE graph = 'p';
EXPLAIN (COSTS OFF) SELECT * FROM ruvector_nodes WHERE graph = 'p' AND id = 5;
EXPLAIN (COSTS OFF) SELECT * FROM ruvector_nodes WHERE 'p' = graph AND 5::smallint = id;
EXPLAIN (COSTS OFF) SELECT * FROM ruvector_nodes WHERE graph = 'p' AND id IN (1, 2, 3);
EXPLAIN (COSTS OFF) SELECT * FROM ruvector_nodes WHERE graph = 'p' AND id = ANY ('{1,2}'::smallint[]);
EXPLAIN (COSTS OFF) SELECT * FROM ruvector_nodes WHERE graph = 'p' AND labels @> '{Verb,Synset}';
EXPLAIN (COSTS OFF) SELECT * FROM ruvector_nodes WHERE graph = 'p' AND '{Verb}' <@ labels;
EXPLAIN (COSTS OFF) SELECT * FROM ruvector_nodes WHERE graph = 'p' AND 'Verb' = ANY (labels);
EXPLAIN (COSTS OFF) SELECT * FROM ruvector_edges WHERE graph = 'p' AND type = 'HYPERNYM';
EXPLAIN (COSTS OFF) SELECT * FROM ruvector_edges WHERE graph = 'p' AND type IN ('HYPERNYM', 'SIMILAR') AND start_id = 4;
EXPLAIN (COSTS OFF) SELECT * FROM ruvector_edges WHERE graph = 'p' AND end_id = 4;
EXPLAIN (COSTS OFF) SELECT * FROM ruvector_edges WHERE graph = 'p' AND start_id = 4 AND end_id = 5;
EXPLAIN (COSTS OFF) SELECT * FROM ruvector_edges WHERE graph = 'p' AND id = 4 AND start_id = 4;
EXPLAIN (COSTS OFF) SELECT * FROM ruvector_nodes WHERE graph = 'p' AND id = (SELECT max(node_id) FROM words);
EXPLAIN (COSTS OFF) SELECT * FROM ruvector_nodes WHERE graph = current_setting('application_name') AND id = 1;
-- a list that rules itself out is no scan at all
EXPLAIN (COSTS OFF) SELECT * FROM ruvector_nodes WHERE graph = 'p' AND id = NULL;

-- what is not
EXPLAIN (COSTS OFF) SELECT * FROM ruvector_nodes WHERE graph = 'p' AND id > 5;
EXPLAIN (COSTS OFF) SELECT * FROM ruvector_nodes WHERE graph = 'p' AND id = 5.0;
EXPLAIN (COSTS OFF) SELECT * FROM ruvector_nodes WHERE graph = 'p' AND id + 0 = 5;
EXPLAIN (COSTS OFF) SELECT * FROM ruvector_nodes WHERE graph = 'p' AND id = (random() * 3000)::int;
EXPLAIN (COSTS OFF) SELECT * FROM ruvector_nodes WHERE graph = 'p' AND (id = 1 OR id = 2);
EXPLAIN (COSTS OFF) SELECT * FROM ruvector_nodes WHERE graph = 'p' AND id <> ALL ('{1,2}');
EXPLAIN (COSTS OFF) SELECT * FROM ruvector_nodes WHERE graph = 'p' AND labels = '{Verb}';
EXPLAIN (COSTS OFF) SELECT * FROM ruvector_nodes WHERE graph = 'p' AND labels && '{Verb}';
EXPLAIN (COSTS OFF) SELECT * FROM ruvector_nodes WHERE graph = 'p' AND 'Verb' = ALL (labels);
EXPLAIN (COSTS OFF) SELECT * FROM ruvector_nodes WHERE graph = 'p' AND properties @> '{"i": 7}';
EXPLAIN (COSTS OFF) SELECT * FROM ruvector_edges WHERE graph = 'p' AND type LIKE 'HYP%';
EXPLAIN (COSTS OFF) SELECT * FROM ruvector_edges WHERE graph = 'p' AND start_id = end_id;
EXPLAIN (COSTS OFF) SELECT * FROM ruvector_edges WHERE type = graph;
-- an equality of the user's own is not the store's
CREATE FUNCTION never(bigint, bigint) RETURNS bool LANGUAGE plpgsql STABLE AS 'BEGIN RETURN false; END';
CREATE SCHEMA mine;
CREATE OPERATOR mine.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = never);
EXPLAIN (COSTS OFF) SELECT * FROM ruvector_nodes WHERE graph = 'p' AND id OPERATOR(mine.=) 5::bigint;
SELECT count(*) FROM ruvector_nodes WHERE graph = 'p' AND id OPERATOR(mine.=) 5::bigint;
-- nor one that takes different strings for the same
CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
EXPLAIN (COSTS OFF) SELECT * FROM ruvector_edges WHERE graph = 'p' AND type = 'hypernym' COLLATE nocase;
SELECT count(*) FROM ruvector_edges WHERE graph = 'p' AND type = 'hypernym' COLLATE nocase;

-- joins: a few look-ups beat a scan, whatever the integer's width, and many do not
EXPLAIN (COSTS OFF) SELECT * FROM words w JOIN ruvector_nodes n ON n.graph = 'p' AND n.id = w.node_id WHERE w.k < 5;
EXPLAIN (COSTS OFF) SELECT * FROM words w JOIN ruvector_nodes n ON n.graph = 'p' AND n.id = w.node_big WHERE w.k < 5;
EXPLAIN (COSTS OFF) SELECT * FROM words w JOIN ruvector_nodes n ON n.graph = 'p' AND n.id = w.node_small WHERE w.k < 5;
EXPLAIN (COSTS OFF) SELECT * FROM words w JOIN ruvector_edges e ON e.graph = 'p' AND e.start_id = w.node_id AND e.type = 'HYPERNYM' WHERE w.k < 5;
EXPLAIN (COSTS OFF) SELECT * FROM words w JOIN ruvector_edges e ON e.graph = 'p' AND e.end_id = w.node_id WHERE w.k < 5;
EXPLAIN (COSTS OFF) SELECT * FROM words w JOIN ruvector_nodes n ON n.graph = 'p' AND n.id = w.node_id + 0 WHERE w.k < 5;
EXPLAIN (COSTS OFF) SELECT count(*) FROM words a CROSS JOIN generate_series(1, 100) JOIN ruvector_nodes n ON n.graph = 'p' AND n.id = a.node_id;
-- the type and the graph can come from the other side, too
EXPLAIN (COSTS OFF) SELECT * FROM words w JOIN ruvector_edges e ON e.graph = w.g AND e.start_id = w.node_id AND e.type = w.t WHERE w.k < 5;
EXPLAIN (COSTS OFF) SELECT * FROM words w JOIN ruvector_edges e ON e.graph = w.gname AND e.start_id = w.node_id WHERE w.k < 5;
-- between two given nodes
EXPLAIN (COSTS OFF) SELECT * FROM words a, words b, ruvector_edges e
WHERE a.k = 5 AND b.k < 5 AND e.graph = 'p' AND e.start_id = a.node_id AND e.end_id = b.node_id;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
EXPLAIN (COSTS OFF) SELECT * FROM words a, words b, ruvector_edges e
WHERE a.k = 5 AND b.k = 7 AND e.graph = 'p' AND e.start_id = a.node_id AND e.end_id = b.node_id;
RESET enable_hashjoin;
RESET enable_mergejoin;
-- two hops
EXPLAIN (COSTS OFF) SELECT n.properties FROM words w
JOIN ruvector_edges e ON e.graph = 'p' AND e.start_id = w.node_id
JOIN ruvector_nodes n ON n.graph = 'p' AND n.id = e.end_id WHERE w.k = 1;
-- estimates of joins come from the statistics of the graph's own columns: three steps from a few
-- nodes are look-ups, and sizes are about right
EXPLAIN (COSTS OFF) SELECT count(*) FROM generate_series(1, 10) s
JOIN ruvector_edges a ON a.graph = 'p' AND a.start_id = s JOIN ruvector_edges b ON b.graph = 'p' AND b.start_id = a.end_id
JOIN ruvector_edges c ON c.graph = 'p' AND c.start_id = b.end_id;
CREATE FUNCTION estimated(query text) RETURNS float LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
    RETURN plan->0->'Plan'->>'Plan Rows';
END $$;
SELECT estimated($$SELECT FROM generate_series(1, 10) s JOIN ruvector_edges a ON a.graph = 'p' AND a.start_id = s
JOIN ruvector_edges b ON b.graph = 'p' AND b.start_id = a.end_id JOIN ruvector_edges c ON c.graph = 'p' AND c.start_id = b.end_id$$)
BETWEEN 135 AND 540 AS about_270;
SELECT estimated($$SELECT FROM ruvector_edges e JOIN ruvector_nodes n ON n.graph = e.graph AND n.id = e.end_id WHERE e.graph = 'p'$$)
BETWEEN 4500 AND 18000 AS about_9000;
SELECT estimated($$SELECT FROM ruvector_nodes WHERE graph = 'p' AND id > 2000$$) BETWEEN 500 AND 2000 AS about_1000;
SELECT estimated($$SELECT FROM ruvector_nodes WHERE graph = 'p' AND labels @> '{Verb}'$$) BETWEEN 150 AND 600 AS about_300;
SELECT estimated($$SELECT FROM ruvector_edges WHERE graph = 'p' AND type = 'HYPERNYM'$$) BETWEEN 1500 AND 6000 AS about_3000;
-- without statistics, what is known of ids
DELETE FROM pg_statistic WHERE starelid IN ('rvg_500.node'::regclass, 'rvg_500.edge'::regclass);
SELECT estimated($$SELECT FROM generate_series(1, 10) s JOIN ruvector_edges a ON a.graph = 'p' AND a.start_id = s
JOIN ruvector_edges b ON b.graph = 'p' AND b.start_id = a.end_id JOIN ruvector_edges c ON c.graph = 'p' AND c.start_id = b.end_id$$)
BETWEEN 135 AND 540 AS about_270;
SELECT estimated($$SELECT FROM ruvector_edges e JOIN ruvector_nodes n ON n.graph = e.graph AND n.id = e.end_id WHERE e.graph = 'p'$$)
BETWEEN 4500 AND 18000 AS about_9000;
ANALYZE rvg_500.node, rvg_500.edge;
DROP FUNCTION estimated;
-- equivalence: w.node_big = x.id, x.id = n.id
EXPLAIN (COSTS OFF) SELECT n.id FROM words w, ruvector_edges x, ruvector_nodes n
WHERE w.k = 1 AND x.graph = 'p' AND n.graph = 'p' AND w.node_big = x.start_id AND x.start_id = n.id;
EXPLAIN (COSTS OFF) SELECT * FROM words w, LATERAL (SELECT * FROM ruvector_edges e WHERE e.graph = 'p' AND e.start_id = w.node_id ORDER BY e.id LIMIT 1) e WHERE w.k < 5;

-- formats, prefixes
EXPLAIN (COSTS OFF, VERBOSE) SELECT n.id FROM ruvector_nodes n WHERE graph = 'p' AND id = 5 AND properties ? 'i';
EXPLAIN (COSTS OFF, FORMAT json) SELECT id FROM ruvector_nodes n WHERE graph = 'p' AND id = 5;

-- a generic plan has parameters where a custom one has values
SET plan_cache_mode = force_generic_plan;
PREPARE q(text, bigint, text[]) AS SELECT id, properties->'i' AS i FROM ruvector_nodes
WHERE graph = $1 AND id = $2 AND labels @> $3;
EXPLAIN (COSTS OFF) EXECUTE q('p', 10, '{Verb}');
EXECUTE q('p', 10, '{Verb}');
EXECUTE q('p', 10, '{Noun}');
EXECUTE q('p', 11, '{Noun,Synset}');
EXECUTE q('p', NULL, '{Noun}');
EXECUTE q(NULL, 1, '{Noun}');
EXECUTE q('p', 11, NULL);
EXECUTE q('p', 11, '{Noun,NULL}');
EXECUTE q('p', 11, '{}');
EXECUTE q('nobody', 1, '{Noun}');
RESET plan_cache_mode;
DEALLOCATE q;

DROP TABLE words;
DROP COLLATION nocase;
DROP OPERATOR mine.= (bigint, bigint);
DROP SCHEMA mine;
DROP FUNCTION never;
SELECT ruvector_graph_delete('p');
