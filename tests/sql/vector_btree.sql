-- Order of vectors and the btree class.
SET enable_seqscan = off;
CREATE TABLE vector_btree (v vector(3));
INSERT INTO vector_btree VALUES ('[0,0,0]'), ('[1,2,3]'), ('[1,1,1]'), (NULL), ('[1,2,4]'), ('[-1,9,9]');
CREATE INDEX vector_btree_idx ON vector_btree (v);
EXPLAIN (COSTS OFF) SELECT * FROM vector_btree WHERE v = '[1,2,3]';
SELECT * FROM vector_btree WHERE v = '[1,2,3]';
SELECT * FROM vector_btree WHERE v < '[1,2,3]' ORDER BY v;
SELECT * FROM vector_btree WHERE v <= '[1,2,3]' ORDER BY v;
SELECT * FROM vector_btree WHERE v >= '[1,1,1]' ORDER BY v DESC;
SELECT * FROM vector_btree WHERE v > '[1,1,1]' ORDER BY v;
SELECT * FROM vector_btree WHERE v > '[1,1]' ORDER BY v LIMIT 1;
SELECT * FROM vector_btree ORDER BY v;
EXPLAIN (COSTS OFF) SELECT * FROM vector_btree ORDER BY v;
RESET enable_seqscan;

CREATE UNIQUE INDEX vector_btree_unique ON vector_btree (v);
INSERT INTO vector_btree VALUES ('[1,2,3]');
INSERT INTO vector_btree VALUES ('[-0,0,0]');
SELECT DISTINCT v FROM (VALUES ('[1,2]'::vector), ('[1,2]'), ('[2,1]')) t(v) ORDER BY v;
SELECT v, count(*) FROM (VALUES ('[1,2]'::vector), ('[1,2]'), ('[2,1]')) t(v) GROUP BY v ORDER BY v;

-- by elements from the left, then by dimension
SELECT v FROM (VALUES ('[1]'::vector), ('[1,0]'), ('[0,9,9]'), ('[1,-1]'), ('[2]'), ('[-3e38]'), (NULL)) t(v)
    ORDER BY v NULLS LAST;
SELECT a, b, vector_cmp(a, b), a < b AS lt, a <= b AS le, a = b AS eq, a <> b AS ne, a >= b AS ge, a > b AS gt
FROM (VALUES ('[1,2,3]'::vector, '[1,2,3]'::vector), ('[1,2,3]', '[1,2]'), ('[1,2]', '[1,2,3]'),
             ('[1,2]', '[2,3,4]'), ('[2,3]', '[1,2,3]'), ('[0]', '[-0]'), ('[1e-45]', '[0]')) t(a, b);

-- a merge join on vectors, external sort of long ones
SET enable_hashjoin = off;
SET enable_nestloop = off;
SELECT count(*) FROM vector_btree a JOIN vector_btree b ON a.v = b.v;
SET work_mem = '64kB';
SELECT count(*), count(DISTINCT v) FROM (SELECT array_fill(i % 50, ARRAY[400])::vector AS v
    FROM generate_series(1, 400) i) t;
RESET work_mem;
DROP TABLE vector_btree;

SELECT opcname, opcdefault, opcintype::regtype FROM pg_opclass WHERE opcname = 'vector_ops';
SELECT amopstrategy, amopopr::regoperator FROM pg_amop
    WHERE amoplefttype = 'vector'::regtype
      AND amopmethod = (SELECT oid FROM pg_am WHERE amname = 'btree') ORDER BY 1;
