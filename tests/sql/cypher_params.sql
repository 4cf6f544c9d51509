-- Cypher: parameters.
SET client_min_messages = warning;
SELECT ruvector_graph_create('cy_params');
SELECT ruvector_cypher('cy_params', 'CREATE (a:P $props)-[r:R $rel]->(b:P {name: $name, n: $n})',
    '{"props": {"name": "Ann", "tags": ["x", "y"], "none": null}, "rel": {"w": 1.0}, "name": "O''Hara \"q\"", "n": 5}');
SELECT ruvector_cypher('cy_params', 'MATCH (a)-[r]->(b) RETURN a, r, b');

-- every kind of value comes back as it went in
SELECT ruvector_cypher('cy_params', 'RETURN $a AS a, $b AS b, $c AS c, $d AS d, $e AS e, $f AS f, $g AS g, $`odd name` AS h, $1 AS i',
    '{"a": null, "b": true, "c": 9223372036854775807, "d": 1.0, "e": "text", "f": [1, [2.5, null]], "g": {"k": {"l": []}}, "odd name": 1, "1": "one"}');
SELECT ruvector_cypher('cy_params', 'RETURN $a = 1 AS int, $b = 1 AS float, $a + $a AS sum, $b + $b AS fsum, $m.k[0].z AS deep, $l[-1] AS last',
    '{"a": 1, "b": 1.0, "m": {"k": [{"z": "deep"}]}, "l": [1, 2, 3]}');

-- as predicates, bounds and lists
SELECT ruvector_cypher('cy_params', 'MATCH (n {name: $name}) RETURN n.name AS name', '{"name": "Ann"}');
SELECT ruvector_cypher('cy_params', 'MATCH (n) WHERE n.name IN $names RETURN n.name AS name', '{"names": ["Ann", "Zoe"]}');
SELECT ruvector_cypher('cy_params', 'MATCH (n) WHERE id(n) = $id RETURN n.name = $name AS same',
    (SELECT jsonb_build_object('id', r -> 'id', 'name', r -> 'name') FROM ruvector_cypher('cy_params', 'MATCH (n {n: 5}) RETURN id(n) AS id, n.name AS name') r));
SELECT ruvector_cypher('cy_params', 'UNWIND $rows AS row RETURN row.a AS a ORDER BY a SKIP $s LIMIT $l', '{"rows": [{"a": 3}, {"a": 1}, {"a": 2}, {}], "s": 1, "l": 2}');

-- a value is a value, never query text
SELECT ruvector_cypher('cy_params', 'MATCH (n) WHERE n.name = $x RETURN n', '{"x": "'' OR true //"}');
SELECT ruvector_cypher('cy_params', 'CREATE (n {name: $x}) RETURN n.name AS x', '{"x": "\"}) DETACH DELETE n //"}');

-- missing, even where it is never reached; surplus ones do no harm
SELECT ruvector_cypher('cy_params', 'MATCH (n:Nobody) WHERE n.x = $missing RETURN n', '{"x": 1}');
SELECT ruvector_cypher('cy_params', 'RETURN 1 AS a LIMIT $n');
SELECT ruvector_cypher('cy_params', 'RETURN 1 AS a', '{"x": 1}');

-- wrong ones
SELECT ruvector_cypher('cy_params', 'RETURN 1 AS a', '[1]');
SELECT ruvector_cypher('cy_params', 'MATCH (n) RETURN n LIMIT $n', '{"n": -1}');
SELECT ruvector_cypher('cy_params', 'MATCH (n) RETURN n SKIP $n', '{"n": 1.5}');
SELECT ruvector_cypher('cy_params', 'CREATE (n $p)', '{"p": 1}');
SELECT ruvector_cypher('cy_params', 'CREATE (n $p)', '{"p": {"a": {"b": 1}}}');
SELECT ruvector_cypher('cy_params', 'MATCH (n $p) RETURN n', '{"p": {}}');
SELECT ruvector_cypher('cy_params', 'UNWIND $p AS x RETURN x', '{"p": "text"}');
SELECT ruvector_cypher('cy_params', 'RETURN $p', '{"p": 9223372036854775808}');
SELECT ruvector_graph_delete('cy_params');
