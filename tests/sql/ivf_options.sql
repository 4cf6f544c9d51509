-- Options, settings, operator classes and limits of ivfflat.
SET client_min_messages = warning;
CREATE TABLE io (id int, v vector(3), h halfvec(3), b bit(8), bin binaryvec(8));
INSERT INTO io SELECT i, ARRAY[i, i % 7, 1]::real[]::vector, ARRAY[i, i % 7, 1]::real[]::halfvec(3),
	(i % 256)::bit(8), ((i % 256)::bit(8))::binaryvec(8) FROM generate_series(1, 300) i;
RESET client_min_messages;

-- lists
CREATE INDEX ON io USING ivfflat (v) WITH (lists = 0);
CREATE INDEX ON io USING ivfflat (v) WITH (lists = 32769);
CREATE INDEX ON io USING ivfflat (v) WITH (probes = 3);
CREATE INDEX io_v ON io USING ivfflat (v) WITH (lists = 4);
SELECT rows, lists, lists_wanted, dims, coded_dims, generation, free_pages FROM ruvector_ivfflat_stats('io_v');
SELECT * FROM ruvector_index_check('io_v');
DROP INDEX io_v;
CREATE INDEX io_v ON io USING ivfflat (v);
SELECT rows, lists, lists_wanted FROM ruvector_ivfflat_stats('io_v');
DROP INDEX io_v;

-- the default class of vector; the others are named
SELECT am.amname, c.opcname, t.typname, c.opcdefault FROM pg_opclass c JOIN pg_am am ON am.oid = c.opcmethod
	JOIN pg_type t ON t.oid = c.opcintype WHERE am.amname IN ('ivfflat', 'ruivfflat')
	ORDER BY am.amname, c.opcname COLLATE "C";
SELECT am.amname, c.opcname, p.amprocnum, p.amproc::regprocedure FROM pg_opclass c
	JOIN pg_am am ON am.oid = c.opcmethod JOIN pg_amproc p ON p.amprocfamily = c.opcfamily
	WHERE am.amname = 'ivfflat' ORDER BY c.opcname COLLATE "C", p.amprocnum;
SELECT bool_and(amvalidate(c.oid)) FROM pg_opclass c JOIN pg_am am ON am.oid = c.opcmethod
	WHERE am.amname IN ('ivfflat', 'ruivfflat');
CREATE INDEX ON io USING ivfflat (h);
CREATE INDEX ON io USING ivfflat (v vector_l1_ops);

-- settings
SHOW ivfflat.probes;
SHOW ivfflat.max_probes;
SHOW ivfflat.iterative_scan;
SET ivfflat.probes = 0;
SET ivfflat.probes = 32769;
SET ivfflat.max_probes = 0;
SET ivfflat.iterative_scan = strict_order;

-- a class whose distance is not one that lists can be formed by
CREATE OPERATOR CLASS io_l1_ops FOR TYPE vector USING ivfflat AS
	OPERATOR 1 <+> (vector, vector) FOR ORDER BY float_ops, FUNCTION 1 l1_distance(vector, vector);
CREATE INDEX ON io USING ivfflat (v io_l1_ops);
DROP OPERATOR FAMILY io_l1_ops USING ivfflat;

-- limits
CREATE TABLE io_any (v vector, w vector(16000));
CREATE INDEX ON io_any USING ivfflat (v);
CREATE INDEX ON io_any USING ivfflat (v, w);
CREATE UNIQUE INDEX ON io_any USING ivfflat (w);
SET maintenance_work_mem = '1MB';
CREATE INDEX ON io_any USING ivfflat (w) WITH (lists = 100);
RESET maintenance_work_mem;
INSERT INTO io_any SELECT NULL, array_fill(i, ARRAY[16000])::real[]::vector FROM generate_series(1, 5) i;
SET client_min_messages = warning;
CREATE INDEX io_any_w ON io_any USING ivfflat (w) WITH (lists = 2);
RESET client_min_messages;
SELECT rows, dims, coded_dims FROM ruvector_ivfflat_stats('io_any_w');
INSERT INTO io_any SELECT NULL, array_fill(i, ARRAY[16000])::real[]::vector FROM generate_series(6, 8) i;
SET enable_seqscan = off;
SET ivfflat.probes = 2;
SELECT (w::real[])[1] FROM io_any ORDER BY w <-> array_fill(5.2, ARRAY[16000])::vector LIMIT 3;
SELECT * FROM ruvector_index_check('io_any_w');
DELETE FROM io_any WHERE (w::real[])[1] = 5;
VACUUM io_any;
SELECT (w::real[])[1] FROM io_any ORDER BY w <-> array_fill(5.2, ARRAY[16000])::vector LIMIT 3;
INSERT INTO io_any SELECT NULL, array_fill(i, ARRAY[16000])::real[]::vector FROM generate_series(9, 9) i;
SELECT * FROM ruvector_index_check('io_any_w');
SELECT count(*) FROM (SELECT w FROM io_any ORDER BY w <-> array_fill(5.2, ARRAY[16000])::vector) s;
CREATE TABLE io_bits (b bit(64001));
CREATE INDEX ON io_bits USING ivfflat (b bit_hamming_ops);
DROP TABLE io_bits;

-- functions on what is no ivfflat index
SELECT ruvector_ivfflat_stats('io');
SELECT ruvector_ivfflat_stats(0);
CREATE INDEX io_id ON io (id);
SELECT ruvector_ivfflat_stats('io_id');
SELECT ruvector_index_maintenance('io_id');

-- progress is reported in pgvector's words (the names are asked of the method)
SELECT pg_indexam_progress_phasename(oid, n) FROM pg_am, generate_series(1, 5) n WHERE amname = 'ivfflat';
DROP TABLE io, io_any;
