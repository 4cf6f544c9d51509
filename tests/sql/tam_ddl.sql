-- ruvector_tam: what a table goes through. After each step every value must be there and sound.
CREATE FUNCTION wide(i int, n int) RETURNS bytea LANGUAGE sql IMMUTABLE
    RETURN decode(repeat(md5(i::text), n), 'hex');
-- access methods of table and TOAST relation, rows, rows whose value is right, values out of line,
-- findings of ruvector_check
CREATE FUNCTION state(rel regclass, OUT am name, OUT toast_am name, OUT rows bigint, OUT good bigint,
                      OUT "values" bigint, OUT findings bigint)
LANGUAGE plpgsql AS $$
DECLARE toast regclass := (SELECT reltoastrelid FROM pg_class WHERE oid = rel);
BEGIN
    am := (SELECT amname FROM pg_am a JOIN pg_class c ON c.relam = a.oid WHERE c.oid = rel);
    toast_am := (SELECT amname FROM pg_am a JOIN pg_class c ON c.relam = a.oid WHERE c.oid = toast);
    EXECUTE format('SELECT count(*), count(*) FILTER (WHERE v = wide(id, octet_length(v) / 16)) FROM %s', rel)
        INTO rows, good;
    EXECUTE format('SELECT count(DISTINCT chunk_id) FROM %s', toast) INTO "values";
    IF am = 'ruvector_tam' THEN SELECT count(*) INTO findings FROM ruvector_check(rel); END IF;
END $$;
CREATE FUNCTION value_ids(rel regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE ids text;
BEGIN
    EXECUTE format('SELECT md5(string_agg(DISTINCT chunk_id::text, $1)) FROM %s',
        (SELECT reltoastrelid::regclass FROM pg_class WHERE oid = rel)) INTO ids USING ',';
    RETURN ids;
END $$;

CREATE TABLE tam_d (id int PRIMARY KEY, n int, v bytea) USING ruvector_tam WITH (toast_tuple_target = 128);
ALTER TABLE tam_d ALTER v SET STORAGE EXTERNAL;
INSERT INTO tam_d SELECT i, i % 7, wide(i, 20 + i % 300) FROM generate_series(1, 300) i;
SELECT * FROM state('tam_d');

-- VACUUM FULL and CLUSTER keep value ids; dead values go
DELETE FROM tam_d WHERE id > 250;
UPDATE tam_d SET v = wide(id, 31) WHERE id <= 10;
VACUUM tam_d;
SELECT * FROM state('tam_d');
SELECT value_ids('tam_d') AS before \gset
VACUUM FULL tam_d;
SELECT * FROM state('tam_d');
CREATE INDEX tam_d_n ON tam_d (n, id DESC);
CLUSTER tam_d USING tam_d_n;
SELECT * FROM state('tam_d');
SELECT array_agg(id) FROM (SELECT id FROM tam_d LIMIT 5) s;
SELECT value_ids('tam_d') = :'before' AS same_ids;
VACUUM (FREEZE, ANALYZE) tam_d;
SELECT * FROM state('tam_d');

-- SET ACCESS METHOD both ways; the threshold holds for the rewritten rows
ALTER TABLE tam_d SET ACCESS METHOD heap;
SELECT * FROM state('tam_d');
ALTER TABLE tam_d SET ACCESS METHOD ruvector_tam;
SELECT * FROM state('tam_d');
BEGIN;
ALTER TABLE tam_d SET ACCESS METHOD heap;
INSERT INTO tam_d VALUES (1000, 1, wide(1000, 20));
ROLLBACK;
SELECT * FROM state('tam_d');
-- other rewrites
ALTER TABLE tam_d ALTER n TYPE bigint;
SELECT * FROM state('tam_d');
ALTER TABLE tam_d ADD r float8 DEFAULT random();
SELECT * FROM state('tam_d');

-- TRUNCATE, also undone; savepoints; two-phase commit
BEGIN;
TRUNCATE tam_d;
INSERT INTO tam_d VALUES (5, 1, wide(5, 30));
SELECT * FROM state('tam_d');
ROLLBACK;
SELECT * FROM state('tam_d');
BEGIN;
INSERT INTO tam_d VALUES (2001, 1, wide(2001, 30));
SAVEPOINT a;
INSERT INTO tam_d VALUES (2002, 1, wide(2002, 30));
UPDATE tam_d SET v = wide(id, 21) WHERE id = 2001;
SELECT * FROM state('tam_d');
ROLLBACK TO a;
SELECT * FROM state('tam_d');
INSERT INTO tam_d VALUES (2003, 1, wide(2003, 30));
PREPARE TRANSACTION 'tam';
SELECT * FROM state('tam_d');
COMMIT PREPARED 'tam';
SELECT * FROM state('tam_d');
BEGIN;
DELETE FROM tam_d WHERE id > 2000;
PREPARE TRANSACTION 'tam';
ROLLBACK PREPARED 'tam';
SELECT * FROM state('tam_d');
TRUNCATE tam_d;
SELECT * FROM state('tam_d');

-- partitions: each takes its own access method, rows move between them
CREATE TABLE parted (id int, v bytea) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100) USING ruvector_tam WITH (toast_tuple_target = 128);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (100) TO (200) USING heap;
SET default_table_access_method = ruvector_tam;
CREATE TABLE parted_3 PARTITION OF parted DEFAULT WITH (toast_tuple_target = 128);
RESET default_table_access_method;
ALTER TABLE parted ALTER v SET STORAGE EXTERNAL;
ALTER TABLE parted_1 ALTER v SET STORAGE EXTERNAL;
ALTER TABLE parted_2 ALTER v SET STORAGE EXTERNAL;
ALTER TABLE parted_3 ALTER v SET STORAGE EXTERNAL;
INSERT INTO parted SELECT i, wide(i, 30) FROM generate_series(50, 249, 10) i;
SELECT p.relname, s.* FROM pg_class p, state(p.oid) s WHERE relname ~ '^parted_[123]$' ORDER BY 1;
UPDATE parted SET id = id + 100, v = wide(id + 100, 30) WHERE id < 150;
SELECT p.relname, s.* FROM pg_class p, state(p.oid) s WHERE relname ~ '^parted_[123]$' ORDER BY 1;
UPDATE parted SET id = id - 100, v = wide(id - 100, 140) WHERE id >= 150;
SELECT p.relname, s.* FROM pg_class p, state(p.oid) s WHERE relname ~ '^parted_[123]$' ORDER BY 1;
CREATE INDEX ON parted (md5(v));
SELECT count(*) FROM ruvector_check('parted');

-- temporary and unlogged tables, materialized views, CREATE TABLE AS, inheritance
CREATE TEMP TABLE tam_temp (id int, v bytea) USING ruvector_tam WITH (toast_tuple_target = 128) ON COMMIT DELETE ROWS;
ALTER TABLE tam_temp ALTER v SET STORAGE EXTERNAL;
BEGIN;
INSERT INTO tam_temp SELECT i, wide(i, 30) FROM generate_series(1, 5) i;
SELECT * FROM state('tam_temp');
COMMIT;
SELECT * FROM state('tam_temp');
CREATE UNLOGGED TABLE tam_unlogged (id int, v bytea) USING ruvector_tam WITH (toast_tuple_target = 128);
ALTER TABLE tam_unlogged ALTER v SET STORAGE EXTERNAL;
INSERT INTO tam_unlogged SELECT i, wide(i, 30) FROM generate_series(1, 5) i;
SELECT * FROM state('tam_unlogged');
ALTER TABLE tam_unlogged SET LOGGED;
SELECT * FROM state('tam_unlogged');
ALTER TABLE tam_unlogged SET UNLOGGED;
SELECT * FROM state('tam_unlogged');
CREATE MATERIALIZED VIEW tam_mat USING ruvector_tam WITH (toast_tuple_target = 128) AS SELECT * FROM tam_unlogged;
ALTER MATERIALIZED VIEW tam_mat ALTER v SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX ON tam_mat (id);
REFRESH MATERIALIZED VIEW tam_mat;
SELECT * FROM state('tam_mat');
UPDATE tam_unlogged SET v = wide(id, 25) WHERE id < 3;
REFRESH MATERIALIZED VIEW CONCURRENTLY tam_mat;
SELECT * FROM state('tam_mat');
CREATE TABLE tam_as USING ruvector_tam WITH (toast_tuple_target = 128) AS SELECT * FROM tam_unlogged;
SELECT * FROM state('tam_as');
SELECT * INTO TEMP tam_into FROM tam_as;
CREATE TABLE tam_child () INHERITS (tam_as) USING ruvector_tam;
INSERT INTO tam_child SELECT id + 100, wide(id + 100, 200) FROM tam_as;
SELECT count(*) FILTER (WHERE v = wide(id, octet_length(v) / 16)), count(*) FROM tam_as;

-- foreign keys, exclusion constraints, sampling, TID scans, FOR UPDATE
CREATE TABLE tam_ref (id int PRIMARY KEY REFERENCES tam_d ON UPDATE CASCADE ON DELETE CASCADE, v bytea,
    EXCLUDE USING btree (md5(v) WITH =)) USING ruvector_tam WITH (toast_tuple_target = 128);
ALTER TABLE tam_ref ALTER v SET STORAGE EXTERNAL;
INSERT INTO tam_d SELECT i, 1, wide(i, 30) FROM generate_series(1, 20) i;
INSERT INTO tam_ref SELECT i, wide(i, 30) FROM generate_series(1, 20) i;
INSERT INTO tam_ref VALUES (21, wide(21, 30));
INSERT INTO tam_d VALUES (21, 1, wide(21, 30));
INSERT INTO tam_ref VALUES (21, wide(3, 30));
DELETE FROM tam_d WHERE id <= 5;
UPDATE tam_d SET id = id + 1000 WHERE id <= 10;
SELECT count(*), min(id), max(id) FROM tam_ref;
SELECT v = wide(11, 30) FROM tam_ref WHERE id = 11 FOR UPDATE;
SELECT count(*) FROM tam_ref TABLESAMPLE system (100);
SELECT count(*) FROM tam_ref WHERE ctid >= '(0,1)' AND ctid < '(9,1)';
SELECT v = wide(12, 30) FROM tam_ref WHERE ctid = (SELECT ctid FROM tam_ref WHERE id = 12);

-- ownership of the access method
\set VERBOSITY terse
DROP ACCESS METHOD ruvector_tam;
DROP EXTENSION ruvector;
\set VERBOSITY default
SELECT pg_describe_object(classid, objid, objsubid) FROM pg_depend
    WHERE refclassid = 'pg_am'::regclass AND refobjid = (SELECT oid FROM pg_am WHERE amname = 'ruvector_tam')
    ORDER BY 1;

DROP TABLE tam_ref, tam_d, parted, tam_temp, tam_unlogged, tam_as, tam_into, tam_child CASCADE;
DROP FUNCTION wide, state, value_ids;
