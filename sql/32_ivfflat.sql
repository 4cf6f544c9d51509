-- 32_ivfflat.sql: the ivfflat access method, its operator classes and functions (indexam/).
--
-- Support function 5 is pgvector's: there it hands the index method what it must know of the type. Ours
-- knows a type by its distance function (rv_types_lookup_distance), so nothing calls it; it is listed
-- for a catalog that looks the same. Likewise functions 3 and 4, which say how pgvector clusters.

-- begin shared
CREATE FUNCTION ivfflathandler(internal) RETURNS index_am_handler
    AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ivfflathandler(internal) IS 'ivfflat index access method handler';

CREATE ACCESS METHOD ivfflat TYPE INDEX HANDLER ivfflathandler;
COMMENT ON ACCESS METHOD ivfflat IS 'inverted lists of quantized vectors';

CREATE FUNCTION ivfflat_bit_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ivfflat_bit_support(internal) IS
    'support function 5 of the ivfflat operator class of bit, for the catalog only';

CREATE FUNCTION ivfflat_halfvec_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ivfflat_halfvec_support(internal) IS
    'support function 5 of the ivfflat operator classes of halfvec, for the catalog only';

CREATE OPERATOR CLASS vector_l2_ops DEFAULT FOR TYPE vector USING ivfflat AS
    OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 vector_l2_squared_distance(vector, vector),
    FUNCTION 3 l2_distance(vector, vector);
COMMENT ON OPERATOR CLASS vector_l2_ops USING ivfflat IS 'Euclidean distance';

CREATE OPERATOR CLASS vector_ip_ops FOR TYPE vector USING ivfflat AS
    OPERATOR 1 <#> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 vector_negative_inner_product(vector, vector),
    FUNCTION 3 vector_spherical_distance(vector, vector),
    FUNCTION 4 vector_norm(vector);
COMMENT ON OPERATOR CLASS vector_ip_ops USING ivfflat IS 'negative inner product';

CREATE OPERATOR CLASS vector_cosine_ops FOR TYPE vector USING ivfflat AS
    OPERATOR 1 <=> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 vector_negative_inner_product(vector, vector),
    FUNCTION 2 vector_norm(vector),
    FUNCTION 3 vector_spherical_distance(vector, vector),
    FUNCTION 4 vector_norm(vector);
COMMENT ON OPERATOR CLASS vector_cosine_ops USING ivfflat IS 'cosine distance';

CREATE OPERATOR CLASS halfvec_l2_ops FOR TYPE halfvec USING ivfflat AS
    OPERATOR 1 <-> (halfvec, halfvec) FOR ORDER BY float_ops,
    FUNCTION 1 halfvec_l2_squared_distance(halfvec, halfvec),
    FUNCTION 3 l2_distance(halfvec, halfvec),
    FUNCTION 5 ivfflat_halfvec_support(internal);
COMMENT ON OPERATOR CLASS halfvec_l2_ops USING ivfflat IS 'Euclidean distance';

CREATE OPERATOR CLASS halfvec_ip_ops FOR TYPE halfvec USING ivfflat AS
    OPERATOR 1 <#> (halfvec, halfvec) FOR ORDER BY float_ops,
    FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
    FUNCTION 3 halfvec_spherical_distance(halfvec, halfvec),
    FUNCTION 4 l2_norm(halfvec),
    FUNCTION 5 ivfflat_halfvec_support(internal);
COMMENT ON OPERATOR CLASS halfvec_ip_ops USING ivfflat IS 'negative inner product';

CREATE OPERATOR CLASS halfvec_cosine_ops FOR TYPE halfvec USING ivfflat AS
    OPERATOR 1 <=> (halfvec, halfvec) FOR ORDER BY float_ops,
    FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
    FUNCTION 2 l2_norm(halfvec),
    FUNCTION 3 halfvec_spherical_distance(halfvec, halfvec),
    FUNCTION 4 l2_norm(halfvec),
    FUNCTION 5 ivfflat_halfvec_support(internal);
COMMENT ON OPERATOR CLASS halfvec_cosine_ops USING ivfflat IS 'cosine distance';

CREATE OPERATOR CLASS bit_hamming_ops FOR TYPE bit USING ivfflat AS
    OPERATOR 1 <~> (bit, bit) FOR ORDER BY float_ops,
    FUNCTION 1 hamming_distance(bit, bit),
    FUNCTION 3 hamming_distance(bit, bit),
    FUNCTION 5 ivfflat_bit_support(internal);
COMMENT ON OPERATOR CLASS bit_hamming_ops USING ivfflat IS 'Hamming distance';

-- end shared

CREATE OPERATOR CLASS binaryvec_hamming_ops FOR TYPE binaryvec USING ivfflat AS
    OPERATOR 1 <~> (binaryvec, binaryvec) FOR ORDER BY float_ops,
    FUNCTION 1 binaryvec_hamming_distance(binaryvec, binaryvec),
    FUNCTION 3 binaryvec_hamming_distance(binaryvec, binaryvec);
COMMENT ON OPERATOR CLASS binaryvec_hamming_ops USING ivfflat IS 'Hamming distance';

CREATE ACCESS METHOD ruivfflat TYPE INDEX HANDLER ivfflathandler;
COMMENT ON ACCESS METHOD ruivfflat IS
    'the same as ivfflat, for databases where another extension owns that name';

CREATE OPERATOR CLASS vector_l2_ops DEFAULT FOR TYPE vector USING ruivfflat AS
    OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 vector_l2_squared_distance(vector, vector),
    FUNCTION 3 l2_distance(vector, vector);
COMMENT ON OPERATOR CLASS vector_l2_ops USING ruivfflat IS 'Euclidean distance';

CREATE OPERATOR CLASS vector_ip_ops FOR TYPE vector USING ruivfflat AS
    OPERATOR 1 <#> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 vector_negative_inner_product(vector, vector),
    FUNCTION 3 vector_spherical_distance(vector, vector),
    FUNCTION 4 vector_norm(vector);
COMMENT ON OPERATOR CLASS vector_ip_ops USING ruivfflat IS 'negative inner product';

CREATE OPERATOR CLASS vector_cosine_ops FOR TYPE vector USING ruivfflat AS
    OPERATOR 1 <=> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 vector_negative_inner_product(vector, vector),
    FUNCTION 2 vector_norm(vector),
    FUNCTION 3 vector_spherical_distance(vector, vector),
    FUNCTION 4 vector_norm(vector);
COMMENT ON OPERATOR CLASS vector_cosine_ops USING ruivfflat IS 'cosine distance';

CREATE OPERATOR CLASS halfvec_l2_ops FOR TYPE halfvec USING ruivfflat AS
    OPERATOR 1 <-> (halfvec, halfvec) FOR ORDER BY float_ops,
    FUNCTION 1 halfvec_l2_squared_distance(halfvec, halfvec),
    FUNCTION 3 l2_distance(halfvec, halfvec),
    FUNCTION 5 ivfflat_halfvec_support(internal);
COMMENT ON OPERATOR CLASS halfvec_l2_ops USING ruivfflat IS 'Euclidean distance';

CREATE OPERATOR CLASS halfvec_ip_ops FOR TYPE halfvec USING ruivfflat AS
    OPERATOR 1 <#> (halfvec, halfvec) FOR ORDER BY float_ops,
    FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
    FUNCTION 3 halfvec_spherical_distance(halfvec, halfvec),
    FUNCTION 4 l2_norm(halfvec),
    FUNCTION 5 ivfflat_halfvec_support(internal);
COMMENT ON OPERATOR CLASS halfvec_ip_ops USING ruivfflat IS 'negative inner product';

CREATE OPERATOR CLASS halfvec_cosine_ops FOR TYPE halfvec USING ruivfflat AS
    OPERATOR 1 <=> (halfvec, halfvec) FOR ORDER BY float_ops,
    FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
    FUNCTION 2 l2_norm(halfvec),
    FUNCTION 3 halfvec_spherical_distance(halfvec, halfvec),
    FUNCTION 4 l2_norm(halfvec),
    FUNCTION 5 ivfflat_halfvec_support(internal);
COMMENT ON OPERATOR CLASS halfvec_cosine_ops USING ruivfflat IS 'cosine distance';

CREATE OPERATOR CLASS bit_hamming_ops FOR TYPE bit USING ruivfflat AS
    OPERATOR 1 <~> (bit, bit) FOR ORDER BY float_ops,
    FUNCTION 1 hamming_distance(bit, bit),
    FUNCTION 3 hamming_distance(bit, bit),
    FUNCTION 5 ivfflat_bit_support(internal);
COMMENT ON OPERATOR CLASS bit_hamming_ops USING ruivfflat IS 'Hamming distance';

CREATE OPERATOR CLASS binaryvec_hamming_ops FOR TYPE binaryvec USING ruivfflat AS
    OPERATOR 1 <~> (binaryvec, binaryvec) FOR ORDER BY float_ops,
    FUNCTION 1 binaryvec_hamming_distance(binaryvec, binaryvec),
    FUNCTION 3 binaryvec_hamming_distance(binaryvec, binaryvec);
COMMENT ON OPERATOR CLASS binaryvec_hamming_ops USING ruivfflat IS 'Hamming distance';

CREATE FUNCTION ruvector_ivfflat_stats(index regclass,
    OUT rows bigint, OUT lists bigint, OUT lists_wanted bigint, OUT smallest bigint, OUT largest bigint,
    OUT deviation double precision, OUT dims integer, OUT coded_dims integer, OUT generation bigint,
    OUT code_pages bigint, OUT free_pages bigint, OUT pages bigint, OUT bytes bigint) RETURNS record
    AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION ruvector_ivfflat_stats(regclass) IS
    'contents and size of an ivfflat index: rows, lists, rows of the smallest and largest list and their standard deviation';
REVOKE EXECUTE ON FUNCTION ruvector_ivfflat_stats(regclass) FROM PUBLIC;

-- Checks by itself that the caller owns the index.
CREATE FUNCTION ruvector_index_maintenance(index regclass,
    OUT lists_before bigint, OUT lists_after bigint, OUT split bigint, OUT merged bigint,
    OUT created bigint, OUT moved bigint, OUT freed bigint) RETURNS record
    AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_index_maintenance(regclass) IS
    'what VACUUM does for an ivfflat index, at once: splits lists that have grown, merges those that have shrunk, moves rows to nearer lists; says how many lists, rows and freed pages that were';
