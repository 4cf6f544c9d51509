-- Type sparsevec: text, binary and type-modifier input, storage, order.
SET extra_float_digits = 1;
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
CREATE FUNCTION pg_temp.input_error(value text) RETURNS text LANGUAGE sql AS
    $$ SELECT pg_temp.error_of(format('SELECT %L::sparsevec', value)) $$;

-- text in, text out: indexes count from 1, in any order; elements of value 0 are not stored
SELECT '{1:1.5,3:3.5}/5'::sparsevec, '{}/3'::sparsevec, ' { 1 : 1.5 ,  3  :  3.5  } / 5 '::sparsevec;
SELECT '{3:1,1:2,2:-3}/3'::sparsevec AS sorted, '{1:0,2:1,3:-0}/3'::sparsevec AS zeros, '{1:1e-46,2:1}/2'::sparsevec AS tiny;
SELECT '{1:1.23456,2:3.4028235e38,3:1e-45}/1000000000'::sparsevec, '{1000000000:1}/1000000000'::sparsevec;
SELECT '{9:0}/5'::sparsevec AS zero_anywhere, '{+1:+1,02:.5}/03'::sparsevec;
SELECT v AS input, pg_temp.input_error(v) AS error FROM unnest(ARRAY[
    '', ' ', '{', '{ ', '{:', '{,', '{}', '{}/', '{}/ ', '{}/a', '{}/1a', '{}1', '{} 1', '{:}/1', '{,}/1', '{1}/1', '{1,}/1',
    '{:1}/1', '{1:}/1', '{1:1', '{1:1,', '{1:1,}/1', '{1:1}', '{1:1 2:1}/2', '{1:1}/1}', '{1:a}/1', '{a:1}/1', '{1.5:1}/2',
    '[1,2]', '1:1/1', '{1:1}/1/1', '{{1:1}/1', '{1:1;2:1}/2',
    '{1:NaN}/1', '{1:Infinity}/1', '{1:-inf}/1', '{1:4e38}/1', '{1:1e400}/1', '{1:nan',
    '{0:1}/1', '{-1:1}/1', '{2:1}/1', '{2147483647:1}/1', '{2147483648:1}/1', '{99999999999999999999:1}/1',
    '{-2147483648:1}/1', '{-99999999999999999999:1}/1', '{1:1,1:2}/2', '{2:1,1:1,2:1}/2',
    '{}/0', '{}/-1', '{}/1000000001', '{}/2147483648', '{}/99999999999999999999', '{}/-99999999999999999999'
]) AS v;

-- every proper prefix of a good text is malformed; one changed character is good or refused by one of ours
WITH t(good) AS (VALUES ('{1:1.5e+10, 3 :-2}/45')), p AS (
    SELECT n, left(good, n) AS v FROM t, generate_series(0, length(good) - 1) n)
SELECT count(*), count(*) FILTER (WHERE pg_temp.input_error(v) LIKE '22P02: invalid input%') AS refused,
       string_agg(v, ' ') FILTER (WHERE pg_temp.input_error(v) = 'no error') AS good FROM p;
WITH t(good) AS (VALUES ('{1:1.5e+10, 3 :-2}/45')), p AS (
    SELECT overlay(good PLACING c FROM n FOR replaced) AS v FROM t, generate_series(1, length(good)) n,
        generate_series(0, 1) replaced, regexp_split_to_table('{}/:,+-.09enx "\', '') c)
SELECT left(pg_temp.input_error(v), 5) AS outcome, count(*) FROM p GROUP BY 1 ORDER BY 1;

-- 16,000 elements are the limit
CREATE FUNCTION pg_temp.text_of(n int, value text) RETURNS text LANGUAGE sql AS
    $$ SELECT '{' || string_agg(i || ':' || value, ',') || '}/20000' FROM generate_series(1, n) i $$;
SELECT l2_norm(pg_temp.text_of(16000, '2')::sparsevec) AS norm;
SELECT pg_temp.input_error(pg_temp.text_of(16001, '1')) AS error;
SELECT pg_temp.input_error(pg_temp.text_of(16001, '0')) AS zeros_count;
SELECT pg_temp.input_error('{' || repeat(',', 1000000)) AS error;

-- type modifier
SELECT '{1:1}/3'::sparsevec(3), '{1:1}/3'::sparsevec::sparsevec(3), format_type('sparsevec'::regtype, 1000000000);
SELECT t AS type, pg_temp.error_of(format('SELECT %L::%s', '{1:1}/3', t)) AS error FROM unnest(ARRAY[
    'sparsevec(2)', 'sparsevec(4)', 'sparsevec(0)', 'sparsevec(-1)', 'sparsevec(1000000001)', 'sparsevec(3,2)',
    'sparsevec(''a'')', 'sparsevec(3)', 'sparsevec(1000000000)'
]) AS t;

-- storage
CREATE TABLE sparsevec_storage (id int, v sparsevec);
INSERT INTO sparsevec_storage VALUES (0, '{}/7');
INSERT INTO sparsevec_storage SELECT n, pg_temp.text_of(n, '1.5')::sparsevec FROM unnest(ARRAY[1, 13, 14, 1000, 16000]) n;
SELECT id, pg_column_size(v) FROM sparsevec_storage ORDER BY id;
SELECT count(*) AS same FROM sparsevec_storage WHERE id > 0 AND v = pg_temp.text_of(id, '1.5')::sparsevec;

-- binary form: int32 dim, number of elements, 0; zero-based indexes; values
SELECT sparsevec_send('{1:1,3:-2}/5'), sparsevec_send('{}/1000000000');
\copy sparsevec_storage TO 'results/sparsevec_binary.bin' (FORMAT binary)
CREATE TABLE sparsevec_binary_2 (id int, v sparsevec);
\copy sparsevec_binary_2 FROM 'results/sparsevec_binary.bin' (FORMAT binary)
SELECT count(*) AS same FROM sparsevec_storage a JOIN sparsevec_binary_2 b USING (id)
    WHERE sparsevec_send(a.v) = sparsevec_send(b.v);

-- hostile binary input
CREATE TABLE sparsevec_hostile (v sparsevec(5));
\getenv abs_builddir PG_ABS_BUILDDIR
\set file :abs_builddir '/results/sparsevec_hostile.bin'
CREATE FUNCTION pg_temp.recv_error(bytes text, file text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('COPY (SELECT decode(%L, ''hex'')) TO %L (FORMAT binary)', replace(bytes, ' ', ''), file);
    RETURN pg_temp.error_of(format('COPY sparsevec_hostile FROM %L (FORMAT binary)', file));
END $$;
SELECT name, pg_temp.recv_error(bytes, :'file') AS error FROM (VALUES
    ('no bytes at all', ''),
    ('part of the header', '00000005 00000001'),
    ('zero dimensions', '00000000 00000000 00000000'),
    ('negative dimensions', 'ffffffff 00000000 00000000'),
    ('too many dimensions', '3b9aca01 00000000 00000000'),
    ('not the column''s dimension', '00000006 00000000 00000000'),
    ('negative number of elements', '00000005 ffffffff 00000000'),
    ('more elements than dimensions', '00000005 00000006 00000000'),
    ('more elements than allowed', '00000005 00003e81 00000000'),
    ('the largest number of elements', '00000005 7fffffff 00000000'),
    ('unused is not zero', '00000005 00000000 00000001'),
    ('elements missing', '00000005 00000002 00000000 00000000'),
    ('values missing', '00000005 00000002 00000000 00000000 00000001 3f800000'),
    ('negative index', '00000005 00000001 00000000 ffffffff 3f800000'),
    ('index beyond the end', '00000005 00000001 00000000 00000005 3f800000'),
    ('descending indexes', '00000005 00000002 00000000 00000002 00000001 3f800000 3f800000'),
    ('the same index twice', '00000005 00000002 00000000 00000001 00000001 3f800000 3f800000'),
    ('zero', '00000005 00000001 00000000 00000000 00000000'),
    ('negative zero', '00000005 00000001 00000000 00000000 80000000'),
    ('NaN', '00000005 00000001 00000000 00000000 7fc00000'),
    ('infinity', '00000005 00000001 00000000 00000000 7f800000'),
    ('bytes left over', '00000005 00000001 00000000 00000000 3f800000 00'),
    ('good', '00000005 00000002 00000000 00000001 00000004 3f800000 c0000000')
) AS t(name, bytes);
SELECT * FROM sparsevec_hostile;

-- order: that of the vectors written out, then by dimension
SELECT v FROM (VALUES ('{}/3'::sparsevec), ('{1:1}/3'), ('{1:-1}/3'), ('{3:-1}/3'), ('{1:1}/2'), ('{3:1}/3'), ('{}/2'),
                      ('{1:1,3:1}/3'), ('{1:1,4:-1}/4'), (NULL)) t(v) ORDER BY v NULLS LAST;
SELECT a, b, sparsevec_cmp(a, b), a < b AS lt, a <= b AS le, a = b AS eq, a <> b AS ne, a >= b AS ge, a > b AS gt
FROM (VALUES ('{1:1,2:2}/3'::sparsevec, '{1:1,2:2}/3'::sparsevec), ('{1:1}/3', '{1:1}/2'), ('{2:1}/3', '{1:1}/3'),
             ('{2:-1}/3', '{}/3'), ('{3:-1}/3', '{}/2'), ('{2:1,3:1}/3', '{2:1}/2')) t(a, b);
-- the same order as of the dense vectors, for all pairs of a set
WITH t AS (SELECT v FROM unnest(ARRAY[0, 1, -1]) a, unnest(ARRAY[0, 2, -2]) b, unnest(ARRAY[0, 3, -1]) c,
               LATERAL (VALUES (ARRAY[a]::vector), (ARRAY[a, b]::vector), (ARRAY[a, b, c]::vector)) u(v))
SELECT count(*) AS pairs, count(*) FILTER (WHERE vector_cmp(x.v, y.v) <> sparsevec_cmp(x.v, y.v)) AS differences FROM t x, t y;
CREATE UNIQUE INDEX sparsevec_btree ON sparsevec_storage (v) WHERE id < 1000;
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM sparsevec_storage WHERE v = '{1:1.5}/20000' AND id < 1000;
SELECT id FROM sparsevec_storage WHERE v = '{1:1.5}/20000' AND id < 1000;
RESET enable_seqscan;
INSERT INTO sparsevec_storage VALUES (4, '{}/7');
DROP TABLE sparsevec_storage, sparsevec_binary_2, sparsevec_hostile;
