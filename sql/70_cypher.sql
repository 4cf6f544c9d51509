-- 70_cypher.sql: Cypher queries over a graph (cypher/README.md).

CREATE FUNCTION ruvector_cypher(graph text, query text, params jsonb DEFAULT NULL)
    RETURNS SETOF jsonb
    AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000 ROWS 1000;
COMMENT ON FUNCTION ruvector_cypher(text, text, jsonb) IS 'run a Cypher query on a graph; one JSON object per row, keyed by column';

CREATE FUNCTION ruvector_cypher_explain(graph text, query text)
    RETURNS SETOF text
    AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000 ROWS 20;
COMMENT ON FUNCTION ruvector_cypher_explain(text, text) IS 'compile a Cypher query without running it and return its plan';
