-- 60_fdw.sql: foreign tables over graphs (fdw/README.md).

CREATE FUNCTION ruvector_graph_fdw_handler() RETURNS fdw_handler
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION ruvector_graph_fdw_handler() IS 'handler of foreign-data wrapper ruvector_graph_fdw';

CREATE FUNCTION ruvector_graph_fdw_validator(text[], oid) RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION ruvector_graph_fdw_validator(text[], oid) IS 'option validator of foreign-data wrapper ruvector_graph_fdw';

CREATE FOREIGN DATA WRAPPER ruvector_graph_fdw
    HANDLER ruvector_graph_fdw_handler VALIDATOR ruvector_graph_fdw_validator;
COMMENT ON FOREIGN DATA WRAPPER ruvector_graph_fdw IS 'graphs of this database as tables';

CREATE SERVER ruvector_graph FOREIGN DATA WRAPPER ruvector_graph_fdw;
COMMENT ON SERVER ruvector_graph IS 'graphs of this database as tables';

-- Each scan checks what its user may read of the graph, so the tables show a plain user nothing but
-- graphs that were granted to them (fdw/README.md, Privileges).
GRANT USAGE ON FOREIGN SERVER ruvector_graph TO PUBLIC;

CREATE FOREIGN TABLE ruvector_nodes (graph text, id bigint, labels text[], properties jsonb)
    SERVER ruvector_graph OPTIONS (kind 'nodes');
COMMENT ON FOREIGN TABLE ruvector_nodes IS 'nodes of the graphs that the user may read';
GRANT SELECT ON ruvector_nodes TO PUBLIC;

CREATE FOREIGN TABLE ruvector_edges (graph text, id bigint, type text, start_id bigint,
                                     end_id bigint, properties jsonb)
    SERVER ruvector_graph OPTIONS (kind 'edges');
COMMENT ON FOREIGN TABLE ruvector_edges IS 'relationships of the graphs that the user may read';
GRANT SELECT ON ruvector_edges TO PUBLIC;
