-- hnsw indexes over expressions, the ways pgvector's users have: half precision, bits, parts of a vector;
-- candidates by bits, ranked again by the whole vector.
CREATE FUNCTION hnsw_e_vector(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
	$$ SELECT array_agg(sin(i * 7.1 + j * j * (1 + i % 13)))::vector FROM generate_series(1, 64) j $$;
CREATE TABLE hnsw_e (id int, v vector(64));
INSERT INTO hnsw_e SELECT i, hnsw_e_vector(i) FROM generate_series(1, 500) i;
CREATE INDEX hnsw_e_half ON hnsw_e USING hnsw ((v::halfvec(64)) halfvec_l2_ops);
CREATE INDEX hnsw_e_bits ON hnsw_e USING hnsw ((binary_quantize(v)::bit(64)) bit_hamming_ops);
CREATE INDEX hnsw_e_packed ON hnsw_e USING hnsw ((binary_quantize(v)::binaryvec(64)) binaryvec_jaccard_ops);
CREATE INDEX hnsw_e_part ON hnsw_e USING hnsw ((subvector(v, 1, 16)::vector(16)) vector_cosine_ops);
CREATE INDEX hnsw_e_sparse ON hnsw_e USING hnsw ((v::sparsevec(64)) sparsevec_ip_ops) WHERE id > 100;
SET enable_seqscan = off;
PREPARE half AS SELECT id FROM hnsw_e ORDER BY v::halfvec(64) <-> hnsw_e_vector(42)::halfvec LIMIT 3;
PREPARE bits AS SELECT id FROM hnsw_e ORDER BY binary_quantize(v)::bit(64) <~> binary_quantize(hnsw_e_vector(42)) LIMIT 1;
PREPARE packed AS SELECT id FROM hnsw_e
	ORDER BY binary_quantize(v)::binaryvec(64) <%> binary_quantize(hnsw_e_vector(42))::binaryvec LIMIT 1;
PREPARE part AS SELECT id FROM hnsw_e ORDER BY subvector(v, 1, 16)::vector(16) <=> subvector(hnsw_e_vector(42), 1, 16) LIMIT 1;
PREPARE sparse AS SELECT id FROM hnsw_e WHERE id > 100
	ORDER BY v::sparsevec(64) <#> hnsw_e_vector(142)::sparsevec LIMIT 1;
PREPARE reranked AS SELECT id FROM (
	SELECT id, v FROM hnsw_e ORDER BY binary_quantize(v)::bit(64) <~> binary_quantize(hnsw_e_vector(42)) LIMIT 20) c
	ORDER BY v <-> hnsw_e_vector(42) LIMIT 1;
DO $$
DECLARE
	name text;
	line text;
BEGIN
	FOREACH name IN ARRAY ARRAY['half', 'bits', 'packed', 'part', 'sparse', 'reranked'] LOOP
		FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) EXECUTE ' || name LOOP
			IF line ~ 'Scan' THEN
				RAISE NOTICE '%: %', name, trim(line);
			END IF;
		END LOOP;
	END LOOP;
END $$;
EXECUTE half;
EXECUTE bits;
EXECUTE packed;
EXECUTE part;
EXECUTE sparse;
EXECUTE reranked;
-- rows that come later are found the same way
INSERT INTO hnsw_e VALUES (507, hnsw_e_vector(507));
SELECT id FROM hnsw_e ORDER BY binary_quantize(v)::bit(64) <~> binary_quantize(hnsw_e_vector(507)) LIMIT 1;
SELECT id FROM hnsw_e ORDER BY v::halfvec(64) <-> hnsw_e_vector(507)::halfvec LIMIT 1;
-- a value that the expression refuses is refused by the index
INSERT INTO hnsw_e VALUES (1001, (SELECT array_agg(1e6)::vector FROM generate_series(1, 64)));
DROP TABLE hnsw_e;
