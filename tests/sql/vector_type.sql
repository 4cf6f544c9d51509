-- Text, binary and type-modifier input of type vector, good and hostile.
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
    $$ SELECT pg_temp.error_of(format('SELECT %L::vector', value)) $$;

-- text in, text out
SELECT '[1,2,3]'::vector;
SELECT '[-1,-2,-3]'::vector;
SELECT '[1.,2.,3.]'::vector;
SELECT '[.5,+.25,-0]'::vector;
SELECT E' \t\n\r\x0b\f[ 1,\t2 ,\n3\x0b] \f'::vector;
SELECT '[1.23456]'::vector, '[0.1,1e10,1e-10]'::vector, '[123456789,16777217]'::vector;
SELECT '[3.4028235e38,-3.4028235e38,1.1754944e-38,1e-45]'::vector;
SELECT '[1e-46,-1e-46]'::vector AS too_small_is_zero;
SELECT '[1.5e+2,1.5E-2,0x10]'::vector;

-- malformed text
SELECT v AS input, pg_temp.input_error(v) AS error FROM unnest(ARRAY[
    '', ' ', '[', '[ ', '[]', '[ ]', '[,', '[,]', '[1', '[1 ', '[1,', '[1,]', '[1, ', '[1,2,3',
    '1,2,3', '1,2,3]', ']', '[1,2,3]9', '[1,2,3] 9', '[1,2,3],', '[1,2,3]]', '[[1,2,3]', '[[1]]',
    '[1,[2]]', '{1,2}', '[1 2]', '[1,,3]', '[1, ,3]', '[1a]', '[a]', '[1;2]', '[--1]', '[1e]',
    '[1e+]', '[.]', '[-]', '[e5]', 'null', '[null]', '[$1]', '[1,2,3]' || chr(160), '[１]'
]) AS v;

-- every proper prefix of a good text is malformed, every text with one character changed is
-- either good or refused by one of ours
WITH t(good) AS (VALUES ('[1.5e+10, -2 ,0.25]')), p AS (
    SELECT n, left(good, n) AS v FROM t, generate_series(0, length(good) - 1) n)
SELECT count(*), count(*) FILTER (WHERE pg_temp.input_error(v) LIKE '22P02: invalid input%') AS refused FROM p;
WITH t(good) AS (VALUES ('[1.5e+10, -2 ,0.25]')), p AS (
    SELECT overlay(good PLACING c FROM n FOR replaced) AS v FROM t, generate_series(1, length(good)) n,
        generate_series(0, 1) replaced, regexp_split_to_table('[],+-.0enx "\', '') c)
SELECT left(pg_temp.input_error(v), 5) AS outcome, count(*) FROM p GROUP BY 1 ORDER BY 1;

-- values that are numbers but not ours
SELECT v AS input, pg_temp.input_error(v) AS error FROM unnest(ARRAY[
    '[NaN,1]', '[nan]', '[-nan]', '[nan(7)]', '[Infinity,1]', '[-Infinity]', '[inf]', '[1,-inf]',
    '[4e38,1]', '[1,-4e38]', '[1e400]', '[1e999999999999999999999]', '[1e39,x'
]) AS v;

-- dimensions: 16,000 are the limit
SELECT vector_dims(('[' || repeat('1,', 15999) || '1]')::vector) AS dims,
       vector_norm(('[' || repeat('2,', 15999) || '2]')::vector) AS norm;
SELECT pg_temp.input_error('[' || repeat('1,', 16000) || '1]') AS error;
SELECT pg_temp.input_error('[' || repeat('1,', 2000000) || '1]') AS error;
SELECT pg_temp.input_error('[' || repeat('1,', 16000)) AS error;
SELECT pg_temp.input_error('[' || repeat(' ', 1000000)) AS error;
SELECT pg_temp.input_error(repeat('[', 1000000)) AS error;
SELECT pg_temp.input_error('[' || repeat('1', 100000) || ']') LIKE '22003: "1111%' AS error;
SELECT ('[' || repeat('0', 100000) || '7]')::vector AS leading_zeros;

-- type modifier
SELECT '[1,2,3]'::vector(3);
SELECT '[1,2,3]'::vector::vector(3);
SELECT format_type('vector'::regtype, 3), format_type('vector'::regtype, -1);
SELECT t AS type, pg_temp.error_of(format('SELECT %L::%s', '[1,2,3]', t)) AS error FROM unnest(ARRAY[
    'vector(2)', 'vector(4)', 'vector(0)', 'vector(-1)', 'vector(16001)', 'vector(3,2)',
    'vector(99999999999)', 'vector(''a'')', 'vector(3.5)', 'vector(3)', 'vector(16000)'
]) AS t;
CREATE TABLE vector_typmod (v vector(3));
SELECT pg_temp.error_of('INSERT INTO vector_typmod VALUES (''[1,2]'')');
SELECT pg_temp.error_of('INSERT INTO vector_typmod VALUES (''[1,2]''::vector)');
SELECT pg_temp.error_of('INSERT INTO vector_typmod VALUES (ARRAY[1,2]::real[])');
INSERT INTO vector_typmod VALUES ('[1,2,3]'), (NULL), ('[4,5,6]'::vector), (ARRAY[7,8,9]::real[]);
SELECT * FROM vector_typmod;
SELECT pg_temp.error_of('ALTER TABLE vector_typmod ALTER v TYPE vector(2)');

-- storage: out of line and uncompressed, short headers, all read back the same
SELECT typlen, typstorage, typalign, typbyval FROM pg_type WHERE oid = 'vector'::regtype;
CREATE TABLE vector_storage (id int, v vector);
INSERT INTO vector_storage
    SELECT n, array_agg(i % 7)::vector FROM unnest(ARRAY[1, 3, 30, 31, 32, 500, 3000, 16000]) n,
           generate_series(1, n) i GROUP BY n;
SELECT id, vector_dims(v), pg_column_size(v) FROM vector_storage ORDER BY id;
SELECT count(*) AS same FROM vector_storage
    WHERE v = (SELECT array_agg(i % 7)::vector FROM generate_series(1, id) i);
ALTER TABLE vector_storage ALTER v SET STORAGE MAIN;
UPDATE vector_storage SET v = v + v;
SELECT count(*) AS same FROM vector_storage
    WHERE v = (SELECT array_agg(i % 7 * 2)::vector FROM generate_series(1, id) i);

-- binary form: what is sent, and what comes back from it
SELECT vector_send('[1,-2,0.5]');
SELECT vector_send(('[' || repeat('0,', 255) || '1]')::vector) = '\x01000000'::bytea ||
    decode(repeat('00000000', 255) || '3f800000', 'hex') AS big_endian;
CREATE TABLE vector_binary (v vector);
INSERT INTO vector_binary VALUES ('[1,2,3]'), (NULL), ('[-0,3.4028235e38,1e-45]'),
    (('[' || repeat('0.1,', 15999) || '1]')::vector);
\copy vector_binary TO 'results/vector_binary.bin' (FORMAT binary)
CREATE TABLE vector_binary_2 (v vector);
\copy vector_binary_2 FROM 'results/vector_binary.bin' (FORMAT binary)
SELECT count(*), count(v) FROM vector_binary_2;
SELECT vector_send(a.v) = vector_send(b.v) AS same
    FROM (SELECT v, row_number() OVER () AS n FROM vector_binary) a
    JOIN (SELECT v, row_number() OVER () AS n FROM vector_binary_2) b USING (n);

-- hostile binary input: a bytea column writes the very bytes that a vector column then reads
CREATE TABLE vector_hostile (v vector(2));
\getenv abs_builddir PG_ABS_BUILDDIR
\set file :abs_builddir '/results/vector_hostile.bin'
CREATE FUNCTION pg_temp.recv_error(bytes text, file text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('COPY (SELECT decode(%L, ''hex'')) TO %L (FORMAT binary)', bytes, file);
    RETURN pg_temp.error_of(format('COPY vector_hostile FROM %L (FORMAT binary)', file));
END $$;
SELECT name, pg_temp.recv_error(bytes, :'file') AS error FROM (VALUES
    ('no bytes at all', ''),
    ('half a header', '00'),
    ('dimension only', '0002'),
    ('zero dimensions', '00000000'),
    ('negative dimensions', 'ffff0000'),
    ('too many dimensions', '3e810000'),
    ('the largest int16', '7fff0000'),
    ('not the column''s dimension', '000100003f800000'),
    ('unused is not zero', '000200013f8000003f800000'),
    ('unused is negative', '0002ffff3f8000003f800000'),
    ('elements missing', '000200003f800000'),
    ('part of an element missing', '000200003f8000003f8000'),
    ('NaN', '000200003f8000007fc00000'),
    ('signalling NaN', '000200003f8000007f800001'),
    ('infinity', '000200003f8000007f800000'),
    ('negative infinity', '00020000ff8000003f800000'),
    ('bytes left over', '000200003f8000003f80000000'),
    ('good', '000200003f8000003f800000')
) AS t(name, bytes);
SELECT * FROM vector_hostile;
-- every truncation of a good value, and every single byte set to 255
SELECT left(pg_temp.recv_error(left('000200003f8000003f800000', n * 2), :'file'), 5) AS outcome, count(*)
    FROM generate_series(0, 11) n GROUP BY 1;
SELECT left(pg_temp.recv_error(overlay('000200003f8000003f800000' PLACING 'ff' FROM n * 2 + 1), :'file'), 5) AS outcome,
       count(*) FROM generate_series(0, 11) n GROUP BY 1 ORDER BY 1;
SELECT count(*) AS rows, count(DISTINCT vector_dims(v)) AS dims FROM vector_hostile;
DROP TABLE vector_typmod, vector_storage, vector_binary, vector_binary_2, vector_hostile;
