-- Who may do what with a graph.
-- graphs of this test are numbered from 300 on
ALTER SEQUENCE ruvector.graph_n_seq RESTART 300;
CREATE ROLE graph_owner;
CREATE ROLE graph_reader;
CREATE ROLE graph_stranger;
SELECT current_database() AS db \gset

-- making a graph is making a schema
SET ROLE graph_owner;
SELECT ruvector_graph_create('secrets');
RESET ROLE;
GRANT CREATE ON DATABASE :db TO graph_owner;
SET ROLE graph_owner;
SELECT ruvector_graph_create('secrets');
SELECT ruvector_node_add('secrets', '{Secret}', '{"word": "xyzzy"}') AS id;
SELECT ruvector_node_add('secrets', '{Secret}') AS id;
SELECT ruvector_edge_add('secrets', 1, 2, 'HIDES') AS id;
SELECT name, owner, nodes, edges FROM ruvector_graph_list();
\set schema rvg_300
SELECT * FROM ruvector_graph_check('secrets');
-- the registry is not for everyone
SELECT * FROM ruvector.graph;

SET ROLE graph_stranger;
SELECT name FROM ruvector_graph_list();
SELECT * FROM ruvector_neighbors('secrets', 1);
SELECT ruvector_node_add('secrets');
SELECT ruvector_edge_add('secrets', 1, 2, 'T');
SELECT ruvector_graph_delete('secrets');
SELECT ruvector_graph_check('secrets');
SELECT * FROM ruvector_nodes;
SELECT * FROM ruvector_edges;
SELECT * FROM ruvector_nodes WHERE graph = 'secrets';
EXPLAIN (COSTS OFF) SELECT * FROM ruvector_nodes WHERE graph = 'secrets';

-- reading, not writing
SET ROLE graph_owner;
GRANT USAGE ON SCHEMA :schema TO graph_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA :schema TO graph_reader;
SET ROLE graph_reader;
SELECT name FROM ruvector_graph_list();
SELECT neighbor_id FROM ruvector_neighbors('secrets', 1);
SELECT properties FROM ruvector_nodes WHERE graph = 'secrets' AND id = 1;
SELECT graph, id FROM ruvector_edges;
SELECT ruvector_node_add('secrets');
SELECT ruvector_edge_add('secrets', 1, 2, 'T');
SELECT ruvector_graph_delete('secrets');
SELECT ruvector_graph_check('secrets');

-- all tables count: without the dictionaries there is no reading
SET ROLE graph_owner;
REVOKE SELECT ON :schema.label FROM graph_reader;
SET ROLE graph_reader;
SELECT id FROM ruvector_nodes;
SELECT id FROM ruvector_nodes WHERE graph = 'secrets';
SET ROLE graph_owner;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA :schema TO graph_reader;
SET ROLE graph_reader;
SELECT ruvector_edge_add('secrets', 1, ruvector_node_add('secrets', '{More}', '{"k": 1}'), 'SHOWS') AS id;

-- a view reads with the rights of its owner
SET ROLE graph_owner;
CREATE TEMP VIEW told AS SELECT id, labels FROM ruvector_nodes WHERE graph = 'secrets';
GRANT SELECT ON told TO graph_stranger;
SET ROLE graph_stranger;
SELECT * FROM told ORDER BY id;
SET ROLE graph_owner;
ALTER VIEW told SET (security_invoker = true);
SET ROLE graph_stranger;
SELECT * FROM told ORDER BY id;

-- row security cannot be applied, so it is not ignored either
SET ROLE graph_owner;
ALTER TABLE :schema.node ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON :schema.node USING (id < 2);
SELECT count(*) FROM ruvector_nodes WHERE graph = 'secrets';
SET ROLE graph_reader;
SELECT count(*) FROM ruvector_nodes WHERE graph = 'secrets';
SELECT ruvector_node_add('secrets');
SELECT count(*) FROM ruvector_nodes;
SELECT name FROM ruvector_graph_list();
RESET ROLE;
SELECT count(*) FROM ruvector_nodes WHERE graph = 'secrets';
ALTER TABLE :schema.node DISABLE ROW LEVEL SECURITY;

-- nobody but the owner (or a superuser) deletes
SET ROLE graph_reader;
SELECT ruvector_graph_delete('secrets');
SET ROLE graph_owner;
SELECT ruvector_graph_delete('secrets');
RESET ROLE;
REVOKE CREATE ON DATABASE :db FROM graph_owner;
DROP VIEW told;
DROP ROLE graph_owner, graph_reader, graph_stranger;
