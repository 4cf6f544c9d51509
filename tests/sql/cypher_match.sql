-- Cypher: MATCH. The answers are compared with SQL over the graph's own functions where they are not obvious.
SET client_min_messages = warning;
SELECT ruvector_graph_create('cy_match');
SELECT ruvector_cypher('cy_match', $q$
CREATE (ann:Person:Admin {name: 'Ann', age: 40}), (bob:Person {name: 'Bob', age: 30}),
       (cyd:Person {name: 'Cyd'}), (dan {name: 'Dan', age: 30}),
       (rome:City {name: 'Rome'}), (oslo:City {name: 'Oslo'}),
       (ann)-[:KNOWS {since: 2001}]->(bob), (bob)-[:KNOWS {since: 2005}]->(cyd), (cyd)-[:KNOWS]->(ann),
       (ann)-[:LIVES_IN]->(rome), (bob)-[:LIVES_IN]->(oslo), (cyd)-[:LIVES_IN]->(oslo),
       (ann)-[:LIKES]->(ann), (ann)-[:LIKES]->(bob), (dan)-[:LIKES]->(ann)
$q$);

CREATE FUNCTION cy(query text) RETURNS SETOF jsonb LANGUAGE sql AS
    $$ SELECT r FROM ruvector_cypher('cy_match', query) AS r ORDER BY r::text COLLATE "C" $$;

-- nodes
SELECT cy('MATCH (n) RETURN n.name AS name');
SELECT cy('MATCH (n:Person) RETURN n.name AS name');
SELECT cy('MATCH (n:Admin:Person) RETURN n');
SELECT cy('MATCH (n:Person:City) RETURN n');
SELECT cy('MATCH (n:Nobody) RETURN n');
SELECT cy('MATCH (n {age: 30}) RETURN n.name AS name');
SELECT cy('MATCH (n:Person {age: 30.0, name: ''Bob''}) RETURN n.name AS name');
SELECT cy('MATCH (n {age: null}) RETURN n');
SELECT cy('MATCH (a:City), (b:City) RETURN a.name AS a, b.name AS b');
SELECT cy('MATCH (a:City), (a:City) RETURN a.name AS a');

-- relationships: direction, types, properties
SELECT cy('MATCH (a)-[:KNOWS]->(b) RETURN a.name AS a, b.name AS b');
SELECT cy('MATCH (a)<-[:KNOWS]-(b) RETURN a.name AS a, b.name AS b');
SELECT cy('MATCH (a:Admin)-[r:KNOWS]-(b) RETURN b.name AS b, r.since AS since');
SELECT cy('MATCH (a:Admin)<-[r:KNOWS]->(b) RETURN b.name AS b, type(r) AS t');
SELECT cy('MATCH (a)-[r:KNOWS|LIVES_IN]->(b:City) RETURN a.name AS a, b.name AS b');
SELECT cy('MATCH (a:Admin)-[r:LIKES|:NOTHING|LIKES]->(b) RETURN b.name AS b');
SELECT cy('MATCH (a)-[:NOTHING]->(b) RETURN a');
SELECT cy('MATCH (a)-[r {since: 2001}]->(b) RETURN r');
SELECT cy('MATCH (a)-->(b)-->(c) WHERE a.name = ''Bob'' RETURN b.name AS b, c.name AS c');

-- a loop is one match, whatever the direction
SELECT cy('MATCH (a)-[r:LIKES]->(a) RETURN a.name AS a');
SELECT cy('MATCH (a)-[r:LIKES]-(a) RETURN a.name AS a');
SELECT cy('MATCH (a {name: ''Ann''})-[r:LIKES]-(b) RETURN b.name AS b');
-- each other relationship is two where the direction is open
SELECT cy('MATCH ()-[r]-() RETURN count(*) AS c, count(DISTINCT r) AS r');

-- a relationship is used once in a MATCH, as often as you like in two
SELECT cy('MATCH (a {name: ''Oslo''})<--(b)-->(c) RETURN b.name AS b, c.name AS c');
SELECT cy('MATCH (a:City {name: ''Oslo''})<-[:LIVES_IN]-(b), (c)-[:LIVES_IN]->(a) RETURN b.name AS b, c.name AS c');
SELECT cy('MATCH (a:City {name: ''Oslo''})<-[:LIVES_IN]-(b) MATCH (c)-[:LIVES_IN]->(a) RETURN b.name AS b, c.name AS c');
SELECT cy('MATCH (a)-[:KNOWS]->(b)-[:KNOWS]->(c)-[:KNOWS]->(a) RETURN a.name AS a, b.name AS b, c.name AS c');

-- bound before: nodes, relationships
SELECT cy('MATCH (a:Admin) MATCH (a)-[:KNOWS]->(b) MATCH (b)-[r]->(c:City) RETURN b.name AS b, c.name AS c');
SELECT cy('MATCH (a:Admin), (b:Person) MATCH (a)-[r]->(b) RETURN b.name AS b, type(r) AS t');
SELECT cy('MATCH ()-[r:KNOWS {since: 2005}]->() MATCH (x)-[r]-(y) RETURN x.name AS x, y.name AS y');
SELECT cy('MATCH ()-[r:KNOWS {since: 2005}]->() MATCH (x)<-[r]-(y:Person) RETURN x.name AS x, y.name AS y');
SELECT cy('MATCH ()-[r:KNOWS]->() MATCH ()-[r:LIKES]->() RETURN r');
SELECT cy('MATCH (a)-[r:LIKES]->(b) MATCH (c)-[r]-(c) RETURN c.name AS c');

-- WHERE
SELECT cy('MATCH (n) WHERE n.age > 30 RETURN n.name AS name');
SELECT cy('MATCH (n) WHERE NOT n.age > 30 RETURN n.name AS name');
SELECT cy('MATCH (n) WHERE n.age IS NULL AND NOT n:City RETURN n.name AS name');
SELECT cy('MATCH (a)-[r]->(b) WHERE a.age = b.age + 10 AND type(r) STARTS WITH ''K'' RETURN a.name AS a, b.name AS b');
SELECT cy('MATCH (a:Person), (b) WHERE a.age = b.age AND id(a) <> id(b) RETURN a.name AS a, b.name AS b');
SELECT cy('MATCH (a:Person) WHERE a.name IN [''Ann'', ''Cyd'', null] OR a.age = 30 RETURN a.name AS a');
SELECT cy('MATCH (a:Admin) MATCH (b) WHERE id(b) = id(a) RETURN b.name AS b');
SELECT cy('MATCH (a) WHERE id(a) = 99999999 OR id(a) = -1 RETURN a');
SELECT cy('MATCH (a) WHERE id(a) = ''1'' RETURN a');

-- named paths: nodes and relationships alternate
SELECT cy('MATCH p = (a:Admin)-[:KNOWS]->()-[:LIVES_IN]->(c) RETURN length(p) AS l, [n IN nodes(p) | n.name] AS names,
           [r IN relationships(p) | type(r)] AS types, c.name AS c');
SELECT jsonb_path_query_array(cy, '$.p[*].keyvalue() ? (@.key == "type" || @.key == "labels").value')
FROM cy('MATCH p = (:Person {name: ''Bob''})<-[:KNOWS]-() RETURN p');
SELECT cy('MATCH p = (:City {name: ''Rome''}) RETURN length(p) AS l');

-- OPTIONAL MATCH
SELECT cy('MATCH (a:Person) OPTIONAL MATCH (a)-[:LIKES]->(b) RETURN a.name AS a, b.name AS b');
SELECT cy('MATCH (a:Person) OPTIONAL MATCH (a)-[r:LIKES]->(b) WHERE b.name = ''Bob'' RETURN a.name AS a, b.name AS b, type(r) AS t');
SELECT cy('OPTIONAL MATCH (n:Nobody) RETURN n');
SELECT cy('OPTIONAL MATCH (n:Nobody) MATCH (n)-->(m) RETURN m');
SELECT cy('MATCH (a:Person) OPTIONAL MATCH p = (a)-[:LIKES]->(b) OPTIONAL MATCH (b)-[:LIVES_IN]->(c) RETURN a.name AS a, length(p) AS l, c.name AS c');

-- the plan: where it starts, where predicates go
SELECT regexp_replace(ruvector_cypher_explain('cy_match', 'MATCH (a:Person {name: ''Ann''})-[r:KNOWS]->(b) WHERE id(b) = 2 AND a.age > b.age RETURN a'), ' *\(rows=.*', '');
SELECT regexp_replace(ruvector_cypher_explain('cy_match', 'MATCH (a)-[r]->(b), (b)-->(a) RETURN a'), ' *\(rows=.*', '');
SELECT regexp_replace(ruvector_cypher_explain('cy_match', 'MATCH (a:City) OPTIONAL MATCH (a)<-[r]-(b) WHERE b.age = 1 WITH a, count(r) AS c ORDER BY c LIMIT 3 RETURN a.name AS name, c'), ' *\(rows=.*', '');

-- functions and joins of SQL around it
SELECT p ->> 'name' AS name, count(*) FROM ruvector_cypher('cy_match', 'MATCH (a)-->(b) RETURN a.name AS name') AS p GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM ruvector_cypher('cy_match', 'MATCH (a)-[r]->(b) RETURN id(a) AS a, id(b) AS b, type(r) AS t') c,
    LATERAL ruvector_neighbors('cy_match', (c ->> 'a')::bigint, 'out') n
WHERE n.neighbor_id = (c ->> 'b')::bigint AND n.edge_type = c ->> 't';
SELECT ruvector_cypher('cy_match', 'MATCH (n:City) RETURN n.name AS name ORDER BY name') ->> 'name' AS city, generate_series(1, 2) AS i;
SELECT * FROM ruvector_cypher('cy_match', 'MATCH (n) RETURN n.name AS name ORDER BY name') LIMIT 1;

DROP FUNCTION cy;
SELECT ruvector_graph_delete('cy_match');
