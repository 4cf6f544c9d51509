-- The hnsw access method, its operator classes and inspection functions (indexam/).

-- begin shared
CREATE FUNCTION hnswhandler(internal) RETURNS index_am_handler
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION hnswhandler(internal) IS 'hnsw index access method handler';

CREATE ACCESS METHOD hnsw TYPE INDEX HANDLER hnswhandler;
COMMENT ON ACCESS METHOD hnsw IS 'hierarchical navigable small world graph over quantized vectors';

CREATE OPERATOR CLASS vector_l2_ops FOR TYPE vector USING hnsw AS
	OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vector_l2_squared_distance(vector, vector);
COMMENT ON OPERATOR CLASS vector_l2_ops USING hnsw IS 'Euclidean distance';
CREATE OPERATOR CLASS vector_ip_ops FOR TYPE vector USING hnsw AS
	OPERATOR 1 <#> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vector_negative_inner_product(vector, vector);
COMMENT ON OPERATOR CLASS vector_ip_ops USING hnsw IS 'negative inner product';
CREATE OPERATOR CLASS vector_cosine_ops FOR TYPE vector USING hnsw AS
	OPERATOR 1 <=> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vector_negative_inner_product(vector, vector),
	FUNCTION 2 vector_norm(vector);
COMMENT ON OPERATOR CLASS vector_cosine_ops USING hnsw IS 'cosine distance';
-- end shared

CREATE ACCESS METHOD ruhnsw TYPE INDEX HANDLER hnswhandler;
COMMENT ON ACCESS METHOD ruhnsw IS 'the same as hnsw, for databases where another extension owns that name';

CREATE OPERATOR CLASS vector_l2_ops FOR TYPE vector USING ruhnsw AS
	OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vector_l2_squared_distance(vector, vector);
COMMENT ON OPERATOR CLASS vector_l2_ops USING ruhnsw IS 'Euclidean distance';
CREATE OPERATOR CLASS vector_ip_ops FOR TYPE vector USING ruhnsw AS
	OPERATOR 1 <#> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vector_negative_inner_product(vector, vector);
COMMENT ON OPERATOR CLASS vector_ip_ops USING ruhnsw IS 'negative inner product';
CREATE OPERATOR CLASS vector_cosine_ops FOR TYPE vector USING ruhnsw AS
	OPERATOR 1 <=> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vector_negative_inner_product(vector, vector),
	FUNCTION 2 vector_norm(vector);
COMMENT ON OPERATOR CLASS vector_cosine_ops USING ruhnsw IS 'cosine distance';

CREATE FUNCTION ruvector_hnsw_stats(index regclass,
	OUT rows bigint, OUT nodes bigint, OUT duplicates bigint, OUT doomed bigint,
	OUT free bigint, OUT reserved bigint, OUT max_level integer, OUT mean_degree double precision,
	OUT max_degree integer, OUT dims integer, OUT code_bits integer, OUT m integer,
	OUT ef_construction integer, OUT pages bigint, OUT bytes bigint) RETURNS record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION ruvector_hnsw_stats(regclass) IS 'contents and size of an hnsw index';
REVOKE EXECUTE ON FUNCTION ruvector_hnsw_stats(regclass) FROM PUBLIC;

CREATE FUNCTION ruvector_index_check(index regclass,
	OUT severity text, OUT invariant text, OUT block bigint, OUT detail text) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_index_check(regclass) IS
	'breaches of an hnsw or ivfflat index''s invariants (indexam/README-hnsw.md, README-ivfflat.md); no rows = sound';
REVOKE EXECUTE ON FUNCTION ruvector_index_check(regclass) FROM PUBLIC;
