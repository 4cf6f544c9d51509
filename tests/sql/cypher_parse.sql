-- Cypher: what the scanner, the grammar and the semantic pass accept and refuse.
SET client_min_messages = warning;
SELECT ruvector_graph_create('cy_parse');

-- how a query fails: SQLSTATE, [TYPE:DETAIL] from the error's own fields, message
CREATE FUNCTION cy_error(query text, params jsonb DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    state text; type text; detail text; message text;
BEGIN
    PERFORM ruvector_cypher('cy_parse', query, params);
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, type = PG_DATATYPE_NAME,
        detail = CONSTRAINT_NAME, message = MESSAGE_TEXT;
    RETURN format('%s [%s:%s] %s', state, type, detail, message);
END $$;

-- the position points into the query's text, in characters
SELECT ruvector_cypher('cy_parse', 'MATCH (n) RETRUN n');
SELECT ruvector_cypher('cy_parse', 'RETURN ''äöü日本'' AS x, 1 +');
SELECT ruvector_cypher('cy_parse', 'MATCH (日本語)
RETURN 日本語.x, missing');
SELECT ruvector_cypher_explain('cy_parse', 'MATCH (n) WHERE m.x = 1 RETURN n');

-- scanner: numbers, strings, names, comments
SELECT ruvector_cypher('cy_parse', 'RETURN 0x1F AS a, -0x8000000000000000 AS b, 0o17 AS c, .5 AS d, 1e3 AS e,
    6.02E-3 AS f, -9223372036854775808 AS g, [1, 2, 3, 4][1..3] AS h, - - 2 AS i');
SELECT ruvector_cypher('cy_parse', $q$RETURN 'a\'b' AS a, "c\"d" AS b, 'tab\there' AS c, '\u00e9\U0001F600' AS d, '\uD83D\uDE00' AS e$q$);
SELECT ruvector_cypher('cy_parse', $q$RETURN /* one */ 1 /**/ AS `odd ``name` // to the end
    , 2 AS `` /* *** */$q$);
SELECT ruvector_cypher('cy_parse', E'\u00a0RETURN\u20031\u3000AS x;');
SELECT ruvector_cypher('cy_parse', 'return {match: 1, NULL: 2, order: 3}.order as end');
SELECT query, cy_error(query) FROM (VALUES
    (1, 'RETURN 9223372036854775808'), (2, 'RETURN -9223372036854775809'), (3, 'RETURN 0x8000000000000000'),
    (4, 'RETURN 1e400'), (5, 'RETURN 12abc'), (6, 'RETURN 0x'), (7, 'RETURN {1a: 2}'),
    (8, 'RETURN ''open'), (9, 'RETURN "open'), (10, 'RETURN `open'), (11, 'RETURN 1 /* open'),
    (12, 'RETURN ''\q'''), (13, 'RETURN ''\u12'''), (14, 'RETURN ''\u0000'''), (15, 'RETURN ''\uD83D'''),
    (16, E'RETURN 42 \u2014 41'), (17, E'RETURN \u201cx\u201d'), (18, 'RETURN 1 # 2'),
    (19, 'RETURN --9223372036854775808'))
    AS q(i, query) ORDER BY i;

-- grammar
SELECT query, cy_error(query) FROM (VALUES
    (1, ''), (2, 'RETURN'), (3, 'MATCH (n RETURN n'), (4, 'MATCH (n)-[r->() RETURN n'), (5, 'RETURN 1 2'),
    (6, 'RETURN [1, 2'), (7, 'RETURN {a: 1,}'), (8, 'RETURN (1 + 2'), (9, 'MATCH (a)-[:T..]->(b) RETURN a'),
    (10, 'MATCH (a)-[*-2]->(b) RETURN a'), (11, 'RETURN 1; RETURN 2'), (12, 'RETURN a.1'), (13, 'CREATE (n) SET 1 = 2'),
    (14, 'MATCH (n) REMOVE n'), (15, 'RETURN CASE 1 END'), (16, 'RETURN 1 AS'), (17, 'RETURN 1 = = 2'),
    (18, 'RETURN any(x IN [1])'), (19, 'MATCH (n) RETURN (n)-->()'), (20, 'RETURN [1][](2)'))
    AS q(i, query) ORDER BY i;

-- depth and length
SELECT cy_error('RETURN ' || repeat('(', 100000) || '1' || repeat(')', 100000));
SELECT cy_error('RETURN ' || repeat('[', 500) || repeat(']', 500) || ' AS x');
SELECT cy_error('RETURN 1' || repeat(' + 1', 250000) || ' AS x');
SELECT length(ruvector_cypher('cy_parse', 'RETURN ''' || repeat('x', 1000000) || ''' AS x') ->> 'x');

-- variables
SELECT query, cy_error(query) FROM (VALUES
    (1, 'RETURN x'), (2, 'MATCH (n) WITH n.x AS y RETURN n'), (3, 'MATCH (n)-[n]->() RETURN n'),
    (4, 'MATCH ()-[r]->(), (r) RETURN r'), (5, 'MATCH p = (p) RETURN p'), (6, 'MATCH (p) MATCH p = () RETURN p'),
    (7, 'MATCH ()-[r]->()-[r]->() RETURN r'), (8, 'WITH 1 AS n MATCH (n) RETURN n'), (9, 'MATCH (n) UNWIND [1] AS n RETURN n'),
    (10, 'MATCH p = ()-->() MATCH (p) RETURN 1'), (11, 'RETURN *'), (12, 'RETURN 1 AS a, 2 AS a'),
    (13, 'MATCH (n) WITH n.x RETURN 1'), (14, 'WITH [1] AS r MATCH ()-[r]->() RETURN r'),
    (15, 'MATCH (n {x: $p}) RETURN n'), (16, 'MATCH (n $p) RETURN n'))
    AS q(i, query) ORDER BY i;

-- types
SELECT query, cy_error(query) FROM (VALUES
    (1, 'RETURN 1 AND true'), (2, 'RETURN NOT ''x'''), (3, 'RETURN true XOR [1]'), (4, 'MATCH (n) WHERE n RETURN n'),
    (5, 'MATCH (n) WHERE 1 RETURN n'), (6, 'RETURN 1 IN 2'), (7, 'WITH 1 AS x RETURN x.y'), (8, 'MATCH p = () RETURN p.x'),
    (9, 'MATCH (n) RETURN length(n)'), (10, 'MATCH (n) RETURN type(n)'), (11, 'MATCH p = () RETURN labels(p)'),
    (12, 'RETURN -''x'''), (13, 'RETURN 1 - [2]'), (14, 'RETURN 1[0]'), (15, 'RETURN all(x IN [1, 2] WHERE x)'),
    (16, 'UNWIND 1 AS x RETURN x'), (17, 'RETURN nosuch(1)'), (18, 'RETURN size()'), (19, 'RETURN size(1)'),
    (20, 'RETURN toUpper(DISTINCT ''x'')'))
    AS q(i, query) ORDER BY i;

-- aggregates
SELECT query, cy_error(query) FROM (VALUES
    (1, 'MATCH (n) WHERE count(n) > 1 RETURN n'), (2, 'RETURN count(count(*))'), (3, 'RETURN count(rand())'),
    (4, 'MATCH (a)--(b) RETURN a.x + count(b)'), (5, 'MATCH (a)--(b) RETURN a.x + b.x, a.x + b.x + count(*)'),
    (6, 'MATCH (n) RETURN n ORDER BY count(*)'), (7, 'RETURN [x IN [1] | count(x)]'), (8, 'RETURN sum(*)'),
    (9, 'MATCH (n) RETURN DISTINCT n.x AS x ORDER BY n.y'), (10, 'MATCH (n) WITH count(*) AS c ORDER BY n.x RETURN c'),
    (11, 'RETURN count()'), (12, 'UNWIND [count(1)] AS x RETURN x'))
    AS q(i, query) ORDER BY i;

-- SKIP and LIMIT, clauses, UNION
SELECT query, cy_error(query) FROM (VALUES
    (1, 'MATCH (n) RETURN n LIMIT -1'), (2, 'MATCH (n) RETURN n SKIP 1.5'), (3, 'MATCH (n) RETURN n LIMIT n.x'),
    (4, 'MATCH (n) RETURN n LIMIT ''x'''), (5, 'MATCH (n)'), (6, 'RETURN 1 AS x MATCH (n) RETURN n'),
    (7, 'CREATE (a) MATCH (b) RETURN b'), (8, 'RETURN 1 AS a UNION RETURN 2 AS b'),
    (9, 'RETURN 1 AS a UNION RETURN 2 AS a UNION ALL RETURN 3 AS a'), (10, 'CREATE () UNION CREATE ()'),
    (11, 'WITH 1 AS x'))
    AS q(i, query) ORDER BY i;

-- nothing that fails to compile is executed
SELECT cy_error('CREATE (a) RETURN missing'), cy_error('CREATE (a)-[:T*2]->(b)');
SELECT ruvector_cypher('cy_parse', 'MATCH (n) RETURN count(*) AS c');

SELECT ruvector_cypher(NULL, 'RETURN 1');
SELECT ruvector_cypher('cy_parse', NULL);
SELECT ruvector_cypher('cy_none', 'RETURN 1 AS x');
DROP FUNCTION cy_error;
SELECT ruvector_graph_delete('cy_parse');
