-- Type halfvec: text, binary and type-modifier input, rounding, order. (tests/sql/vector_* go deeper into
-- what the two types share.)
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
    $$ SELECT pg_temp.error_of(format('SELECT %L::halfvec', value)) $$;

-- text in, text out: what is stored is the nearest half float, ties to even
SELECT '[1,2,3]'::halfvec, '[-1.,.5,+0,-0]'::halfvec, E' [ 1,\t2 ,\n3] '::halfvec;
SELECT '[1.23456]'::halfvec, '[0.1,0.2,0.3]'::halfvec, '[2049,2051,4098,4102]'::halfvec AS ties;
SELECT '[65504,-65504,65519]'::halfvec AS largest, '[6.1035156e-05,6.0975552e-05,5.9604645e-08]'::halfvec AS smallest;
SELECT '[2.9802322e-08,2.9802326e-08,1e-10,-1e-46]'::halfvec AS around_zero;
SELECT v AS input, pg_temp.input_error(v) AS error FROM unnest(ARRAY[
    '', '[', '[]', '[,]', '[1', '[1,', '[1,]', '1,2,3', '[1,2,3]9', '{1,2}', '[1 2]', '[1,,3]', '[a]', '[1e]', '[１]',
    '[NaN,1]', '[Infinity]', '[-inf,1]', '[65520]', '[-65520,1]', '[65519.9]', '[4e38]', '[1,-1e400]', '[65520'
]) AS v;

-- dimensions and type modifier
SELECT vector_dims(('[' || repeat('1,', 15999) || '1]')::halfvec) AS dims;
SELECT pg_temp.input_error('[' || repeat('1,', 16000) || '1]') AS error;
SELECT '[1,2,3]'::halfvec(3), '[1,2,3]'::halfvec::halfvec(3), format_type('halfvec'::regtype, 3);
SELECT t AS type, pg_temp.error_of(format('SELECT %L::%s', '[1,2,3]', t)) AS error FROM unnest(ARRAY[
    'halfvec(2)', 'halfvec(4)', 'halfvec(0)', 'halfvec(16001)', 'halfvec(3,2)', 'halfvec(3)', 'halfvec(16000)'
]) AS t;

-- storage
CREATE TABLE halfvec_storage (id int, v halfvec);
INSERT INTO halfvec_storage
    SELECT n, array_agg(i % 7)::halfvec FROM unnest(ARRAY[1, 3, 59, 60, 1000, 16000]) n,
           generate_series(1, n) i GROUP BY n;
SELECT id, vector_dims(v), pg_column_size(v) FROM halfvec_storage ORDER BY id;
SELECT count(*) AS same FROM halfvec_storage
    WHERE v = (SELECT array_agg(i % 7)::halfvec FROM generate_series(1, id) i);

-- binary form: big-endian; every half float comes back as it went
SELECT halfvec_send('[1,-2,0.5,65504,5.9604645e-08]');
CREATE TABLE halfvec_binary AS SELECT array_agg(i * s / 64.0)::halfvec AS v
    FROM generate_series(0, 15999) i, (VALUES (1), (-1)) t(s) GROUP BY s;
INSERT INTO halfvec_binary VALUES (NULL), ('[-0,1]');
\copy halfvec_binary TO 'results/halfvec_binary.bin' (FORMAT binary)
CREATE TABLE halfvec_binary_2 (v halfvec);
\copy halfvec_binary_2 FROM 'results/halfvec_binary.bin' (FORMAT binary)
SELECT count(*), count(v), bool_and(halfvec_send(v) IN (SELECT halfvec_send(v) FROM halfvec_binary)) AS same
    FROM halfvec_binary_2;

-- hostile binary input
CREATE TABLE halfvec_hostile (v halfvec(2));
\getenv abs_builddir PG_ABS_BUILDDIR
\set file :abs_builddir '/results/halfvec_hostile.bin'
CREATE FUNCTION pg_temp.recv_error(bytes text, file text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('COPY (SELECT decode(%L, ''hex'')) TO %L (FORMAT binary)', bytes, file);
    RETURN pg_temp.error_of(format('COPY halfvec_hostile FROM %L (FORMAT binary)', file));
END $$;
SELECT name, pg_temp.recv_error(bytes, :'file') AS error FROM (VALUES
    ('half a header', '00'),
    ('zero dimensions', '00000000'),
    ('negative dimensions', 'ffff0000'),
    ('too many dimensions', '3e810000'),
    ('not the column''s dimension', '000100003c00'),
    ('unused is not zero', '000200013c003c00'),
    ('elements missing', '000200003c00'),
    ('NaN', '000200003c007e00'),
    ('infinity', '000200007c003c00'),
    ('negative infinity', '000200003c00fc00'),
    ('bytes left over', '000200003c003c0000'),
    ('good', '000200003c003c00')
) AS t(name, bytes);
SELECT * FROM halfvec_hostile;

-- order, btree
SELECT v FROM (VALUES ('[1]'::halfvec), ('[1,0]'), ('[0,9,9]'), ('[1,-1]'), ('[2]'), ('[-6e4]'), (NULL)) t(v)
    ORDER BY v NULLS LAST;
SELECT a, b, halfvec_cmp(a, b), a < b AS lt, a <= b AS le, a = b AS eq, a <> b AS ne, a >= b AS ge, a > b AS gt
FROM (VALUES ('[1,2,3]'::halfvec, '[1,2,3]'::halfvec), ('[1,2,3]', '[1,2]'), ('[1,2]', '[1,2,3]'),
             ('[1,2]', '[2,3,4]'), ('[0]', '[-0]'), ('[1.0001]', '[1]')) t(a, b);
CREATE UNIQUE INDEX halfvec_btree ON halfvec_storage (v) WHERE id < 1000;
SET enable_seqscan = off;
SELECT id FROM halfvec_storage WHERE v = '[1,2,3]' AND id < 1000;
EXPLAIN (COSTS OFF) SELECT id FROM halfvec_storage WHERE v = '[1,2,3]' AND id < 1000;
RESET enable_seqscan;
INSERT INTO halfvec_storage VALUES (4, '[1,2,3]');
DROP TABLE halfvec_storage, halfvec_binary, halfvec_binary_2, halfvec_hostile;
