-- 10_catalog.sql: the extension's own schema and the registry of graphs (catalog/README.md).

CREATE SCHEMA ruvector;
COMMENT ON SCHEMA ruvector IS 'catalog of the extension ruvector';
-- the tables stay closed; a graph's owner must be able to name the guard function
GRANT USAGE ON SCHEMA ruvector TO PUBLIC;

CREATE SEQUENCE ruvector.graph_n_seq AS integer;
COMMENT ON SEQUENCE ruvector.graph_n_seq IS 'numbers of graphs, never reused';

CREATE TABLE ruvector.graph (
    name text COLLATE "C" PRIMARY KEY,
    n integer NOT NULL UNIQUE
) USING heap;
COMMENT ON TABLE ruvector.graph IS 'registry of graphs: the tables of graph n are in schema rvg_<n>';

SELECT pg_catalog.pg_extension_config_dump('ruvector.graph', '');
SELECT pg_catalog.pg_extension_config_dump('ruvector.graph_n_seq', '');
