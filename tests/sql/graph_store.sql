-- Graphs: creating, filling, reading, deleting.
-- graphs of this test are numbered from 100 on
ALTER SEQUENCE ruvector.graph_n_seq RESTART 100;
SELECT ruvector_graph_create('social');

-- names: 1 to 63 bytes, counted in bytes
SELECT ruvector_graph_create('');
SELECT ruvector_graph_create(repeat('x', 64));
SELECT ruvector_graph_create(repeat('é', 32));
SELECT ruvector_graph_create(repeat('é', 31) || 'x');
SELECT ruvector_graph_create('Robert''); DROP TABLE "students"; --');
SELECT ruvector_graph_create(NULL) IS NULL AS null_name_does_nothing;
\set VERBOSITY sqlstate
SELECT ruvector_graph_create('social');
SELECT ruvector_graph_create('');
SELECT ruvector_graph_delete('nobody');
SELECT ruvector_node_add('nobody');
SELECT ruvector_neighbors('nobody', 1);
\set VERBOSITY default
SELECT ruvector_graph_create('social');
SELECT ruvector_node_add('nobody');
SELECT ruvector_node_add(repeat('x', 100));
SELECT name, schema, nodes, edges FROM ruvector_graph_list() WHERE schema LIKE 'rvg\_10_';
SELECT ruvector_graph_delete(repeat('é', 31) || 'x');
SELECT ruvector_graph_delete('Robert''); DROP TABLE "students"; --');

-- nodes and relationships
SELECT ruvector_node_add('social', '{Person,Admin}', '{"name": "Ann", "born": 1970}') AS ann;
SELECT ruvector_node_add('social', '{Admin,Person,Admin}', '{"name": "Bob", "gone": null}') AS bob;
SELECT ruvector_node_add('social', '{}') AS nameless;
SELECT ruvector_node_add('social') AS nameless;
SELECT ruvector_node_add('social', NULL, NULL) AS nameless;
SELECT ruvector_edge_add('social', 1, 2, 'KNOWS', '{"since": 1999}') AS e;
SELECT ruvector_edge_add('social', 2, 1, 'LIKES') AS e;
SELECT ruvector_edge_add('social', 2, 2, 'KNOWS') AS e;
SELECT ruvector_edge_add('social', 3, 2, 'KNOWS') AS e;
-- both orders of the labels are one label set; empty maps are not stored
SELECT id, lset, props IS NULL AS empty FROM rvg_100.node ORDER BY id;
SELECT * FROM rvg_100.labelset ORDER BY id;
SELECT * FROM rvg_100.label ORDER BY id;
SELECT * FROM rvg_100.reltype ORDER BY id;
-- a null is not stored, so its key is not either
SELECT * FROM rvg_100.propkey ORDER BY id;

SELECT * FROM ruvector_neighbors('social', 2) ORDER BY edge_id;
SELECT * FROM ruvector_neighbors('social', 2, 'out') ORDER BY edge_id;
SELECT * FROM ruvector_neighbors('social', 2, 'IN') ORDER BY edge_id;
SELECT * FROM ruvector_neighbors('social', 2, 'both', 'LIKES') ORDER BY edge_id;
SELECT * FROM ruvector_neighbors('social', 2, 'both', 'HATES') ORDER BY edge_id;
SELECT * FROM ruvector_neighbors('social', 99);
SELECT * FROM ruvector_neighbors('social', -1);
SELECT * FROM ruvector_neighbors('social', 2, 'up');
SELECT * FROM ruvector_neighbors('social', 2, NULL);
SELECT * FROM ruvector_neighbors('social', NULL);

-- what cannot be stored, or linked
SELECT ruvector_edge_add('social', 1, 99, 'KNOWS');
SELECT ruvector_edge_add('social', 0, 1, 'KNOWS');
SELECT ruvector_edge_add('social', NULL, 1, 'KNOWS');
SELECT ruvector_edge_add('social', 1, 2, NULL);
SELECT ruvector_edge_add('social', 1, 2, '');
SELECT ruvector_edge_add('social', 1, 2, repeat('t', 1025));
SELECT ruvector_node_add('social', '{A,NULL}');
SELECT ruvector_node_add('social', '{""}');
SELECT ruvector_node_add('social', array_agg('L' || i)) FROM generate_series(1, 257) i;
SELECT ruvector_node_add('social', '{}', '[1]');
SELECT ruvector_node_add('social', '{}', '"text"');
SELECT ruvector_node_add('social', '{}', '{"m": {"a": 1}}');
SELECT ruvector_node_add('social', '{}', '{"l": [1, null]}');
SELECT ruvector_node_add('social', '{}', '{"l": [[{"a": 1}]]}');
SELECT ruvector_node_add('social', '{}', '{"": 1}');
SELECT ruvector_node_add('social', '{}', '{"n": 9223372036854775808}');
SELECT ruvector_node_add('social', '{}', '{"n": 1e400}');
SELECT ruvector_node_add('social', '{}', ('{"l": ' || repeat('[', 65) || '1' || repeat(']', 65) || '}')::jsonb);
SELECT ruvector_node_add('social', '{}', jsonb_build_object('s', repeat('x', 17 * 1024 * 1024)));
-- lists 64 deep and 256 labels wide do
SELECT ruvector_node_add('social', '{Deep}', ('{"l": ' || repeat('[', 64) || '1' || repeat(']', 64) || '}')::jsonb) > 0 AS deep;
SELECT ruvector_node_add('social', array_agg('L' || i)) > 0 AS wide FROM generate_series(1, 256) i;

-- values survive as they are
SELECT ruvector_node_add('social', '{Values}', '{
  "int": 1, "float": 1.0, "negative": -42, "max": 9223372036854775807, "min": -9223372036854775808,
  "big float": 1e20, "small": 1e-30, "third": 0.3333333333333333, "t": true, "f": false,
  "empty": "", "text": "naïve \u2028 \" \\ 𝄞", "list": [1, 2.5, "x", true, [[], [false]]], "none": []}') AS id \gset
SELECT jsonb_pretty(properties) FROM ruvector_nodes WHERE graph = 'social' AND id = :id;
SELECT ruvector_node_add('social', '{Values}', properties) AS copy
FROM ruvector_nodes WHERE graph = 'social' AND id = :id \gset
SELECT a.props = b.props AS same_bytes FROM rvg_100.node a, rvg_100.node b WHERE a.id = :id AND b.id = :copy;
-- out of line
SELECT ruvector_node_add('social', '{Big}', jsonb_build_object('s', string_agg(md5(i::text), ''), 'i', 7)) AS big
FROM generate_series(1, 5000) i \gset
SELECT length(properties->>'s') AS len, md5(properties->>'s') = md5(string_agg(md5(i::text), '')) AS same
FROM ruvector_nodes, generate_series(1, 5000) i WHERE graph = 'social' AND id = :big GROUP BY properties;

SELECT * FROM ruvector_graph_check('social');

-- the tables refuse what does not come through the store
INSERT INTO rvg_100.node VALUES (1000, 1, NULL);
UPDATE rvg_100.node SET id = 1000;
DELETE FROM rvg_100.edge;
TRUNCATE rvg_100.edge;
COPY rvg_100.label FROM stdin;
1000	X
\.
SELECT ruvector.ruvector_graph_guard();

-- read-only transactions
BEGIN READ ONLY;
SELECT count(*) FROM ruvector_neighbors('social', 1);
SAVEPOINT s;
SELECT ruvector_node_add('social');
ROLLBACK TO s;
SELECT ruvector_graph_create('other');
ROLLBACK TO s;
SELECT ruvector_graph_delete('social');
ROLLBACK TO s;
\set VERBOSITY sqlstate
SELECT ruvector_edge_add('social', 1, 2, 'T');
\set VERBOSITY default
ROLLBACK;

-- deleting
SELECT ruvector_graph_delete('social');
SELECT ruvector_node_add('social');
SELECT count(*) AS schemas FROM pg_namespace WHERE nspname LIKE 'rvg\_10_';
SELECT count(*) AS rows FROM ruvector.graph WHERE n BETWEEN 100 AND 109;

-- a schema dropped by hand leaves a name that can be used again
SELECT ruvector_graph_create('orphan');
SELECT schema FROM ruvector_graph_list() WHERE name = 'orphan' \gset
SET client_min_messages = warning;
DROP SCHEMA :schema CASCADE;
RESET client_min_messages;
SELECT ruvector_node_add('orphan');
SELECT * FROM ruvector_graph_list() WHERE name = 'orphan';
SELECT ruvector_graph_create('orphan');
SELECT ruvector_node_add('orphan');
SELECT ruvector_graph_delete('orphan');

-- tables that were changed by their owner are refused, not misread
SELECT ruvector_graph_create('altered');
SELECT schema FROM ruvector_graph_list() WHERE name = 'altered' \gset
SELECT ruvector_node_add('altered');
ALTER TABLE :schema.node ADD COLUMN note text;
\set VERBOSITY terse
SELECT ruvector_node_add('altered');
ALTER TABLE :schema.node DROP COLUMN note;
SELECT ruvector_node_add('altered');
SELECT ruvector_graph_delete('altered');
SELECT ruvector_graph_create('altered');
SELECT schema FROM ruvector_graph_list() WHERE name = 'altered' \gset
DROP INDEX :schema.edge_in;
SELECT ruvector_node_add('altered');
CREATE INDEX any_name ON :schema.edge (dst, typ, src, id);
SELECT ruvector_node_add('altered');
-- the owner's own indexes and constraints are kept
CREATE INDEX node_even ON :schema.node ((id * 2)) WHERE id % 2 = 0;
ALTER TABLE :schema.node ADD CONSTRAINT small CHECK (id < 100000);
SELECT count(ruvector_node_add('altered')) FROM generate_series(1, 200);
SET enable_seqscan = off;
SELECT count(*), min(id * 2), max(id * 2) FROM :schema.node WHERE id % 2 = 0 AND id * 2 > 0;
RESET enable_seqscan;
ALTER TABLE :schema.node DROP CONSTRAINT small;
ALTER TABLE :schema.node ADD CONSTRAINT small CHECK (id < 250) NOT VALID;
SELECT count(ruvector_node_add('altered')) FROM generate_series(1, 200);
SELECT * FROM ruvector_graph_check('altered');
SELECT ruvector_graph_delete('altered');
