-- Cypher: CREATE: what it makes, what sees it, what it refuses.
SET client_min_messages = warning;
SELECT ruvector_graph_create('cy_create');
CREATE FUNCTION cy(query text) RETURNS SETOF jsonb LANGUAGE sql AS
    $$ SELECT ruvector_cypher('cy_create', query) $$;
CREATE FUNCTION cy_counts() RETURNS TABLE (nodes bigint, edges bigint) LANGUAGE sql AS $$
    SELECT (ruvector_cypher('cy_create', 'MATCH (n) RETURN count(*) AS c') ->> 'c')::bigint,
           (ruvector_cypher('cy_create', 'MATCH ()-[r]->() RETURN count(*) AS c') ->> 'c')::bigint $$;
CREATE FUNCTION cy_error(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    state text; type text; detail text; message text;
BEGIN
    PERFORM ruvector_cypher('cy_create', query);
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, type = PG_DATATYPE_NAME,
        detail = CONSTRAINT_NAME, message = MESSAGE_TEXT;
    RETURN format('%s [%s:%s] %s', state, type, detail, message);
END $$;

-- without RETURN there are no rows
SELECT cy('CREATE ()');
SELECT cy('CREATE (a:A:B {x: 1, y: null, z: [1, 2.5, ''s'', true]}) RETURN a, keys(a) AS k, a.y IS NULL AS n');
SELECT cy('CREATE (a)-[r:T {w: 0.5}]->(b:B)<-[:U]-(a) RETURN id(a) AS a, r, labels(b) AS b');
SELECT cy('CREATE p = (:X {i: 1})-[:T]->(:X {i: 2})<-[:T]-(:X {i: 3}) RETURN [n IN nodes(p) | n.i] AS i, length(p) AS l');
SELECT * FROM cy_counts();

-- bound nodes, one creation per row, labels and types given twice
SELECT cy('MATCH (x:X) CREATE (x)-[:HAS]->(y:Y:Y {of: x.i}) RETURN x.i AS x, y.of AS y, labels(y) AS l ORDER BY x');
SELECT cy('MATCH (x:X)-[:HAS]->(y:Y) RETURN x.i AS x, y.of AS y ORDER BY x');
SELECT cy('UNWIND range(1, 1000) AS i CREATE (:N {i: i}) RETURN count(*) AS c, sum(i) AS s');
SELECT cy('MATCH (a:N), (b:N {i: 7}) WHERE a.i < 7 CREATE (a)-[:TO]->(b)');
SELECT cy('MATCH (:N)-[:TO]->(b) RETURN b.i AS b, count(*) AS c');
SELECT cy('MATCH (a:N {i: 1}) CREATE (a)-[:LOOP]->(a) RETURN id(a) = id(a) AS same');

-- a clause does not see what it makes, the next one does
SELECT cy('MATCH (n:N) CREATE (:N {i: -n.i})');
SELECT cy('MATCH (n:N) RETURN count(*) AS c, sum(n.i) AS s');
SELECT cy('CREATE (:V {i: 1}) CREATE (:V {i: 2}) WITH 1 AS one MATCH (v:V) RETURN count(*) AS c');
SELECT cy('CREATE (v:W {i: 1}) CREATE (v)-[:T]->(w:W {i: v.i + 1}) WITH w MATCH (x)-[:T]->(w) RETURN x.i AS x, w.i AS w');
SELECT cy('MATCH (v:V) CREATE (:V2 {i: v.i}) WITH v MATCH (x:V2) RETURN v.i AS v, x.i AS x ORDER BY v, x');
-- properties may use what stands before them in the same clause
SELECT cy('CREATE (a:S {i: 3}), (b:S {i: a.i * 2})-[r:T {i: a.i + b.i}]->(a) RETURN b.i AS b, r.i AS r');
-- LIMIT 0 and a caller that stops early: everything is made all the same
SELECT cy('UNWIND [1, 2, 3] AS i CREATE (:L {i: i}) RETURN i LIMIT 0');
SELECT * FROM ruvector_cypher('cy_create', 'UNWIND [1, 2, 3] AS i CREATE (l:L {i: i}) RETURN l.i AS i') LIMIT 1;
SELECT cy('MATCH (l:L) RETURN count(*) AS c');
SELECT cy('CREATE (a:U {i: 1}) RETURN a.i AS i UNION ALL CREATE (a:U {i: 2}) RETURN a.i AS i');
SELECT cy('MATCH (u:U) RETURN count(*) AS c');

-- transactions
BEGIN;
SELECT cy('CREATE (:Tx)');
SELECT cy('MATCH (t:Tx) RETURN count(*) AS c');
SAVEPOINT s;
SELECT cy('CREATE (:Tx)');
ROLLBACK TO s;
SELECT cy('MATCH (t:Tx) RETURN count(*) AS c');
ROLLBACK;
SELECT cy('MATCH (t:Tx) RETURN count(*) AS c');
SELECT cy('UNWIND [1, 0] AS i CREATE (:Tx {x: 1 / i})');
SELECT cy('MATCH (t:Tx) RETURN count(*) AS c');
BEGIN READ ONLY;
SELECT cy('MATCH (l:L) RETURN count(*) AS c');
SELECT cy('CREATE ()');
ROLLBACK;

-- what it refuses
SELECT query, cy_error(query) FROM (VALUES
    (1, 'MATCH (a:L) CREATE (a)'), (2, 'MATCH (a:L) CREATE (a:M)-[:T]->()'), (3, 'MATCH (a:L) CREATE (a {x: 1})-[:T]->()'),
    (4, 'CREATE (a), (a)'), (5, 'CREATE (a)-[:T]->(b), (a:X)-[:T]->(b)'), (6, 'MATCH ()-[r:T]->() CREATE ()-[r:T]->()'),
    (7, 'CREATE ()-[]->()'), (8, 'CREATE ()-[:A|B]->()'), (9, 'CREATE ()-[:A]-()'), (10, 'CREATE ()<-[:A]->()'),
    (11, 'CREATE ()-[:A*2]->()'), (12, 'CREATE (a {x: b.x}), (b)'), (13, 'CREATE (a)-[:T]->(b {x: missing})'),
    (14, 'WITH 1 AS a CREATE (a)-[:T]->()'), (15, 'CREATE (a {x: {y: 1}})'), (16, 'MATCH (l:L) CREATE ({x: l})'),
    (17, 'CREATE ({x: [1, null]})'), (18, 'OPTIONAL MATCH (z:Zero) CREATE (z)-[:T]->()'), (19, 'WITH ''x'' AS a CREATE ({x: a.y})'),
    (20, 'CREATE p = (), p = ()'))
    AS q(i, query) ORDER BY i;

-- privileges: of the caller, on the graph's tables
CREATE ROLE cy_reader;
SET ROLE cy_reader;
SELECT cy_error('MATCH (n) RETURN count(*) AS c') LIKE '42501%' AS refused;
RESET ROLE;
DO $$
DECLARE s text := (SELECT schema FROM ruvector_graph_list() WHERE name = 'cy_create');
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO cy_reader', s);
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO cy_reader', s);
END $$;
SET ROLE cy_reader;
SELECT ruvector_cypher('cy_create', 'MATCH (n:L) RETURN count(*) AS c');
SELECT cy_error('CREATE ()') LIKE '42501%' AS refused;
RESET ROLE;

DROP FUNCTION cy, cy_counts, cy_error;
SELECT ruvector_graph_delete('cy_create');
DROP ROLE cy_reader;
