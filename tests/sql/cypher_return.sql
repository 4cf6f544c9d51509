-- Cypher: RETURN and WITH: columns, aggregation, DISTINCT, ORDER BY, SKIP, LIMIT, UNWIND, UNION.
SET client_min_messages = warning;
SELECT ruvector_graph_create('cy_return');
SELECT ruvector_cypher('cy_return', $q$
CREATE (:P {name: 'a', g: 1, v: 10}), (:P {name: 'b', g: 1, v: 20.5}), (:P {name: 'c', g: 2}),
       (:P {name: 'd', g: 2, v: 10.0}), (:P {name: 'e'})
$q$);
CREATE FUNCTION cy(query text) RETURNS SETOF jsonb LANGUAGE sql AS
    $$ SELECT ruvector_cypher('cy_return', query) $$;

-- columns are named by alias, by variable or by their text
SELECT cy('MATCH (n:P {name: ''a''}) RETURN n.name, n.v AS value, n.g+1,  cOuNt( * )');
SELECT cy('MATCH (n:P {name: ''a''}) RETURN *');
SELECT cy('MATCH (n:P {name: ''a''}) WITH n.name AS x, 1 AS y RETURN *, x + y AS z');

-- ORDER BY: all values have an order, null comes last
SELECT cy('MATCH (n:P) RETURN n.name AS name ORDER BY n.v, name DESC');
SELECT cy('MATCH (n:P) RETURN n.name AS name ORDER BY n.g DESC, n.v DESC, n.name');
SELECT cy('UNWIND [1, 1.5, ''x'', true, null, [1], {a: 1}, false, -3, ''X'', [0, 9], 0.0/0, 9223372036854775807, 9.3e18] AS x RETURN x ORDER BY x');
SELECT cy('UNWIND [[1, 2], [1], [], [1, null], [1, ''a'']] AS x RETURN x ORDER BY x DESC');
SELECT cy('UNWIND [9007199254740993, 9007199254740992.0, -9007199254740993, -9007199254740992.0] AS x RETURN x ORDER BY x');
SELECT cy('MATCH (n:P) WITH n ORDER BY n.name DESC LIMIT 2 RETURN n.name AS name');
SELECT cy('MATCH (n:P) RETURN n.name AS g ORDER BY n.g, g');

-- SKIP, LIMIT
SELECT cy('MATCH (n:P) RETURN n.name AS name ORDER BY name SKIP 1 LIMIT 2');
SELECT cy('MATCH (n:P) RETURN n.name AS name ORDER BY name SKIP 4');
SELECT cy('MATCH (n:P) RETURN n.name AS name SKIP 10');
SELECT cy('MATCH (n:P) RETURN n.name AS name LIMIT 0');
SELECT cy('MATCH (n:P) RETURN n.name AS name ORDER BY name LIMIT size([1, 2]) + 1');

-- aggregates and groups; null is no value, an empty input is one group without keys
SELECT cy('MATCH (n:P) RETURN count(*) AS n, count(n.v) AS c, count(DISTINCT n.v) AS d, sum(n.v) AS s, avg(n.v) AS a, min(n.v) AS mi, max(n.v) AS ma, collect(n.v) AS l');
SELECT cy('MATCH (n:Q) RETURN count(*) AS n, count(n.v) AS c, sum(n.v) AS s, avg(n.v) AS a, min(n.v) AS mi, collect(n.v) AS l');
SELECT cy('MATCH (n:Q) RETURN n.g AS g, count(*) AS c');
SELECT cy('MATCH (n:P) RETURN n.g AS g, count(*) AS c, collect(n.name) AS l ORDER BY g');
SELECT cy('MATCH (n:P) RETURN n.g AS g, count(*) AS c ORDER BY count(*) DESC, n.g');
SELECT cy('MATCH (n:P) RETURN n.g, count(*) + n.g * 10 AS c ORDER BY c');
SELECT cy('MATCH (n:P) RETURN n.g AS g, count(*) + 1 AS c ORDER BY count(*)');
SELECT cy('MATCH (n:P) RETURN n.g, sum(n.v) AS s ORDER BY n.g DESC');
SELECT cy('UNWIND [1, 1.0, ''1'', null, null, [1], [1.0]] AS x RETURN x, count(*) AS c ORDER BY x');
SELECT cy('UNWIND [0.0, -0.0, 0, 0.0/0, -0.0/0] AS x RETURN count(DISTINCT x) AS d');
SELECT cy('UNWIND [''b'', ''a'', 2, 1.5, null] AS x RETURN min(x) AS mi, max(x) AS ma');
SELECT cy('UNWIND [1, 2, 2, 3] AS x RETURN sum(DISTINCT x) AS s, collect(DISTINCT x) AS l, avg(x) AS a');
SELECT cy('MATCH (n:P) WITH n.g AS g, count(*) AS c WHERE c > 1 RETURN g, c ORDER BY g');
SELECT cy('MATCH (n:P) RETURN size(collect(n.name)) AS s, [x IN collect(n.v) WHERE x > 10 | x] AS l');
SELECT cy('UNWIND [9223372036854775807, 1] AS x RETURN sum(x)');
SELECT cy('UNWIND [1, ''x''] AS x RETURN sum(x)');

-- DISTINCT
SELECT cy('MATCH (n:P) RETURN DISTINCT n.g AS g ORDER BY g');
SELECT cy('MATCH (n:P) RETURN DISTINCT n.g AS g ORDER BY n.g DESC LIMIT 1');
SELECT cy('UNWIND [1, 1.0, null, null, ''1'', [null], [null]] AS x WITH DISTINCT x RETURN count(*) AS c');

-- WITH: its names replace what was there; WHERE and ORDER BY still see what was
SELECT cy('MATCH (n:P) WITH n.name AS name, n.v AS v WHERE n.g = 1 RETURN name, v ORDER BY name');
SELECT cy('WITH 1 AS x, 2 AS y WITH y AS x, x AS y RETURN x, y');
SELECT cy('MATCH (n:P) WITH n, n.v * 2 AS w ORDER BY w SKIP 1 LIMIT 1 RETURN n.name AS name, w');

-- UNWIND
SELECT cy('UNWIND [1, [2, 3], null] AS x RETURN x');
SELECT cy('UNWIND [] AS x RETURN x');
SELECT cy('UNWIND null AS x RETURN x');
SELECT cy('UNWIND [[1, 2], [3]] AS x UNWIND x AS y RETURN y, size(x) AS s');
SELECT cy('UNWIND range(5, 1, -2) AS x RETURN collect(x) AS l');

-- UNION
SELECT cy('RETURN 1 AS x UNION ALL RETURN 1.0 AS x UNION ALL RETURN 1 AS x');
SELECT cy('RETURN 1 AS x, 2 AS y UNION RETURN 1.0 AS x, 2 AS y UNION RETURN 2 AS x, 1 AS y');
SELECT cy('MATCH (n:P {name: ''a''}) RETURN n UNION MATCH (n:P {g: 1}) RETURN n');

-- what does not fit into memory goes to disk, with the same answers
SET work_mem = '64kB';
SELECT cy('UNWIND range(1, 20000) AS i WITH i % 7000 AS k, count(*) AS c, sum(i) AS s, count(DISTINCT i % 14000) AS d
           RETURN count(*) AS groups, sum(c) AS rows, sum(s) AS total, collect(DISTINCT c) AS c, collect(DISTINCT d) AS d');
SELECT cy('UNWIND range(1, 20000) AS i WITH DISTINCT toString(i % 9000) AS s RETURN count(*) AS c, min(s) AS mi, max(s) AS ma');
SELECT cy('UNWIND range(1, 20000) AS i RETURN count(DISTINCT toString(i % 9000)) AS c');
SELECT cy('UNWIND range(1, 20000) AS i WITH toString(i) AS s ORDER BY s DESC SKIP 19997 RETURN s');
SELECT cy('UNWIND range(1, 20000) AS i WITH toString(i) AS s ORDER BY s LIMIT 2 RETURN s');
RESET work_mem;

DROP FUNCTION cy;
SELECT ruvector_graph_delete('cy_return');
