-- Cypher: constructs of the language that are not executed yet: refused with their position, before anything is done.
SET client_min_messages = warning;
SELECT ruvector_graph_create('cy_unsupported');
CREATE FUNCTION cy_error(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    state text; message text;
BEGIN
    PERFORM ruvector_cypher('cy_unsupported', query);
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
    RETURN format('%s %s', state, message);
END $$;

SELECT query, cy_error(query) FROM (VALUES
    (1, 'MERGE (n:A {x: 1}) ON CREATE SET n.y = 1 ON MATCH SET n.z = 2 RETURN n'),
    (2, 'CREATE (n:A) SET n.x = 1'), (3, 'MATCH (n) SET n += {a: 1}, n:B, n = {}'),
    (4, 'MATCH (n) REMOVE n.x, n:A'), (5, 'CREATE (n:A) DELETE n'), (6, 'MATCH (n) DETACH DELETE n'),
    (7, 'CALL db.labels()'), (8, 'CALL db.labels YIELD label AS l WHERE l <> ''x'' RETURN l'), (9, 'CALL { RETURN 1 AS x } RETURN x'),
    (10, 'CREATE (:A) FOREACH (x IN [1, 2] | CREATE (:B {x: x}))'),
    (11, 'MATCH (a)-[*]->(b) RETURN a'), (12, 'MATCH (a)-[r:T*1..3 {x: 1}]-(b) RETURN r'),
    (13, 'MATCH p = shortestPath((a)-[*..5]-(b)) RETURN p'), (14, 'MATCH p = allShortestPaths((a)-[*]-(b)) RETURN p'),
    (15, 'MATCH (a) WHERE (a)-[:T]->() RETURN a'), (16, 'MATCH (a) WHERE NOT exists((a)-->()) RETURN a'),
    (17, 'MATCH (a) WHERE EXISTS { (a)-->(b) WHERE b.x = 1 } RETURN a'), (18, 'MATCH (a) WHERE exists { MATCH (a)-->(b) RETURN b } RETURN a'),
    (19, 'MATCH (a) RETURN [(a)-->(b) WHERE b.x > 1 | b.x] AS l'), (20, 'MATCH (a) RETURN [p = (a)-->(b) | p] AS l'),
    (21, 'MATCH (a) RETURN a {.x, .*, y: 1} AS m'), (22, 'MATCH (a) WHERE a.name =~ ''x.*'' RETURN a'))
    AS q(i, query) ORDER BY i;

-- with the position
SELECT ruvector_cypher('cy_unsupported', 'CREATE (n:A)
WITH n
MATCH (n)-[r:T*]->(m) RETURN m');

-- what is wrong is reported as wrong, not as unsupported
SELECT cy_error('MATCH (a)-[r*]->(r) RETURN r');
SELECT cy_error('MATCH (a)-[*]->(b) RETURN c');

-- and nothing has been done by any of them
SELECT ruvector_cypher('cy_unsupported', 'MATCH (n) RETURN count(*) AS c');
DROP FUNCTION cy_error;
SELECT ruvector_graph_delete('cy_unsupported');
