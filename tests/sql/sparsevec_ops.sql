-- Functions and operators of type sparsevec.
CREATE FUNCTION pg_temp.error_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    EXECUTE query;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN concat(SQLSTATE, ': ', left(SQLERRM, 90), ' | ' || nullif(detail, ''));
END $$;

-- length and direction
SELECT l2_norm('{1:3,2:4}/5'::sparsevec), l2_norm('{}/5'::sparsevec), l2_norm('{1:3e37,2:4e37}/2'::sparsevec)::real AS large;
SELECT l2_normalize('{1:3,5:4}/9'::sparsevec), l2_normalize('{}/3'::sparsevec), l2_normalize('{2:3e38}/2'::sparsevec),
       l2_normalize('{1:1e-45,2:1e38}/3'::sparsevec) AS underflow_is_no_element;

-- distances
SELECT l2_distance('{}/2'::sparsevec, '{1:3,2:4}/2'), '{1:3}/2'::sparsevec <-> '{2:4}/2' AS op,
       sparsevec_l2_squared_distance('{1:1,2:5}/3', '{2:2,3:4}/3') AS squared;
SELECT inner_product('{1:1,2:2}/4'::sparsevec, '{2:3,4:4}/4'), '{1:1,2:2}/4'::sparsevec <#> '{2:3,4:4}/4' AS op,
       inner_product('{1:1}/2'::sparsevec, '{2:1}/2') AS nothing_common, inner_product('{}/2'::sparsevec, '{}/2') AS empty;
SELECT cosine_distance('{1:1,2:2}/2'::sparsevec, '{1:2,2:4}/2'), cosine_distance('{1:1}/2'::sparsevec, '{2:2}/2'),
       cosine_distance('{1:1}/2'::sparsevec, '{1:-1}/2'), cosine_distance('{1:1}/2'::sparsevec, '{}/2') AS zero,
       '{1:1}/2'::sparsevec <=> '{1:1,2:1}/2' AS op;
SELECT l1_distance('{}/2'::sparsevec, '{1:3,2:4}/2'), '{1:3,3:-1}/3'::sparsevec <+> '{2:4}/3' AS op;
SELECT l2_distance('{1:3e38}/1'::sparsevec, '{1:-3e38}/1'), inner_product('{1:3e38}/1'::sparsevec, '{1:3e38}/1'),
       l1_distance('{1:3e38}/1'::sparsevec, '{1:-3e38}/1'), cosine_distance('{1:3e38}/1'::sparsevec, '{1:3e38}/1') AS overflow;
SELECT f AS function, pg_temp.error_of(format('SELECT %s(''{}/2''::sparsevec, ''{}/3''::sparsevec)', f)) AS error
    FROM unnest(ARRAY['l2_distance', 'sparsevec_l2_squared_distance', 'inner_product',
                      'sparsevec_negative_inner_product', 'cosine_distance', 'l1_distance']) AS f;
SELECT l2_distance(NULL::sparsevec, '{}/1') IS NULL AS strict;

-- the same as of the dense vectors
CREATE TABLE sparsevec_dense AS
    SELECT n, (SELECT array_agg(CASE WHEN (i * n) % 3 = 0 THEN sin(i + n) ELSE 0 END)::vector FROM generate_series(1, 100) i) AS a,
           (SELECT array_agg(CASE WHEN (i + n) % 5 < 2 THEN cos(i * n) ELSE 0 END)::vector FROM generate_series(1, 100) i) AS b
    FROM generate_series(1, 50) n;
SELECT count(*) AS pairs, count(*) FILTER (WHERE abs(x - y) > 1e-5 * (1 + abs(y))) AS differences
    FROM sparsevec_dense, unnest(ARRAY[a::sparsevec <-> b, a::sparsevec <#> b, a::sparsevec <=> b, a::sparsevec <+> b],
                                 ARRAY[a <-> b, a <#> b, a <=> b, a <+> b]) AS t(x, y);
DROP TABLE sparsevec_dense;
