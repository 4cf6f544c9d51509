-- ruvector_tam: index builds run heap's scan loops under a guarded swap of the relation's routine.
SET client_min_messages = warning;
CREATE EXTENSION amcheck;
RESET client_min_messages;
CREATE FUNCTION wide(i int, n int) RETURNS bytea LANGUAGE sql IMMUTABLE
    RETURN decode(repeat(md5(i::text), n), 'hex');
CREATE FUNCTION toasted(rel regclass) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
    EXECUTE format('SELECT count(DISTINCT chunk_id) FROM %s',
        (SELECT reltoastrelid::regclass FROM pg_class WHERE oid = rel)) INTO n;
    RETURN n;
END $$;

CREATE TABLE tam_b (id int, n int, v bytea) USING ruvector_tam WITH (toast_tuple_target = 128);
ALTER TABLE tam_b ALTER v SET STORAGE EXTERNAL;
INSERT INTO tam_b SELECT i, i % 100, wide(i, 32) FROM generate_series(1, 2000) i;
UPDATE tam_b SET n = n + 1 WHERE id % 3 = 0;
DELETE FROM tam_b WHERE id % 10 = 7;

-- every kind of build, plain
CREATE UNIQUE INDEX tam_b_id ON tam_b (id);
CREATE INDEX tam_b_md5 ON tam_b (md5(v));
CREATE INDEX tam_b_partial ON tam_b (n) WHERE length(v) > 100 AND n < 50;
CREATE INDEX tam_b_hash ON tam_b USING hash (n);
CREATE INDEX tam_b_brin ON tam_b USING brin (id) WITH (pages_per_range = 2);
CREATE INDEX tam_b_gin ON tam_b USING gin ((ARRAY[n, id]));
CREATE INDEX tam_b_gist ON tam_b USING gist (point(id, n));
SELECT bt_index_check(i, true) FROM unnest(ARRAY['tam_b_id', 'tam_b_md5', 'tam_b_partial']::regclass[]) i;
SET enable_seqscan = off;
SELECT count(*) FROM tam_b WHERE id BETWEEN 100 AND 199;
SELECT count(*) FROM tam_b WHERE md5(v) = md5(wide(77, 32)) OR md5(v) = md5(wide(78, 32));
SELECT count(*) FROM tam_b WHERE length(v) > 100 AND n < 10;
SELECT count(*) FROM tam_b WHERE n = 5;
SELECT count(*) FROM tam_b WHERE ARRAY[n, id] @> ARRAY[7, 6];
SELECT count(*) FROM tam_b WHERE point(id, n) <@ box '((0,0),(200,200))';
SELECT brin_summarize_new_values('tam_b_brin') >= 0 AS summarized;
RESET enable_seqscan;

-- concurrently, which comes to the validating scan
CREATE UNIQUE INDEX CONCURRENTLY tam_b_cic ON tam_b (id DESC);
CREATE INDEX CONCURRENTLY tam_b_cic_md5 ON tam_b (md5(v)) WHERE n > 3;
REINDEX TABLE CONCURRENTLY tam_b;
REINDEX TABLE tam_b;
SELECT bt_index_check(i, true) FROM unnest(ARRAY['tam_b_cic', 'tam_b_cic_md5', 'tam_b_md5']::regclass[]) i;
SELECT count(*) AS invalid FROM pg_index WHERE indrelid = 'tam_b'::regclass AND NOT indisvalid;
-- the TOAST relation's own index is built the same way
DO $$ BEGIN EXECUTE format('REINDEX TABLE %s', (SELECT reltoastrelid::regclass FROM pg_class WHERE relname = 'tam_b')); END $$;
SELECT count(*) FILTER (WHERE v = wide(id, 32)) = count(*) AS same FROM tam_b;

-- in parallel: leader and workers swap, each in its own relation cache
ALTER TABLE tam_b SET (parallel_workers = 2);
SET max_parallel_maintenance_workers = 2;
SET min_parallel_table_scan_size = 0;
SET client_min_messages = debug1;
CREATE INDEX tam_b_par ON tam_b (md5(v), id);
RESET client_min_messages;
SELECT bt_index_check('tam_b_par', true);
RESET max_parallel_maintenance_workers;
RESET min_parallel_table_scan_size;

-- An index expression that runs SQL. GRANT on the table being indexed has its relation cache entry
-- rebuilt in the middle of the scan, which puts ruvector_tam's routine back; without the callback
-- that renews the swap the scan ends with "only heap AM is supported".
CREATE FUNCTION grant_during_build(id int) RETURNS int LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF id IN (5, 500, 1500) THEN
        GRANT SELECT ON public.tam_b TO pg_monitor;
        REVOKE SELECT ON public.tam_b FROM pg_monitor;
    END IF;
    RETURN id;
END $$;
CREATE FUNCTION innocent(id int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN RETURN public.grant_during_build(id); END $$;
CREATE INDEX tam_b_grant ON tam_b (innocent(id));
CREATE INDEX CONCURRENTLY tam_b_grant_cic ON tam_b (innocent(id)) WHERE innocent(n) >= 0;
SELECT bt_index_check(i, true) FROM unnest(ARRAY['tam_b_grant', 'tam_b_grant_cic']::regclass[]) i;

-- After a build, the table writes as ruvector_tam again: a row of 300 bytes moves out of line.
CREATE PROCEDURE prove_restored() LANGUAGE plpgsql AS $$
DECLARE before bigint := toasted('tam_b');
BEGIN
    INSERT INTO tam_b VALUES (100000 + before, 1, wide(1, 19));
    RAISE NOTICE 'moved out of line: %', toasted('tam_b') - before;
END $$;
CALL prove_restored();

-- An error in the middle of a build: at top level, in a savepoint, in a plpgsql block, nested.
-- either process may come first
\set SHOW_CONTEXT never
CREATE INDEX tam_b_fail ON tam_b ((1 / (id - 1000)));
CALL prove_restored();
BEGIN;
CALL prove_restored();
SAVEPOINT s;
CREATE INDEX tam_b_fail ON tam_b ((1 / (id - 1000)));
ROLLBACK TO s;
\set SHOW_CONTEXT errors
CALL prove_restored();
CREATE INDEX tam_b_good ON tam_b ((1 / (id + 1000)));
CALL prove_restored();
COMMIT;
DO $$
BEGIN
    BEGIN
        CREATE INDEX tam_b_fail ON tam_b ((1 / (id - 1000)));
    EXCEPTION WHEN division_by_zero THEN
        RAISE NOTICE 'caught: %', SQLERRM;
        CALL prove_restored();
    END;
    CALL prove_restored();
END $$;
CREATE INDEX CONCURRENTLY tam_b_fail ON tam_b ((1 / (id - 1000)));
CALL prove_restored();
DROP INDEX tam_b_fail;

-- A build within a build: the index expression itself builds indexes on another table, one of them
-- failing, and brings about a relation cache rebuild of both tables.
CREATE TABLE tam_inner (id int) USING ruvector_tam;
INSERT INTO tam_inner SELECT generate_series(1, 50);
CREATE FUNCTION build_inside(id int) RETURNS int LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF id IN (5, 1500) THEN
        CREATE INDEX tam_inner_i ON public.tam_inner (public.innocent(id));
        DROP INDEX public.tam_inner_i;
        BEGIN
            CREATE INDEX tam_inner_fail ON public.tam_inner ((1 / (id - 20)));
        EXCEPTION WHEN division_by_zero THEN
            RAISE NOTICE 'row %: inner build failed', id;
        END;
    END IF;
    RETURN id;
END $$;
CREATE FUNCTION nested(id int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN RETURN public.build_inside(id); END $$;
CREATE INDEX tam_b_nested ON tam_b (nested(id));
SELECT bt_index_check('tam_b_nested', true);
CALL prove_restored();

-- a unique violation, found by the sort after the scan
-- (which duplicate is named depends on how a parallel sort divides the rows)
\set VERBOSITY terse
CREATE UNIQUE INDEX tam_b_dup ON tam_b (n);
\set VERBOSITY default
CALL prove_restored();
SELECT bt_index_check(indexrelid, true) FROM pg_index JOIN pg_class c ON c.oid = indexrelid
    JOIN pg_am a ON a.oid = relam WHERE amname = 'btree' AND indrelid = 'tam_b'::regclass
    AND indisvalid ORDER BY relname;

DROP TABLE tam_b, tam_inner;
DROP FUNCTION wide, toasted, grant_during_build, innocent, build_inside, nested;
DROP PROCEDURE prove_restored;
DROP EXTENSION amcheck;
