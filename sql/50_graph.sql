-- 50_graph.sql: the property graph's functions (engine/graph/README.md).

CREATE FUNCTION ruvector.ruvector_graph_guard() RETURNS trigger
    AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION ruvector.ruvector_graph_guard() IS 'trigger: refuses direct changes to the tables of a graph';

CREATE FUNCTION ruvector_graph_create(name text) RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_graph_create(text) IS 'create an empty graph, owned by the current user';

CREATE FUNCTION ruvector_graph_delete(name text) RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_graph_delete(text) IS 'delete a graph with everything in it';

CREATE FUNCTION ruvector_graph_list(OUT name text, OUT owner name, OUT schema name,
                                    OUT nodes bigint, OUT edges bigint)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED ROWS 10;
COMMENT ON FUNCTION ruvector_graph_list() IS 'graphs that the current user may read, with numbers of rows (estimated when large)';

CREATE FUNCTION ruvector_node_add(graph text, labels text[] DEFAULT '{}',
                                  properties jsonb DEFAULT '{}')
    RETURNS bigint
    AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 20;
COMMENT ON FUNCTION ruvector_node_add(text, text[], jsonb) IS 'add a node to a graph and return its id';

CREATE FUNCTION ruvector_edge_add(graph text, start_id bigint, end_id bigint, type text,
                                  properties jsonb DEFAULT '{}')
    RETURNS bigint
    AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 20;
COMMENT ON FUNCTION ruvector_edge_add(text, bigint, bigint, text, jsonb) IS 'add a relationship between two nodes and return its id';

CREATE FUNCTION ruvector_neighbors(graph text, node_id bigint, direction text DEFAULT 'both',
                                   type text DEFAULT NULL, OUT edge_id bigint, OUT edge_type text,
                                   OUT start_id bigint, OUT end_id bigint, OUT neighbor_id bigint)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 20;
COMMENT ON FUNCTION ruvector_neighbors(text, bigint, text, text) IS 'relationships at a node and the nodes at their other ends';

CREATE FUNCTION ruvector_graph_check(graph text, OUT invariant text, OUT relation text,
                                     OUT id bigint, OUT detail text)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 10000 ROWS 1;
COMMENT ON FUNCTION ruvector_graph_check(text) IS 'damage found in a graph, one row each; no rows when all is well';
