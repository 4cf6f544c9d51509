-- Each invariant of engine/graph/README.md is broken on purpose and found.
-- graphs of this test are numbered from 400 on
ALTER SEQUENCE ruvector.graph_n_seq RESTART 400;
SELECT ruvector_graph_create('c');
SELECT count(ruvector_node_add('c', ARRAY['L' || i % 3], jsonb_build_object('i', i, 's', 'text', 'l', ARRAY[1, 2])))
FROM generate_series(1, 10) i;
SELECT count(ruvector_edge_add('c', i, i % 10 + 1, 'T' || i % 2, '{"w": 1}')) FROM generate_series(1, 10) i;
SELECT * FROM ruvector_graph_check('c');
SELECT * FROM ruvector_graph_check('nobody');

-- triggers do not fire for a superuser who says so
SET session_replication_role = replica;

-- GR-1: an edge without its ends
BEGIN;
DELETE FROM rvg_400.node WHERE id IN (3, 4);
SELECT * FROM ruvector_graph_check('c') ORDER BY 1, 2, 3, 4;
ROLLBACK;

-- GR-2: an edge that an adjacency index does not know
BEGIN;
UPDATE pg_index SET indislive = false, indisready = false WHERE indexrelid = 'rvg_400.edge_out'::regclass;
INSERT INTO rvg_400.edge SELECT 5000, 1, 2, 1, NULL;
UPDATE pg_index SET indislive = true, indisready = true WHERE indexrelid = 'rvg_400.edge_out'::regclass;
SELECT setval('rvg_400.edge_id_seq', 5000);
SELECT * FROM ruvector_graph_check('c') ORDER BY 1, 2, 3, 4;
ROLLBACK;

-- GR-3 (and GR-2): an entry that says something else than its row
BEGIN;
UPDATE pg_index SET indislive = false, indisready = false
WHERE indexrelid IN ('rvg_400.edge_in'::regclass, 'rvg_400.edge_out'::regclass);
ALTER TABLE rvg_400.edge SET (fillfactor = 91);   -- has the change noticed: the update is then HOT
UPDATE rvg_400.edge SET typ = 3 - typ WHERE id = 7;
UPDATE pg_index SET indislive = true, indisready = true
WHERE indexrelid IN ('rvg_400.edge_in'::regclass, 'rvg_400.edge_out'::regclass);
ALTER TABLE rvg_400.edge SET (fillfactor = 90);
SELECT * FROM ruvector_graph_check('c') ORDER BY 1, 2, 3, 4;
ROLLBACK;

-- GR-4: token ids that name nothing
BEGIN;
DELETE FROM rvg_400.label WHERE name = 'L1';
DELETE FROM rvg_400.reltype WHERE name = 'T1';
DELETE FROM rvg_400.propkey WHERE name = 'w';
DELETE FROM rvg_400.labelset WHERE id = 2;
SELECT * FROM ruvector_graph_check('c') ORDER BY 1, 2, 3, 4;
SELECT id, type FROM ruvector_edges WHERE graph = 'c' AND id = 1;
ROLLBACK;

-- GR-5: dictionaries that are none
BEGIN;
INSERT INTO rvg_400.label VALUES (0, 'zero'), (900, '');
INSERT INTO rvg_400.labelset VALUES (901, '{2,1}'), (902, '{1,1}'), (903, '{NULL}');
SELECT * FROM ruvector_graph_check('c') ORDER BY 1, 2, 3, 4;
ROLLBACK;

-- GR-6: bytes that are no property map
BEGIN;
UPDATE rvg_400.node SET props = v.props
FROM (VALUES (1, '\x'::bytea),                                      -- shorter than its header
             (2, '\x02000000'),                                     -- another version
             (3, '\x01000100'),                                     -- ends inside its entries
             (4, '\x01000100010000000c000002'),                     -- integer after the end
             (5, '\x010001000100000000000002'),                     -- integer inside the entries
             (6, '\x010001000100000002000001'),                     -- neither true nor false
             (7, '\x01000100010000000c000004ffffffff'),             -- endless string
             (8, '\x01000100010000000c000005ffffffff'),             -- endless list
             (9, '\x01000100010000000c000063'),                     -- unknown type
             (10, '\x0100020002000000010000010100000001000001')     -- keys out of order
     ) AS v(id, props) WHERE node.id = v.id;
SELECT * FROM ruvector_graph_check('c') ORDER BY 1, 2, 3, 4;
SAVEPOINT a;
SELECT properties FROM ruvector_nodes WHERE graph = 'c' AND id = 7;
ROLLBACK TO a;
\set VERBOSITY sqlstate
SELECT properties FROM ruvector_nodes WHERE graph = 'c' AND id = 8;
\set VERBOSITY default
ROLLBACK;
BEGIN;
UPDATE rvg_400.node SET props = '\x01000100010000000c00000401000000ff' WHERE id = 1;             -- not UTF-8
UPDATE rvg_400.node SET props = ('\x01000100010000000c000005' || repeat('0100000005', 70) || '0100000002')::bytea
WHERE id = 2;                                                                             -- lists without end
SELECT * FROM ruvector_graph_check('c') ORDER BY 1, 2, 3, 4;
ROLLBACK;

-- any bytes: nothing but GR-4 (another key) and GR-6 comes of it, and no crash
BEGIN;
CREATE TEMP TABLE sound ON COMMIT DROP AS SELECT id, props FROM rvg_400.node;
SELECT setseed(0.25);
DO $$
DECLARE
    good int := 0; bad int := 0; other int := 0; r record;
BEGIN
    FOR round IN 1..300 LOOP
        UPDATE rvg_400.node SET props = set_byte(set_byte(props, (random() * (length(props) - 1))::int, (random() * 255)::int),
                                                 (random() * (length(props) - 1))::int, (random() * 255)::int);
        UPDATE rvg_400.node SET props = substr(props, 1, (random() * length(props))::int) || '\x00' WHERE id = round % 10 + 1;
        FOR r IN SELECT n.id, (SELECT array_agg(DISTINCT invariant) FROM ruvector_graph_check('c') c WHERE c.relation = 'node' AND c.id = n.id) AS inv
                 FROM rvg_400.node n LIMIT 10 LOOP
            IF r.inv IS NULL THEN good := good + 1;
            ELSIF r.inv <@ '{GR-4,GR-6}' THEN bad := bad + 1;
            ELSE other := other + 1;
            END IF;
        END LOOP;
        IF round % 5 = 0 THEN   -- start again from good ones
            UPDATE rvg_400.node n SET props = s.props FROM sound s WHERE s.id = n.id;
        END IF;
    END LOOP;
    RAISE NOTICE 'good ones: %, bad ones: %, others: %', good > 50, bad > 500, other;
END $$;
ROLLBACK;

-- GR-7: ids that the sequence will give out again, or never would
BEGIN;
INSERT INTO rvg_400.node VALUES (-5, 1, NULL), (281474976710656, 1, NULL), (7000, 1, NULL);
SELECT * FROM ruvector_graph_check('c') ORDER BY 1, 2, 3, 4;
ROLLBACK;

RESET session_replication_role;
SELECT * FROM ruvector_graph_check('c');
SELECT ruvector_graph_delete('c');
