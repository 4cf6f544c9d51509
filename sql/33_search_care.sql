-- Searching many queries at once, advice on queries, and what is on an index's pages (indexam/).

CREATE FUNCTION ruvector_search_batch(index regclass, queries vector[], k integer)
	RETURNS TABLE (query integer, rank integer, ctid tid, distance double precision)
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 10000 ROWS 100;
COMMENT ON FUNCTION ruvector_search_batch(regclass, vector[], integer) IS
	'the k nearest rows of every query by a vector index: position of the query, rank, place of the row in the table (join on ctid, in the same statement), distance';

-- For arrays of the other types. That k is bigint here lets an untyped array literal mean vector[].
CREATE FUNCTION ruvector_search_batch(index regclass, queries anyarray, k bigint)
	RETURNS TABLE (query integer, rank integer, ctid tid, distance double precision)
	AS 'MODULE_PATHNAME', 'ruvector_search_batch_any'
	LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 10000 ROWS 100;
COMMENT ON FUNCTION ruvector_search_batch(regclass, anyarray, bigint) IS
	'the same for queries of any type that the index''s operator class takes: halfvec[], sparsevec[], bit[], binaryvec[]';

-- Runs the planner on the text under the caller's own search_path, like EXPLAIN: a fixed one would
-- judge another query than the one the caller runs. The C function itself looks nothing up by name.
CREATE FUNCTION ruvector_explain_advice(query text,
	OUT severity text, OUT advice text, OUT suggestion text) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_explain_advice(text) IS
	'why the ORDER BY of a SELECT over vector distances misses an index, and what to write instead; plans the query under the caller''s search_path and privileges, never runs it; no rows = nothing to advise';

CREATE FUNCTION ruvector_hnsw_meta(index regclass,
	OUT version integer, OUT magic bigint, OUT dims bigint, OUT m integer, OUT ef_construction integer,
	OUT metric integer, OUT code_kind integer, OUT code_bits integer, OUT filter_words integer,
	OUT coded_dims bigint, OUT capacity integer, OUT mean_pages bigint, OUT low real, OUT high real,
	OUT entry bigint, OUT entry_level integer, OUT next_nid bigint, OUT free_head bigint,
	OUT free_count bigint, OUT reconnect boolean, OUT stop_ratio real[]) RETURNS record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION ruvector_hnsw_meta(regclass) IS
	'the meta page of an hnsw index (docs/hnsw-format.md)';
REVOKE EXECUTE ON FUNCTION ruvector_hnsw_meta(regclass) FROM PUBLIC;

CREATE FUNCTION ruvector_hnsw_page_stats(index regclass, block bigint,
	OUT kind text, OUT initialised boolean, OUT first_nid bigint, OUT slots integer, OUT used integer,
	OUT lsn pg_lsn, OUT lower integer, OUT upper integer, OUT problem text) RETURNS record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION ruvector_hnsw_page_stats(regclass, bigint) IS
	'what belongs on a block of an hnsw index, how full it is, and what is wrong with its header';
REVOKE EXECUTE ON FUNCTION ruvector_hnsw_page_stats(regclass, bigint) FROM PUBLIC;

CREATE FUNCTION ruvector_hnsw_page_items(index regclass, block bigint,
	OUT slot integer, OUT nid bigint, OUT seq integer, OUT state text, OUT level integer, OUT tid tid,
	OUT degree integer, OUT link bigint, OUT next bigint, OUT part integer, OUT edges bigint[],
	OUT kept bigint[], OUT filters bigint[]) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION ruvector_hnsw_page_items(regclass, bigint) IS
	'the slots of a graph, upper or vector page of an hnsw index as they are (docs/hnsw-format.md)';
REVOKE EXECUTE ON FUNCTION ruvector_hnsw_page_items(regclass, bigint) FROM PUBLIC;
