-- 04_bits.sql: distances of type bit; type binaryvec with its functions, operators, casts and btree
-- class.
--
-- What is shared has pgvector's names and signatures. The distance functions of binaryvec have names of
-- their own: overloads of hamming_distance would make calls with two untyped literals ambiguous.

-- begin shared
-- ---- type bit ----

CREATE FUNCTION hamming_distance(bit, bit) RETURNS double precision
    AS 'MODULE_PATHNAME', 'hamming_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hamming_distance(bit, bit) IS 'number of bits that differ';

CREATE FUNCTION jaccard_distance(bit, bit) RETURNS double precision
    AS 'MODULE_PATHNAME', 'jaccard_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jaccard_distance(bit, bit) IS '1 - bits set in both / bits set in either; 1 when none is set in both';

CREATE OPERATOR <~> (
    LEFTARG = bit, RIGHTARG = bit, FUNCTION = hamming_distance,
    COMMUTATOR = <~>
);
COMMENT ON OPERATOR <~> (bit, bit) IS 'Hamming distance';

CREATE OPERATOR <%> (
    LEFTARG = bit, RIGHTARG = bit, FUNCTION = jaccard_distance,
    COMMUTATOR = <%>
);
COMMENT ON OPERATOR <%> (bit, bit) IS 'Jaccard distance';
-- end shared

-- ---- type binaryvec ----

CREATE TYPE binaryvec;

CREATE FUNCTION binaryvec_in(cstring, oid, integer) RETURNS binaryvec
    AS 'MODULE_PATHNAME', 'binaryvec_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION binaryvec_in(cstring, oid, integer) IS 'I/O';

CREATE FUNCTION binaryvec_out(binaryvec) RETURNS cstring
    AS 'MODULE_PATHNAME', 'binaryvec_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION binaryvec_out(binaryvec) IS 'I/O';

CREATE FUNCTION binaryvec_typmod_in(cstring[]) RETURNS integer
    AS 'MODULE_PATHNAME', 'binaryvec_typmod_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION binaryvec_typmod_in(cstring[]) IS 'I/O type modifier';

CREATE FUNCTION binaryvec_recv(internal, oid, integer) RETURNS binaryvec
    AS 'MODULE_PATHNAME', 'binaryvec_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION binaryvec_recv(internal, oid, integer) IS 'I/O';

CREATE FUNCTION binaryvec_send(binaryvec) RETURNS bytea
    AS 'MODULE_PATHNAME', 'binaryvec_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION binaryvec_send(binaryvec) IS 'I/O';

CREATE TYPE binaryvec (
    INPUT = binaryvec_in,
    OUTPUT = binaryvec_out,
    TYPMOD_IN = binaryvec_typmod_in,
    RECEIVE = binaryvec_recv,
    SEND = binaryvec_send,
    STORAGE = external
);
COMMENT ON TYPE binaryvec IS 'vector of bits, ''101''; binaryvec(n) has n dimensions';

-- ---- functions ----

CREATE FUNCTION binaryvec_dims(binaryvec) RETURNS integer
    AS 'MODULE_PATHNAME', 'binaryvec_dims' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION binaryvec_dims(binaryvec) IS 'number of dimensions';

CREATE FUNCTION binaryvec_hamming_distance(binaryvec, binaryvec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'binaryvec_hamming_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION binaryvec_hamming_distance(binaryvec, binaryvec) IS 'number of bits that differ';

CREATE FUNCTION binaryvec_jaccard_distance(binaryvec, binaryvec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'binaryvec_jaccard_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION binaryvec_jaccard_distance(binaryvec, binaryvec) IS '1 - bits set in both / bits set in either; 1 when none is set in both';

CREATE FUNCTION binaryvec_lt(binaryvec, binaryvec) RETURNS boolean
    AS 'MODULE_PATHNAME', 'binaryvec_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION binaryvec_lt(binaryvec, binaryvec) IS 'implementation of < operator';

CREATE FUNCTION binaryvec_le(binaryvec, binaryvec) RETURNS boolean
    AS 'MODULE_PATHNAME', 'binaryvec_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION binaryvec_le(binaryvec, binaryvec) IS 'implementation of <= operator';

CREATE FUNCTION binaryvec_eq(binaryvec, binaryvec) RETURNS boolean
    AS 'MODULE_PATHNAME', 'binaryvec_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION binaryvec_eq(binaryvec, binaryvec) IS 'implementation of = operator';

CREATE FUNCTION binaryvec_ne(binaryvec, binaryvec) RETURNS boolean
    AS 'MODULE_PATHNAME', 'binaryvec_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION binaryvec_ne(binaryvec, binaryvec) IS 'implementation of <> operator';

CREATE FUNCTION binaryvec_ge(binaryvec, binaryvec) RETURNS boolean
    AS 'MODULE_PATHNAME', 'binaryvec_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION binaryvec_ge(binaryvec, binaryvec) IS 'implementation of >= operator';

CREATE FUNCTION binaryvec_gt(binaryvec, binaryvec) RETURNS boolean
    AS 'MODULE_PATHNAME', 'binaryvec_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION binaryvec_gt(binaryvec, binaryvec) IS 'implementation of > operator';

CREATE FUNCTION binaryvec_cmp(binaryvec, binaryvec) RETURNS integer
    AS 'MODULE_PATHNAME', 'binaryvec_cmp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION binaryvec_cmp(binaryvec, binaryvec) IS 'less-equal-greater: by bits from the first, then by their number';

-- ---- casts ----

CREATE FUNCTION binaryvec(binaryvec, integer, boolean) RETURNS binaryvec
    AS 'MODULE_PATHNAME', 'binaryvec_apply_typmod' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION binaryvec(binaryvec, integer, boolean) IS 'checks the number of dimensions';

CREATE FUNCTION bit_to_binaryvec(bit, integer, boolean) RETURNS binaryvec
    AS 'MODULE_PATHNAME', 'bit_to_binaryvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bit_to_binaryvec(bit, integer, boolean) IS 'converts bit to binaryvec';

CREATE FUNCTION binaryvec_to_bit(binaryvec) RETURNS bit
    AS 'MODULE_PATHNAME', 'binaryvec_to_bit' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION binaryvec_to_bit(binaryvec) IS 'converts binaryvec to bit';

CREATE CAST (binaryvec AS binaryvec) WITH FUNCTION binaryvec(binaryvec, integer, boolean) AS IMPLICIT;
COMMENT ON CAST (binaryvec AS binaryvec) IS 'checks the number of dimensions';

CREATE CAST (bit AS binaryvec) WITH FUNCTION bit_to_binaryvec(bit, integer, boolean) AS IMPLICIT;
COMMENT ON CAST (bit AS binaryvec) IS 'the same bits';

CREATE CAST (binaryvec AS bit) WITH FUNCTION binaryvec_to_bit(binaryvec) AS ASSIGNMENT;
COMMENT ON CAST (binaryvec AS bit) IS 'the same bits';

-- ---- operators ----

CREATE OPERATOR <~> (
    LEFTARG = binaryvec, RIGHTARG = binaryvec, FUNCTION = binaryvec_hamming_distance,
    COMMUTATOR = <~>
);
COMMENT ON OPERATOR <~> (binaryvec, binaryvec) IS 'Hamming distance';

CREATE OPERATOR <%> (
    LEFTARG = binaryvec, RIGHTARG = binaryvec, FUNCTION = binaryvec_jaccard_distance,
    COMMUTATOR = <%>
);
COMMENT ON OPERATOR <%> (binaryvec, binaryvec) IS 'Jaccard distance';

CREATE OPERATOR < (
    LEFTARG = binaryvec, RIGHTARG = binaryvec, FUNCTION = binaryvec_lt,
    COMMUTATOR = >, NEGATOR = >=, RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR < (binaryvec, binaryvec) IS 'less than';

CREATE OPERATOR <= (
    LEFTARG = binaryvec, RIGHTARG = binaryvec, FUNCTION = binaryvec_le,
    COMMUTATOR = >=, NEGATOR = >, RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR <= (binaryvec, binaryvec) IS 'less than or equal';

CREATE OPERATOR = (
    LEFTARG = binaryvec, RIGHTARG = binaryvec, FUNCTION = binaryvec_eq,
    COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel
);
COMMENT ON OPERATOR = (binaryvec, binaryvec) IS 'equal';

CREATE OPERATOR <> (
    LEFTARG = binaryvec, RIGHTARG = binaryvec, FUNCTION = binaryvec_ne,
    COMMUTATOR = <>, NEGATOR = =, RESTRICT = eqsel, JOIN = eqjoinsel
);
COMMENT ON OPERATOR <> (binaryvec, binaryvec) IS 'not equal';

CREATE OPERATOR >= (
    LEFTARG = binaryvec, RIGHTARG = binaryvec, FUNCTION = binaryvec_ge,
    COMMUTATOR = <=, NEGATOR = <, RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR >= (binaryvec, binaryvec) IS 'greater than or equal';

CREATE OPERATOR > (
    LEFTARG = binaryvec, RIGHTARG = binaryvec, FUNCTION = binaryvec_gt,
    COMMUTATOR = <, NEGATOR = <=, RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR > (binaryvec, binaryvec) IS 'greater than';

-- ---- btree ----

CREATE OPERATOR CLASS binaryvec_ops DEFAULT FOR TYPE binaryvec USING btree AS
    OPERATOR 1 <,
    OPERATOR 2 <=,
    OPERATOR 3 =,
    OPERATOR 4 >=,
    OPERATOR 5 >,
    FUNCTION 1 binaryvec_cmp(binaryvec, binaryvec);
COMMENT ON OPERATOR FAMILY binaryvec_ops USING btree IS 'order of bits from the first, then by their number';
COMMENT ON OPERATOR CLASS binaryvec_ops USING btree IS 'order of bits from the first, then by their number';
