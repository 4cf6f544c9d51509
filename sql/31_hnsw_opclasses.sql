-- 31_hnsw_opclasses.sql: operator classes of hnsw and ruhnsw beyond those of 30_indexam.sql.
--
-- Support function 3 is pgvector's: there it hands the index method what it must know of the type. Ours
-- knows a type by its distance function (rv_types_lookup_distance), so nothing calls it; it is listed
-- for a catalog that looks the same.

-- begin shared
CREATE FUNCTION hnsw_bit_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'hnsw_bit_support' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION hnsw_bit_support(internal) IS 'support function 3 of the hnsw operator classes of bit, for the catalog only';

CREATE FUNCTION hnsw_halfvec_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'hnsw_halfvec_support' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION hnsw_halfvec_support(internal) IS 'support function 3 of the hnsw operator classes of halfvec, for the catalog only';

CREATE FUNCTION hnsw_sparsevec_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'hnsw_sparsevec_support' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION hnsw_sparsevec_support(internal) IS 'support function 3 of the hnsw operator classes of sparsevec, for the catalog only';

CREATE OPERATOR CLASS vector_l1_ops FOR TYPE vector USING hnsw AS
    OPERATOR 1 <+> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 l1_distance(vector, vector);
COMMENT ON OPERATOR CLASS vector_l1_ops USING hnsw IS 'taxicab distance';

CREATE OPERATOR CLASS halfvec_l2_ops FOR TYPE halfvec USING hnsw AS
    OPERATOR 1 <-> (halfvec, halfvec) FOR ORDER BY float_ops,
    FUNCTION 1 halfvec_l2_squared_distance(halfvec, halfvec),
    FUNCTION 3 hnsw_halfvec_support(internal);
COMMENT ON OPERATOR CLASS halfvec_l2_ops USING hnsw IS 'Euclidean distance';

CREATE OPERATOR CLASS halfvec_ip_ops FOR TYPE halfvec USING hnsw AS
    OPERATOR 1 <#> (halfvec, halfvec) FOR ORDER BY float_ops,
    FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
    FUNCTION 3 hnsw_halfvec_support(internal);
COMMENT ON OPERATOR CLASS halfvec_ip_ops USING hnsw IS 'negative inner product';

CREATE OPERATOR CLASS halfvec_cosine_ops FOR TYPE halfvec USING hnsw AS
    OPERATOR 1 <=> (halfvec, halfvec) FOR ORDER BY float_ops,
    FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
    FUNCTION 2 l2_norm(halfvec),
    FUNCTION 3 hnsw_halfvec_support(internal);
COMMENT ON OPERATOR CLASS halfvec_cosine_ops USING hnsw IS 'cosine distance';

CREATE OPERATOR CLASS halfvec_l1_ops FOR TYPE halfvec USING hnsw AS
    OPERATOR 1 <+> (halfvec, halfvec) FOR ORDER BY float_ops,
    FUNCTION 1 l1_distance(halfvec, halfvec),
    FUNCTION 3 hnsw_halfvec_support(internal);
COMMENT ON OPERATOR CLASS halfvec_l1_ops USING hnsw IS 'taxicab distance';

CREATE OPERATOR CLASS sparsevec_l2_ops FOR TYPE sparsevec USING hnsw AS
    OPERATOR 1 <-> (sparsevec, sparsevec) FOR ORDER BY float_ops,
    FUNCTION 1 sparsevec_l2_squared_distance(sparsevec, sparsevec),
    FUNCTION 3 hnsw_sparsevec_support(internal);
COMMENT ON OPERATOR CLASS sparsevec_l2_ops USING hnsw IS 'Euclidean distance';

CREATE OPERATOR CLASS sparsevec_ip_ops FOR TYPE sparsevec USING hnsw AS
    OPERATOR 1 <#> (sparsevec, sparsevec) FOR ORDER BY float_ops,
    FUNCTION 1 sparsevec_negative_inner_product(sparsevec, sparsevec),
    FUNCTION 3 hnsw_sparsevec_support(internal);
COMMENT ON OPERATOR CLASS sparsevec_ip_ops USING hnsw IS 'negative inner product';

CREATE OPERATOR CLASS sparsevec_cosine_ops FOR TYPE sparsevec USING hnsw AS
    OPERATOR 1 <=> (sparsevec, sparsevec) FOR ORDER BY float_ops,
    FUNCTION 1 sparsevec_negative_inner_product(sparsevec, sparsevec),
    FUNCTION 2 l2_norm(sparsevec),
    FUNCTION 3 hnsw_sparsevec_support(internal);
COMMENT ON OPERATOR CLASS sparsevec_cosine_ops USING hnsw IS 'cosine distance';

CREATE OPERATOR CLASS sparsevec_l1_ops FOR TYPE sparsevec USING hnsw AS
    OPERATOR 1 <+> (sparsevec, sparsevec) FOR ORDER BY float_ops,
    FUNCTION 1 l1_distance(sparsevec, sparsevec),
    FUNCTION 3 hnsw_sparsevec_support(internal);
COMMENT ON OPERATOR CLASS sparsevec_l1_ops USING hnsw IS 'taxicab distance';

CREATE OPERATOR CLASS bit_hamming_ops FOR TYPE bit USING hnsw AS
    OPERATOR 1 <~> (bit, bit) FOR ORDER BY float_ops,
    FUNCTION 1 hamming_distance(bit, bit),
    FUNCTION 3 hnsw_bit_support(internal);
COMMENT ON OPERATOR CLASS bit_hamming_ops USING hnsw IS 'Hamming distance';

CREATE OPERATOR CLASS bit_jaccard_ops FOR TYPE bit USING hnsw AS
    OPERATOR 1 <%> (bit, bit) FOR ORDER BY float_ops,
    FUNCTION 1 jaccard_distance(bit, bit),
    FUNCTION 3 hnsw_bit_support(internal);
COMMENT ON OPERATOR CLASS bit_jaccard_ops USING hnsw IS 'Jaccard distance';
-- end shared

CREATE OPERATOR CLASS binaryvec_hamming_ops FOR TYPE binaryvec USING hnsw AS
    OPERATOR 1 <~> (binaryvec, binaryvec) FOR ORDER BY float_ops,
    FUNCTION 1 binaryvec_hamming_distance(binaryvec, binaryvec);
COMMENT ON OPERATOR CLASS binaryvec_hamming_ops USING hnsw IS 'Hamming distance';

CREATE OPERATOR CLASS binaryvec_jaccard_ops FOR TYPE binaryvec USING hnsw AS
    OPERATOR 1 <%> (binaryvec, binaryvec) FOR ORDER BY float_ops,
    FUNCTION 1 binaryvec_jaccard_distance(binaryvec, binaryvec);
COMMENT ON OPERATOR CLASS binaryvec_jaccard_ops USING hnsw IS 'Jaccard distance';

-- the same for ruhnsw

CREATE OPERATOR CLASS vector_l1_ops FOR TYPE vector USING ruhnsw AS
    OPERATOR 1 <+> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 l1_distance(vector, vector);
COMMENT ON OPERATOR CLASS vector_l1_ops USING ruhnsw IS 'taxicab distance';

CREATE OPERATOR CLASS halfvec_l2_ops FOR TYPE halfvec USING ruhnsw AS
    OPERATOR 1 <-> (halfvec, halfvec) FOR ORDER BY float_ops,
    FUNCTION 1 halfvec_l2_squared_distance(halfvec, halfvec),
    FUNCTION 3 hnsw_halfvec_support(internal);
COMMENT ON OPERATOR CLASS halfvec_l2_ops USING ruhnsw IS 'Euclidean distance';

CREATE OPERATOR CLASS halfvec_ip_ops FOR TYPE halfvec USING ruhnsw AS
    OPERATOR 1 <#> (halfvec, halfvec) FOR ORDER BY float_ops,
    FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
    FUNCTION 3 hnsw_halfvec_support(internal);
COMMENT ON OPERATOR CLASS halfvec_ip_ops USING ruhnsw IS 'negative inner product';

CREATE OPERATOR CLASS halfvec_cosine_ops FOR TYPE halfvec USING ruhnsw AS
    OPERATOR 1 <=> (halfvec, halfvec) FOR ORDER BY float_ops,
    FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
    FUNCTION 2 l2_norm(halfvec),
    FUNCTION 3 hnsw_halfvec_support(internal);
COMMENT ON OPERATOR CLASS halfvec_cosine_ops USING ruhnsw IS 'cosine distance';

CREATE OPERATOR CLASS halfvec_l1_ops FOR TYPE halfvec USING ruhnsw AS
    OPERATOR 1 <+> (halfvec, halfvec) FOR ORDER BY float_ops,
    FUNCTION 1 l1_distance(halfvec, halfvec),
    FUNCTION 3 hnsw_halfvec_support(internal);
COMMENT ON OPERATOR CLASS halfvec_l1_ops USING ruhnsw IS 'taxicab distance';

CREATE OPERATOR CLASS sparsevec_l2_ops FOR TYPE sparsevec USING ruhnsw AS
    OPERATOR 1 <-> (sparsevec, sparsevec) FOR ORDER BY float_ops,
    FUNCTION 1 sparsevec_l2_squared_distance(sparsevec, sparsevec),
    FUNCTION 3 hnsw_sparsevec_support(internal);
COMMENT ON OPERATOR CLASS sparsevec_l2_ops USING ruhnsw IS 'Euclidean distance';

CREATE OPERATOR CLASS sparsevec_ip_ops FOR TYPE sparsevec USING ruhnsw AS
    OPERATOR 1 <#> (sparsevec, sparsevec) FOR ORDER BY float_ops,
    FUNCTION 1 sparsevec_negative_inner_product(sparsevec, sparsevec),
    FUNCTION 3 hnsw_sparsevec_support(internal);
COMMENT ON OPERATOR CLASS sparsevec_ip_ops USING ruhnsw IS 'negative inner product';

CREATE OPERATOR CLASS sparsevec_cosine_ops FOR TYPE sparsevec USING ruhnsw AS
    OPERATOR 1 <=> (sparsevec, sparsevec) FOR ORDER BY float_ops,
    FUNCTION 1 sparsevec_negative_inner_product(sparsevec, sparsevec),
    FUNCTION 2 l2_norm(sparsevec),
    FUNCTION 3 hnsw_sparsevec_support(internal);
COMMENT ON OPERATOR CLASS sparsevec_cosine_ops USING ruhnsw IS 'cosine distance';

CREATE OPERATOR CLASS sparsevec_l1_ops FOR TYPE sparsevec USING ruhnsw AS
    OPERATOR 1 <+> (sparsevec, sparsevec) FOR ORDER BY float_ops,
    FUNCTION 1 l1_distance(sparsevec, sparsevec),
    FUNCTION 3 hnsw_sparsevec_support(internal);
COMMENT ON OPERATOR CLASS sparsevec_l1_ops USING ruhnsw IS 'taxicab distance';

CREATE OPERATOR CLASS bit_hamming_ops FOR TYPE bit USING ruhnsw AS
    OPERATOR 1 <~> (bit, bit) FOR ORDER BY float_ops,
    FUNCTION 1 hamming_distance(bit, bit),
    FUNCTION 3 hnsw_bit_support(internal);
COMMENT ON OPERATOR CLASS bit_hamming_ops USING ruhnsw IS 'Hamming distance';

CREATE OPERATOR CLASS bit_jaccard_ops FOR TYPE bit USING ruhnsw AS
    OPERATOR 1 <%> (bit, bit) FOR ORDER BY float_ops,
    FUNCTION 1 jaccard_distance(bit, bit),
    FUNCTION 3 hnsw_bit_support(internal);
COMMENT ON OPERATOR CLASS bit_jaccard_ops USING ruhnsw IS 'Jaccard distance';

CREATE OPERATOR CLASS binaryvec_hamming_ops FOR TYPE binaryvec USING ruhnsw AS
    OPERATOR 1 <~> (binaryvec, binaryvec) FOR ORDER BY float_ops,
    FUNCTION 1 binaryvec_hamming_distance(binaryvec, binaryvec);
COMMENT ON OPERATOR CLASS binaryvec_hamming_ops USING ruhnsw IS 'Hamming distance';

CREATE OPERATOR CLASS binaryvec_jaccard_ops FOR TYPE binaryvec USING ruhnsw AS
    OPERATOR 1 <%> (binaryvec, binaryvec) FOR ORDER BY float_ops,
    FUNCTION 1 binaryvec_jaccard_distance(binaryvec, binaryvec);
COMMENT ON OPERATOR CLASS binaryvec_jaccard_ops USING ruhnsw IS 'Jaccard distance';
