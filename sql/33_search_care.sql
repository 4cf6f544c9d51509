-- Searching many queries at once, advice on queries, and what is on an index's pages (indexam/).

CREATE FUNCTION ruvector_search_batch(index regclass, queries vector[], k integer)
	RETURNS TABLE (query integer, rank integer, ctid tid, distance double precision)
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 10000 ROWS 100;
COMMENT ON FUNCTION ruvector_search_batch(regclass, vector[], integer) IS
	'the k nearest rows of every query by a vector index: position of the query, rank, place of the row in the table (join on ctid, in the same statement), distance';

-- Runs the planner on the text under the caller's own search_path, like EXPLAIN: a fixed one would
-- judge another query than the one the caller runs. The C function itself looks nothing up by name.
CREATE FUNCTION ruvector_explain_advice(query text,
	OUT severity text, OUT advice text, OUT suggestion text) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_explain_advice(text) IS
	'why the ORDER BY of a SELECT over vector distances misses an index, and what to write instead; plans the query under the caller''s search_path and privileges, never runs it; no rows = nothing to advise';
