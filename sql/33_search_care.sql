-- Searching many queries at once, advice on queries, and what is on an index's pages (indexam/).

CREATE FUNCTION ruvector_search_batch(index regclass, queries vector[], k integer)
	RETURNS TABLE (query integer, rank integer, ctid tid, distance double precision)
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 10000 ROWS 100;
COMMENT ON FUNCTION ruvector_search_batch(regclass, vector[], integer) IS
	'the k nearest rows of every query by a vector index: position of the query, rank, place of the row in the table (join on ctid, in the same statement), distance';
