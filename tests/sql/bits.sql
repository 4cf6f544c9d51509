-- Distances of type bit, and type binaryvec.
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

-- bit: two untyped literals are bits
SELECT hamming_distance('111', '111'), hamming_distance('111', '110'), hamming_distance('111', '000'),
       hamming_distance('', ''), '11010'::bit(5) <~> '01011' AS op, hamming_distance(B'10', '01'::varbit) AS varbit;
SELECT jaccard_distance('1111', '1111'), jaccard_distance('1111', '1110'), jaccard_distance('1100', '0011') AS nothing_common,
       jaccard_distance('0000', '0000') AS zero, jaccard_distance('', ''), '11010'::bit(5) <%> '01011' AS op;
SELECT hamming_distance(repeat('1', 1000000)::varbit, repeat('0', 1000000)::varbit);
SELECT f AS function, pg_temp.error_of(format('SELECT %s(''111'', ''1100'')', f)) AS error
    FROM unnest(ARRAY['hamming_distance', 'jaccard_distance']) AS f;
SELECT hamming_distance(NULL, '1') IS NULL AS strict;

-- binaryvec: text and type modifier
SELECT '101'::binaryvec, ' 0000000011 '::binaryvec, '1'::binaryvec(1), '101'::binaryvec::binaryvec(3), format_type('binaryvec'::regtype, 3);
SELECT binaryvec_dims(repeat('01', 32000)::binaryvec) AS dims;
SELECT left(v, 10) AS input, pg_temp.error_of(format('SELECT %L::binaryvec', v)) AS error FROM unnest(ARRAY[
    '', ' ', '2', '10a', '1 0', '[1,0]', 'B101', 'x1F', '1０', '-1', repeat('1', 64001)]) AS v;
SELECT t AS type, pg_temp.error_of(format('SELECT %L::%s', '101', t)) AS error FROM unnest(ARRAY[
    'binaryvec(2)', 'binaryvec(4)', 'binaryvec(0)', 'binaryvec(64001)', 'binaryvec(1,2)', 'binaryvec(3)', 'binaryvec(64000)'
]) AS t;

-- casts: from bit without asking, to bit by assignment
SELECT B'101'::binaryvec, '101'::binaryvec::bit(3), '101'::binaryvec::bit(2) AS cut, '101'::binaryvec::bit(5) AS padded,
       binary_quantize('[1,-1,0.5,0]'::vector)::binaryvec(4), binary_quantize('[1,-1,0.5]'::halfvec)::binaryvec;
SELECT binaryvec_to_bit('1010'), length(binaryvec_to_bit(repeat('1', 64000)::binaryvec)) AS bits;
CREATE TABLE binaryvec_assign (b binaryvec(3), t bit(3));
INSERT INTO binaryvec_assign VALUES (B'101', '101'::binaryvec), (binary_quantize('[1,1,0]'::vector), '011');
SELECT * FROM binaryvec_assign;
SELECT q AS query, pg_temp.error_of(q) AS error FROM unnest(ARRAY[
    'INSERT INTO binaryvec_assign (b) VALUES (B''10'')', 'INSERT INTO binaryvec_assign (b) VALUES (''10''::binaryvec)',
    'INSERT INTO binaryvec_assign (t) VALUES (''10''::binaryvec)', 'SELECT B''''::bit(0)', 'SELECT ''''::varbit::bit::binaryvec(2)',
    'SELECT repeat(''1'', 64001)::varbit::bit(64001)::binaryvec', 'SELECT B''101''::binaryvec(2)']) AS q;

-- distances
SELECT '101'::binaryvec <~> '110' AS hamming, binaryvec_hamming_distance('1111', '0000'),
       '1111'::binaryvec <%> '1110' AS jaccard, binaryvec_jaccard_distance('0000', '0000') AS zero,
       '10'::binaryvec <~> binary_quantize('[1,1]'::vector) AS with_bit;
SELECT f AS function, pg_temp.error_of(format('SELECT %s(''111'', ''1100'')', f)) AS error
    FROM unnest(ARRAY['binaryvec_hamming_distance', 'binaryvec_jaccard_distance']) AS f;
-- the same as of bit, by every instruction set
CREATE TABLE binaryvec_bits AS
    SELECT n, (SELECT string_agg((i::bigint * i * n / 7 % 2)::text, '')::varbit FROM generate_series(1, n) i) AS a,
           (SELECT string_agg((i::bigint * n / 5 % 2)::text, '')::varbit FROM generate_series(1, n) i) AS b
    FROM unnest(ARRAY[1, 2, 7, 8, 9, 63, 64, 65, 127, 128, 511, 512, 513, 1000, 1025, 4097, 64000]) n;
CREATE TABLE binaryvec_result (simd text, n int, d double precision[]);
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY regexp_split_to_array(substring(ruvector_simd_info() FROM 'supported: (.*)\)'), ', ') LOOP
        PERFORM set_config('ruvector.simd', name, false);
        INSERT INTO binaryvec_result SELECT name, n, ARRAY[
            hamming_distance(a, b), a::text::binaryvec <~> b::text::binaryvec,
            jaccard_distance(a, b), a::text::binaryvec <%> b::text::binaryvec] FROM binaryvec_bits;
    END LOOP;
END $$;
RESET ruvector.simd;
SELECT count(DISTINCT n) AS lengths,
       count(*) FILTER (WHERE d[1] <> d[2] OR d[3] <> d[4]) AS differences,
       count(*) FILTER (WHERE d[1] <> length(replace((a # b)::text, '0', ''))) AS wrong_hamming,
       count(*) FILTER (WHERE length(replace((a | b)::text, '0', '')) > 0 AND abs(d[3] - (1 -
           length(replace((a & b)::text, '0', ''))::float8 / length(replace((a | b)::text, '0', '')))) > 1e-12) AS wrong_jaccard
    FROM binaryvec_result JOIN binaryvec_bits USING (n);
DROP TABLE binaryvec_bits, binaryvec_result;

-- binary form
SELECT binaryvec_send('101'), binaryvec_send('111111110');
CREATE TABLE binaryvec_binary (v binaryvec);
INSERT INTO binaryvec_binary VALUES ('1'), (NULL), ('00000000'), (repeat('110', 21000)::binaryvec);
\copy binaryvec_binary TO 'results/binaryvec_binary.bin' (FORMAT binary)
CREATE TABLE binaryvec_binary_2 (v binaryvec);
\copy binaryvec_binary_2 FROM 'results/binaryvec_binary.bin' (FORMAT binary)
SELECT count(*) AS same FROM binaryvec_binary a JOIN binaryvec_binary_2 b USING (v);
CREATE TABLE binaryvec_hostile (v binaryvec(3));
\getenv abs_builddir PG_ABS_BUILDDIR
\set file :abs_builddir '/results/binaryvec_hostile.bin'
CREATE FUNCTION pg_temp.recv_error(bytes text, file text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('COPY (SELECT decode(%L, ''hex'')) TO %L (FORMAT binary)', bytes, file);
    RETURN pg_temp.error_of(format('COPY binaryvec_hostile FROM %L (FORMAT binary)', file));
END $$;
SELECT name, pg_temp.recv_error(bytes, :'file') AS error FROM (VALUES
    ('part of the header', '0000'), ('zero dimensions', '00000000'), ('negative dimensions', 'ffffffff'),
    ('too many dimensions', '0000fa01'), ('not the column''s dimension', '0000000280'), ('bits missing', '00000003'),
    ('unused bits set', '00000003b0'), ('bytes left over', '00000003a000'), ('good', '00000003a0')
) AS t(name, bytes);
SELECT * FROM binaryvec_hostile;

-- order, as of bit; btree
SELECT v FROM (VALUES ('1'::binaryvec), ('10'), ('0'), ('01'), ('11'), ('00000000'), ('000000001'), (NULL)) t(v) ORDER BY v NULLS LAST;
SELECT count(*) AS pairs, count(*) FILTER (WHERE (x.v < y.v) <> (x.v::text::binaryvec < y.v::text::binaryvec)
        OR (x.v = y.v) <> (x.v::text::binaryvec = y.v::text::binaryvec)
        OR (x.v >= y.v) <> (x.v::text::binaryvec >= y.v::text::binaryvec)) AS differences
    FROM (SELECT left((n % 512)::bit(9)::text, 1 + n % 9)::varbit AS v FROM generate_series(0, 300) n) x,
         (SELECT left((n % 512)::bit(9)::text, 1 + n % 9)::varbit AS v FROM generate_series(0, 300) n) y;
CREATE UNIQUE INDEX binaryvec_btree ON binaryvec_assign (b);
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT t FROM binaryvec_assign WHERE b = '101';
SELECT t FROM binaryvec_assign WHERE b = '101';
RESET enable_seqscan;
INSERT INTO binaryvec_assign VALUES ('101');
DROP TABLE binaryvec_assign, binaryvec_binary, binaryvec_binary_2, binaryvec_hostile;
