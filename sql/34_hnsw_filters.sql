-- 34_hnsw_filters.sql: operator classes of hnsw and ruhnsw for filter columns.
--
-- The columns of an index behind its vector. They order nothing: strategies 2 to 8 are conditions that a
-- search through the graph tests on each node (indexam/hnsw_filter.c). Each is its type's default.

CREATE OPERATOR FAMILY integer_filter_ops USING hnsw;
COMMENT ON OPERATOR FAMILY integer_filter_ops USING hnsw IS 'conditions on integers within a vector search';
CREATE OPERATOR CLASS int2_filter_ops DEFAULT FOR TYPE int2 USING hnsw FAMILY integer_filter_ops AS
    OPERATOR 2 <,
    OPERATOR 3 <=,
    OPERATOR 4 =,
    OPERATOR 5 >=,
    OPERATOR 6 >;
COMMENT ON OPERATOR CLASS int2_filter_ops USING hnsw IS 'conditions on smallint within a vector search';
CREATE OPERATOR CLASS int4_filter_ops DEFAULT FOR TYPE int4 USING hnsw FAMILY integer_filter_ops AS
    OPERATOR 2 <,
    OPERATOR 3 <=,
    OPERATOR 4 =,
    OPERATOR 5 >=,
    OPERATOR 6 >;
COMMENT ON OPERATOR CLASS int4_filter_ops USING hnsw IS 'conditions on integer within a vector search';
CREATE OPERATOR CLASS int8_filter_ops DEFAULT FOR TYPE int8 USING hnsw FAMILY integer_filter_ops AS
    OPERATOR 2 <,
    OPERATOR 3 <=,
    OPERATOR 4 =,
    OPERATOR 5 >=,
    OPERATOR 6 >;
COMMENT ON OPERATOR CLASS int8_filter_ops USING hnsw IS 'conditions on bigint within a vector search';
ALTER OPERATOR FAMILY integer_filter_ops USING hnsw ADD
    OPERATOR 2 < (int2, int4),
    OPERATOR 3 <= (int2, int4),
    OPERATOR 4 = (int2, int4),
    OPERATOR 5 >= (int2, int4),
    OPERATOR 6 > (int2, int4),
    OPERATOR 2 < (int2, int8),
    OPERATOR 3 <= (int2, int8),
    OPERATOR 4 = (int2, int8),
    OPERATOR 5 >= (int2, int8),
    OPERATOR 6 > (int2, int8),
    OPERATOR 2 < (int4, int2),
    OPERATOR 3 <= (int4, int2),
    OPERATOR 4 = (int4, int2),
    OPERATOR 5 >= (int4, int2),
    OPERATOR 6 > (int4, int2),
    OPERATOR 2 < (int4, int8),
    OPERATOR 3 <= (int4, int8),
    OPERATOR 4 = (int4, int8),
    OPERATOR 5 >= (int4, int8),
    OPERATOR 6 > (int4, int8),
    OPERATOR 2 < (int8, int2),
    OPERATOR 3 <= (int8, int2),
    OPERATOR 4 = (int8, int2),
    OPERATOR 5 >= (int8, int2),
    OPERATOR 6 > (int8, int2),
    OPERATOR 2 < (int8, int4),
    OPERATOR 3 <= (int8, int4),
    OPERATOR 4 = (int8, int4),
    OPERATOR 5 >= (int8, int4),
    OPERATOR 6 > (int8, int4);

CREATE OPERATOR CLASS date_filter_ops DEFAULT FOR TYPE date USING hnsw AS
    OPERATOR 2 <,
    OPERATOR 3 <=,
    OPERATOR 4 =,
    OPERATOR 5 >=,
    OPERATOR 6 >;
COMMENT ON OPERATOR CLASS date_filter_ops USING hnsw IS 'conditions on date within a vector search';
CREATE OPERATOR CLASS bool_filter_ops DEFAULT FOR TYPE bool USING hnsw AS
    OPERATOR 2 <,
    OPERATOR 3 <=,
    OPERATOR 4 =,
    OPERATOR 5 >=,
    OPERATOR 6 >;
COMMENT ON OPERATOR CLASS bool_filter_ops USING hnsw IS 'conditions on boolean within a vector search';
CREATE OPERATOR CLASS uuid_filter_ops DEFAULT FOR TYPE uuid USING hnsw AS
    OPERATOR 4 =;
COMMENT ON OPERATOR CLASS uuid_filter_ops USING hnsw IS 'conditions on uuid within a vector search';
CREATE OPERATOR CLASS text_filter_ops DEFAULT FOR TYPE text USING hnsw AS
    OPERATOR 4 =;
COMMENT ON OPERATOR CLASS text_filter_ops USING hnsw IS 'conditions on text within a vector search';
CREATE OPERATOR CLASS int2_label_ops DEFAULT FOR TYPE int2[] USING hnsw AS
    OPERATOR 7 && (anyarray, anyarray),
    OPERATOR 8 @> (anyarray, anyarray);
COMMENT ON OPERATOR CLASS int2_label_ops USING hnsw IS 'conditions on arrays of smallint labels within a vector search';
CREATE OPERATOR CLASS int4_label_ops DEFAULT FOR TYPE int4[] USING hnsw AS
    OPERATOR 7 && (anyarray, anyarray),
    OPERATOR 8 @> (anyarray, anyarray);
COMMENT ON OPERATOR CLASS int4_label_ops USING hnsw IS 'conditions on arrays of integer labels within a vector search';

CREATE OPERATOR FAMILY integer_filter_ops USING ruhnsw;
COMMENT ON OPERATOR FAMILY integer_filter_ops USING ruhnsw IS 'conditions on integers within a vector search';
CREATE OPERATOR CLASS int2_filter_ops DEFAULT FOR TYPE int2 USING ruhnsw FAMILY integer_filter_ops AS
    OPERATOR 2 <,
    OPERATOR 3 <=,
    OPERATOR 4 =,
    OPERATOR 5 >=,
    OPERATOR 6 >;
COMMENT ON OPERATOR CLASS int2_filter_ops USING ruhnsw IS 'conditions on smallint within a vector search';
CREATE OPERATOR CLASS int4_filter_ops DEFAULT FOR TYPE int4 USING ruhnsw FAMILY integer_filter_ops AS
    OPERATOR 2 <,
    OPERATOR 3 <=,
    OPERATOR 4 =,
    OPERATOR 5 >=,
    OPERATOR 6 >;
COMMENT ON OPERATOR CLASS int4_filter_ops USING ruhnsw IS 'conditions on integer within a vector search';
CREATE OPERATOR CLASS int8_filter_ops DEFAULT FOR TYPE int8 USING ruhnsw FAMILY integer_filter_ops AS
    OPERATOR 2 <,
    OPERATOR 3 <=,
    OPERATOR 4 =,
    OPERATOR 5 >=,
    OPERATOR 6 >;
COMMENT ON OPERATOR CLASS int8_filter_ops USING ruhnsw IS 'conditions on bigint within a vector search';
ALTER OPERATOR FAMILY integer_filter_ops USING ruhnsw ADD
    OPERATOR 2 < (int2, int4),
    OPERATOR 3 <= (int2, int4),
    OPERATOR 4 = (int2, int4),
    OPERATOR 5 >= (int2, int4),
    OPERATOR 6 > (int2, int4),
    OPERATOR 2 < (int2, int8),
    OPERATOR 3 <= (int2, int8),
    OPERATOR 4 = (int2, int8),
    OPERATOR 5 >= (int2, int8),
    OPERATOR 6 > (int2, int8),
    OPERATOR 2 < (int4, int2),
    OPERATOR 3 <= (int4, int2),
    OPERATOR 4 = (int4, int2),
    OPERATOR 5 >= (int4, int2),
    OPERATOR 6 > (int4, int2),
    OPERATOR 2 < (int4, int8),
    OPERATOR 3 <= (int4, int8),
    OPERATOR 4 = (int4, int8),
    OPERATOR 5 >= (int4, int8),
    OPERATOR 6 > (int4, int8),
    OPERATOR 2 < (int8, int2),
    OPERATOR 3 <= (int8, int2),
    OPERATOR 4 = (int8, int2),
    OPERATOR 5 >= (int8, int2),
    OPERATOR 6 > (int8, int2),
    OPERATOR 2 < (int8, int4),
    OPERATOR 3 <= (int8, int4),
    OPERATOR 4 = (int8, int4),
    OPERATOR 5 >= (int8, int4),
    OPERATOR 6 > (int8, int4);

CREATE OPERATOR CLASS date_filter_ops DEFAULT FOR TYPE date USING ruhnsw AS
    OPERATOR 2 <,
    OPERATOR 3 <=,
    OPERATOR 4 =,
    OPERATOR 5 >=,
    OPERATOR 6 >;
COMMENT ON OPERATOR CLASS date_filter_ops USING ruhnsw IS 'conditions on date within a vector search';
CREATE OPERATOR CLASS bool_filter_ops DEFAULT FOR TYPE bool USING ruhnsw AS
    OPERATOR 2 <,
    OPERATOR 3 <=,
    OPERATOR 4 =,
    OPERATOR 5 >=,
    OPERATOR 6 >;
COMMENT ON OPERATOR CLASS bool_filter_ops USING ruhnsw IS 'conditions on boolean within a vector search';
CREATE OPERATOR CLASS uuid_filter_ops DEFAULT FOR TYPE uuid USING ruhnsw AS
    OPERATOR 4 =;
COMMENT ON OPERATOR CLASS uuid_filter_ops USING ruhnsw IS 'conditions on uuid within a vector search';
CREATE OPERATOR CLASS text_filter_ops DEFAULT FOR TYPE text USING ruhnsw AS
    OPERATOR 4 =;
COMMENT ON OPERATOR CLASS text_filter_ops USING ruhnsw IS 'conditions on text within a vector search';
CREATE OPERATOR CLASS int2_label_ops DEFAULT FOR TYPE int2[] USING ruhnsw AS
    OPERATOR 7 && (anyarray, anyarray),
    OPERATOR 8 @> (anyarray, anyarray);
COMMENT ON OPERATOR CLASS int2_label_ops USING ruhnsw IS 'conditions on arrays of smallint labels within a vector search';
CREATE OPERATOR CLASS int4_label_ops DEFAULT FOR TYPE int4[] USING ruhnsw AS
    OPERATOR 7 && (anyarray, anyarray),
    OPERATOR 8 @> (anyarray, anyarray);
COMMENT ON OPERATOR CLASS int4_label_ops USING ruhnsw IS 'conditions on arrays of integer labels within a vector search';
