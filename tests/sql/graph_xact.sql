-- Graphs and transactions: visibility, savepoints, and what the backend remembers.
-- graphs of this test are numbered from 200 on
ALTER SEQUENCE ruvector.graph_n_seq RESTART 200;
SELECT ruvector_graph_create('x');

-- rows of one command can be linked by the same command
SELECT ruvector_edge_add('x', ruvector_node_add('x', '{A}'), ruvector_node_add('x', '{B}'), 'T') AS edge;
SELECT id, labels FROM ruvector_nodes WHERE graph = 'x' ORDER BY id;

-- a command does not see its own rows, the next one does
SELECT (SELECT count(*) FROM ruvector_nodes WHERE graph = 'x') AS before,
       ruvector_node_add('x') AS id,
       (SELECT count(*) FROM ruvector_nodes WHERE graph = 'x') AS still;
SELECT count(*) FROM ruvector_nodes WHERE graph = 'x';

-- own rows before commit, gone after rollback
BEGIN;
SELECT ruvector_node_add('x', '{New}', '{"newkey": 1}') AS id;
SELECT labels, properties FROM ruvector_nodes WHERE graph = 'x' AND 'New' = ANY (labels);
ROLLBACK;
SELECT labels, properties FROM ruvector_nodes WHERE graph = 'x' AND 'New' = ANY (labels);
SELECT name FROM rvg_200.label ORDER BY id;

-- the id of a token that was rolled back is given out again: nothing may remember the old name
SELECT ruvector_node_add('x', '{Other}', '{"otherkey": 2}') > 0 AS added;
SELECT labels, properties FROM ruvector_nodes WHERE graph = 'x' AND 'Other' = ANY (labels);
SELECT name FROM rvg_200.label ORDER BY id;

-- the same inside one transaction
BEGIN;
SAVEPOINT a;
SELECT ruvector_node_add('x', '{Sub}') > 0 AS added;
ROLLBACK TO a;
SELECT ruvector_node_add('x', '{Sub2}') > 0 AS added;
SELECT labels FROM ruvector_nodes WHERE graph = 'x' AND labels @> '{Sub2}';
SELECT labels FROM ruvector_nodes WHERE graph = 'x' AND labels @> '{Sub}';
COMMIT;

-- and inside one command, where the token never became visible
DO $$
BEGIN
    BEGIN
        PERFORM ruvector_node_add('x', '{Lost}'), 1 / (ruvector_node_add('x', '{Lost2}') * 0);
    EXCEPTION WHEN division_by_zero THEN
        NULL;
    END;
    PERFORM ruvector_node_add('x', '{Kept}');
END $$;
SELECT labels FROM ruvector_nodes WHERE graph = 'x' AND 'Kept' = ANY (labels);
SELECT name FROM rvg_200.label ORDER BY id;
SELECT * FROM ruvector_graph_check('x');

-- a graph whose creation is rolled back
BEGIN;
SELECT ruvector_graph_create('y');
SELECT ruvector_node_add('y', '{A}') AS id;
ROLLBACK;
SELECT ruvector_node_add('y', '{A}');
BEGIN;
SAVEPOINT a;
SELECT ruvector_graph_create('y');
SELECT ruvector_node_add('y', '{A}') AS id;
ROLLBACK TO a;
SELECT ruvector_graph_create('y');
SELECT ruvector_node_add('y', '{B}') AS id;
COMMIT;
SELECT id, labels FROM ruvector_nodes WHERE graph = 'y';

-- a deletion that is rolled back
BEGIN;
SELECT ruvector_graph_delete('y');
SELECT count(*) FROM ruvector_nodes WHERE graph = 'y';
ROLLBACK;
SELECT id, labels FROM ruvector_nodes WHERE graph = 'y';

-- a graph replaced by another of the same name
BEGIN;
SELECT ruvector_graph_delete('y');
SELECT ruvector_graph_create('y');
SELECT ruvector_node_add('y', '{C}') AS id;
COMMIT;
SELECT id, labels FROM ruvector_nodes WHERE graph = 'y';

-- a graph cannot go while a cursor reads it
BEGIN;
DECLARE c CURSOR FOR SELECT id, labels FROM ruvector_nodes WHERE graph = 'y';
FETCH 1 FROM c;
SELECT ruvector_graph_delete('y');
ROLLBACK;

-- prepared transactions: the token is neither there nor gone
BEGIN;
SELECT ruvector_node_add('x', '{Prepared}') > 0 AS added;
PREPARE TRANSACTION 'graph_xact';
SELECT count(*) FROM ruvector_nodes WHERE graph = 'x' AND 'Prepared' = ANY (labels);
ROLLBACK PREPARED 'graph_xact';
SELECT ruvector_node_add('x', '{NotPrepared}') > 0 AS added;
SELECT labels FROM ruvector_nodes WHERE graph = 'x' AND 'NotPrepared' = ANY (labels);
SELECT * FROM ruvector_graph_check('x');

SELECT ruvector_graph_delete('x');
SELECT ruvector_graph_delete('y');
