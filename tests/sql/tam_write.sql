-- ruvector_tam: rows wider than toast_tuple_target move their EXTERNAL values out of line, however
-- they are written; everything else about a write is as in heap.
SET client_min_messages = warning;
CREATE EXTENSION pageinspect;
RESET client_min_messages;

-- a value of 16 * n bytes that is different for every i
CREATE FUNCTION wide(i int, n int) RETURNS bytea LANGUAGE sql IMMUTABLE
    RETURN decode(repeat(md5(i::text), n), 'hex');
-- what the table's TOAST relation holds
CREATE FUNCTION toasted(rel regclass, OUT "values" bigint, OUT chunks bigint, OUT bytes bigint)
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SELECT count(DISTINCT chunk_id), count(*), coalesce(sum(length(chunk_data)), 0) FROM %s',
        (SELECT reltoastrelid::regclass FROM pg_class WHERE oid = rel))
    INTO "values", chunks, bytes;
END $$;

-- the default target leaves a row below 2 kB alone
CREATE TABLE tam_default (id int, v bytea) USING ruvector_tam;
ALTER TABLE tam_default ALTER v SET STORAGE EXTERNAL;
INSERT INTO tam_default VALUES (1, wide(1, 32)), (2, wide(2, 200));
SELECT id, octet_length(v), pg_column_size(v) FROM tam_default;
SELECT * FROM toasted('tam_default');
-- and so does heap, at any target
CREATE TABLE heap_low (id int, v bytea) USING heap WITH (toast_tuple_target = 128);
ALTER TABLE heap_low ALTER v SET STORAGE EXTERNAL;
INSERT INTO heap_low VALUES (1, wide(1, 32));
SELECT * FROM toasted('heap_low');

-- every way of writing a row
CREATE TABLE tam_low (id int PRIMARY KEY, v bytea, note text) USING ruvector_tam
    WITH (toast_tuple_target = 128);
ALTER TABLE tam_low ALTER v SET STORAGE EXTERNAL;
INSERT INTO tam_low VALUES (1, wide(1, 32), 'values');
INSERT INTO tam_low SELECT i, wide(i, 32), 'select' FROM generate_series(2, 4) i;
COPY tam_low FROM stdin (DELIMITER ',');
5,\\xaabbccddeeff00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899,copy
6,\\xaabb,copy narrow
7,\N,copy null
\.
INSERT INTO tam_low VALUES (8, wide(8, 32), 'conflict: inserted') ON CONFLICT (id) DO NOTHING;
INSERT INTO tam_low VALUES (8, wide(9, 32), 'x') ON CONFLICT (id) DO NOTHING;
INSERT INTO tam_low VALUES (6, wide(6, 32), 'conflict: updated')
    ON CONFLICT (id) DO UPDATE SET v = excluded.v, note = excluded.note;
UPDATE tam_low SET v = wide(7, 16) WHERE id = 7;
SELECT id, note, octet_length(v), v = wide(id, octet_length(v) / 16) AS same,
       pg_column_size(v) = octet_length(v) AS out_of_line
FROM tam_low ORDER BY id;
SELECT * FROM toasted('tam_low');
-- no row is left wider than the target
SELECT max(lp_len) <= 128 AS narrow FROM heap_page_items(get_raw_page('tam_low', 0));

-- the identity of a written row, as RETURNING shows it
BEGIN;
INSERT INTO tam_low VALUES (20, wide(20, 32), 'r') RETURNING tableoid::regclass, xmin = pg_current_xact_id()::xid AS mine, cmin, xmax;
INSERT INTO tam_low VALUES (21, wide(21, 32), 'r') RETURNING tableoid::regclass, xmin = pg_current_xact_id()::xid AS mine, cmin, xmax;
INSERT INTO tam_low VALUES (22, wide(22, 32), 'r') ON CONFLICT (id) DO NOTHING
    RETURNING tableoid::regclass, xmin = pg_current_xact_id()::xid AS mine, cmin, xmax;
UPDATE tam_low SET v = wide(23, 31) WHERE id = 20
    RETURNING tableoid::regclass, xmin = pg_current_xact_id()::xid AS mine, cmin, xmax;
WITH r AS (UPDATE tam_low SET v = wide(23, 30) WHERE id = 21 RETURNING id, ctid AS at)
    SELECT count(*) FROM r;
CREATE TEMP TABLE seen (id int, at tid);
WITH r AS (INSERT INTO tam_low SELECT i, wide(i, 40) FROM generate_series(30, 34) i RETURNING id, ctid)
    INSERT INTO seen SELECT * FROM r;
WITH r AS (UPDATE tam_low SET v = wide(id, 41) WHERE id BETWEEN 20 AND 22 RETURNING id, ctid)
    INSERT INTO seen SELECT * FROM r;
SELECT count(*) FILTER (WHERE t.ctid = s.at) AS found, count(*) FROM seen s JOIN tam_low t USING (id);
COMMIT;

-- HOT: an update of another column keeps the pointer, and is HOT; so is one of the value itself
CREATE TABLE tam_hot (id int PRIMARY KEY, n int, v bytea) USING ruvector_tam
    WITH (toast_tuple_target = 128, fillfactor = 50);
ALTER TABLE tam_hot ALTER v SET STORAGE EXTERNAL;
INSERT INTO tam_hot SELECT i, 0, wide(i, 32) FROM generate_series(1, 20) i;
BEGIN;
UPDATE tam_hot SET n = 1;
SELECT pg_stat_get_xact_tuples_updated('tam_hot'::regclass) AS updated,
       pg_stat_get_xact_tuples_hot_updated('tam_hot'::regclass) AS hot;
SELECT * FROM toasted('tam_hot');
UPDATE tam_hot SET v = wide(id, 20) WHERE id <= 5;
SELECT pg_stat_get_xact_tuples_updated('tam_hot'::regclass) AS updated,
       pg_stat_get_xact_tuples_hot_updated('tam_hot'::regclass) AS hot;
COMMIT;
SET enable_seqscan = off;
SELECT count(*) FROM tam_hot WHERE id BETWEEN 1 AND 20 AND v = wide(id, CASE WHEN id <= 5 THEN 20 ELSE 32 END);
RESET enable_seqscan;
-- a row written before the target was lowered moves at its next update
CREATE TABLE tam_later (id int, n int, v bytea) USING ruvector_tam;
ALTER TABLE tam_later ALTER v SET STORAGE EXTERNAL;
INSERT INTO tam_later VALUES (1, 0, wide(1, 32));
ALTER TABLE tam_later SET (toast_tuple_target = 128);
SELECT "values" FROM toasted('tam_later');
UPDATE tam_later SET n = 1;
SELECT "values", (SELECT v = wide(1, 32) FROM tam_later) AS same FROM toasted('tam_later');

-- several columns: core's toaster goes on, largest first, until the row meets its target
CREATE FUNCTION place(size int, length int) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN CASE WHEN size IS NULL THEN 'null' WHEN size = length THEN 'out'
                WHEN size < length THEN 'compressed' ELSE 'inline' END;
CREATE TABLE tam_many (id int, a bytea, b bytea, c bytea, t text, m text) USING ruvector_tam
    WITH (toast_tuple_target = 512);
ALTER TABLE tam_many ALTER a SET STORAGE EXTERNAL, ALTER b SET STORAGE EXTERNAL,
    ALTER c SET STORAGE EXTERNAL, ALTER m SET STORAGE MAIN;
INSERT INTO tam_many VALUES
    (1, wide(1, 10), wide(2, 30), wide(3, 7), 'the largest is enough', NULL),
    (2, wide(1, 25), wide(2, 30), wide(3, 20), 'two must go', NULL),
    (3, wide(1, 40), wide(2, 36), wide(3, 33), 'each must go', 'm'),
    (4, wide(1, 15), wide(1, 9), NULL, 'fits', NULL),
    (5, wide(1, 10), NULL, NULL, repeat('x', 1000), NULL),
    (6, NULL, NULL, NULL, repeat('x', 1000), repeat('y', 700));
INSERT INTO tam_many SELECT 7, wide(1, 10), NULL, NULL, string_agg(md5(i::text), ''), 'm'
    FROM generate_series(1, 20) i;
INSERT INTO tam_many SELECT 8, NULL, wide(1, 10), NULL, NULL, string_agg(md5(i::text), '')
    FROM generate_series(1, 12) i;
SELECT id, place(pg_column_size(a), octet_length(a)) AS a, place(pg_column_size(b), octet_length(b)) AS b,
       place(pg_column_size(c), octet_length(c)) AS c, place(pg_column_size(t), octet_length(t)) AS t,
       place(pg_column_size(m), octet_length(m)) AS m
FROM tam_many ORDER BY id;

-- rows that miss columns, dropped columns, generated columns, no out-of-line storage at all
CREATE TABLE tam_shape (gone int, id int, v bytea) USING ruvector_tam WITH (toast_tuple_target = 128);
ALTER TABLE tam_shape ALTER v SET STORAGE EXTERNAL;
INSERT INTO tam_shape VALUES (1, 1, wide(1, 32));
ALTER TABLE tam_shape DROP gone, ADD added text DEFAULT 'missing',
    ADD twice bytea GENERATED ALWAYS AS (v || v) STORED;
ALTER TABLE tam_shape ALTER twice SET STORAGE EXTERNAL;
INSERT INTO tam_shape VALUES (2, wide(2, 9), 'given');
UPDATE tam_shape SET v = wide(3, 5) WHERE id = 1;
SELECT id, added, octet_length(v) AS v, octet_length(twice) AS twice, twice = v || v AS same FROM tam_shape ORDER BY id;
SELECT * FROM toasted('tam_shape');
CREATE TABLE tam_plain (id int) USING ruvector_tam WITH (toast_tuple_target = 128);
INSERT INTO tam_plain SELECT generate_series(1, 3);
SELECT reltoastrelid = 0 AS no_toast_relation, (SELECT sum(id) FROM tam_plain)
FROM pg_class WHERE oid = 'tam_plain'::regclass;
CREATE TABLE tam_inline (id int, v bytea) USING ruvector_tam WITH (toast_tuple_target = 128);
ALTER TABLE tam_inline ALTER v SET STORAGE MAIN;
INSERT INTO tam_inline VALUES (1, wide(1, 40));
SELECT * FROM toasted('tam_inline');

-- triggers see and may replace the value; an after trigger fetches the stored row
CREATE FUNCTION tam_trigger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_WHEN = 'BEFORE' THEN NEW.v := NEW.v || '\x00'; RETURN NEW; END IF;
    RAISE NOTICE '% %: old % new %', TG_WHEN, TG_OP, octet_length(OLD.v), octet_length(NEW.v);
    RETURN NULL;
END $$;
CREATE TABLE tam_fired (id int PRIMARY KEY, v bytea) USING ruvector_tam WITH (toast_tuple_target = 128);
ALTER TABLE tam_fired ALTER v SET STORAGE EXTERNAL;
CREATE TRIGGER b BEFORE INSERT OR UPDATE ON tam_fired FOR EACH ROW EXECUTE FUNCTION tam_trigger();
CREATE TRIGGER a AFTER INSERT OR UPDATE OR DELETE ON tam_fired FOR EACH ROW EXECUTE FUNCTION tam_trigger();
INSERT INTO tam_fired VALUES (1, wide(1, 16));
UPDATE tam_fired SET v = wide(2, 17);
INSERT INTO tam_fired VALUES (1, wide(1, 18)) ON CONFLICT (id) DO UPDATE SET v = excluded.v;
UPDATE tam_fired SET id = 2;
DELETE FROM tam_fired;
DROP TRIGGER b ON tam_fired;
COPY tam_fired FROM stdin (DELIMITER ',');
3,\\xaabbccddeeff00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899
4,\\xff
\.

-- memory of a bulk load does not grow with its rows: INSERT .. SELECT, COPY, UPDATE
CREATE FUNCTION watch_memory(n int) RETURNS bool LANGUAGE plpgsql STABLE AS $$
DECLARE now_used bigint;
BEGIN
    IF n NOT IN (500, 1000, 11000) THEN RETURN true; END IF;
    SELECT sum(used_bytes) INTO now_used FROM pg_backend_memory_contexts;
    IF n = 11000 THEN
        RAISE NOTICE '10000 rows took less than 300 kB of memory: %',
            now_used - current_setting('test.used')::bigint < 300000;
    END IF;
    PERFORM set_config('test.used', now_used::text, false);
    RETURN true;
END $$;
CREATE TABLE tam_bulk (id int CHECK (watch_memory(id)), v bytea) USING ruvector_tam
    WITH (toast_tuple_target = 128);
ALTER TABLE tam_bulk ALTER v SET STORAGE EXTERNAL;
INSERT INTO tam_bulk SELECT generate_series(1, 11500), '\x00'::bytea || wide(1, 20);
TRUNCATE tam_bulk;
COPY tam_bulk FROM PROGRAM 'seq 1 11500 | sed "s/\$/,$(printf a%.0s $(seq 1 300))/"' (DELIMITER ',');
SELECT count(*), min(octet_length(v)), max(octet_length(v)) FROM tam_bulk;
SELECT * FROM toasted('tam_bulk');
ALTER TABLE tam_bulk DROP CONSTRAINT tam_bulk_id_check;
ALTER TABLE tam_bulk ADD n int;
CREATE TABLE tam_bulk2 (LIKE tam_bulk) USING ruvector_tam WITH (toast_tuple_target = 128);
INSERT INTO tam_bulk2 SELECT id, substr(v, 1, 10) FROM tam_bulk ORDER BY id;
ALTER TABLE tam_bulk2 ALTER v SET STORAGE EXTERNAL, ADD CHECK (watch_memory(id)) NOT VALID;
UPDATE tam_bulk2 SET v = '\x00'::bytea || wide(1, 20);
SELECT * FROM toasted('tam_bulk2');

DROP TABLE tam_default, heap_low, tam_low, seen, tam_hot, tam_later, tam_many, tam_shape, tam_plain,
    tam_inline, tam_fired, tam_bulk, tam_bulk2;
DROP FUNCTION wide, toasted, place, tam_trigger, watch_memory;
DROP EXTENSION pageinspect;
