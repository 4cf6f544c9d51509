-- Cypher: expressions: precedence, three-valued logic, numbers, strings, lists, maps, functions.
SET client_min_messages = warning;
SELECT ruvector_graph_create('cy_expr');
-- one value, or how the expression fails
CREATE FUNCTION ex(expr text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    state text; type text; detail text; message text;
BEGIN
    RETURN ruvector_cypher('cy_expr', 'RETURN ' || expr || ' AS x') -> 'x';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, type = PG_DATATYPE_NAME,
        detail = CONSTRAINT_NAME, message = MESSAGE_TEXT;
    RETURN format('%s [%s:%s] %s', state, type, detail, message);
END $$;

-- numbers: integers are checked, floats are IEEE's
SELECT e, ex(e) FROM unnest(ARRAY[
    '1 + 2 * 3', '(1 + 2) * 3', '7 / 2', '-7 / 2', '7.0 / 2', '7 % 4', '-7 % 4', '7.5 % 2', '2 ^ 3', '2 ^ 3 ^ 2', '-2 ^ 2',
    '9223372036854775807 + 1', '-9223372036854775808 - 1', '9223372036854775807 * 2', '-(-9223372036854775808)',
    '-9223372036854775808 / -1', '-9223372036854775808 % -1', '1 / 0', '1 % 0', '1.0 / 0', '-1 / 0.0', '0.0 / 0', '1.5e308 * 10',
    '1.0', '1e20', '0.1 + 0.2', '-0.0', '1 + null', '1 + ''a''', '''a'' + 1.5', '''a'' + true', '1 - ''a''',
    'abs(-3)', 'abs(-9223372036854775808)', 'sign(-2.5)', 'round(-1.5)', 'round(0.49999999999999994)', 'ceil(1.1)', 'floor(-1.1)', 'sqrt(-1)'
    ]) AS e;

-- logic and comparison: null is unknown
SELECT e, ex(e) FROM unnest(ARRAY[
    'true AND null', 'false AND null', 'true OR null', 'false OR null', 'null XOR true', 'NOT null', 'true XOR true OR true',
    'NOT true = false', '1 < 2 < 3', '1 < 3 < 2', '(1 < 3) = true', '1 < null < 0', '3 > null > 1',
    '1 = 1.0', '9007199254740993 = 9007199254740992.0', '9007199254740993 > 9007199254740992.0', '9223372036854775807 < 9223372036854775808.0',
    '1 = ''1''', '1 < ''1''', '''a'' < ''b''', 'true > false', 'true > 0', 'null = null', 'null <> null',
    '0.0 / 0 = 0.0 / 0', '0.0 / 0 <> 0.0 / 0', '0.0 / 0 > 1', '0.0 / 0 <= 1', '0.0 = -0.0',
    '[1, 2] = [1, 2]', '[1, null] = [1, 2]', '[1, null] = [2, null]', '[1] = [1, null]', '[1, 2] < [1, 3]', '[1, null] < [1, 2]', '[1] < [1, null]',
    '{a: 1} = {a: 1.0}', '{a: 1} = {b: 1}', '{a: null} = {a: null}', '{a: 1, b: 2} = {b: 2, a: 1}',
    'null IS NULL', '1 IS NOT NULL', '1 IN [1, null]', '2 IN [1, null]', 'null IN []', 'null IN [1]', '[1] IN [[1], 2]', '1 IN null'
    ]) AS e;

-- strings
SELECT e, ex(e) FROM unnest(ARRAY[
    '''abc'' STARTS WITH ''ab''', '''abc'' ENDS WITH ''bc''', '''abc'' CONTAINS ''''', '''abc'' CONTAINS ''d''', '''ab'' STARTS WITH ''abc''',
    '1 STARTS WITH ''1''', 'null CONTAINS ''x''', '''äöü'' + ''日本''', 'size(''日本'')', 'toUpper(''aBc'')', 'toLower(''aBc'')',
    'substring(''日本語'', 1)', 'substring(''日本語'', 1, 1)', 'substring(''abc'', 5)', 'substring(''abc'', -1)', 'left(''日本語'', 2)', 'right(''日本語'', 2)',
    'right(''ab'', 5)', 'reverse(''日本語'')', 'replace(''aXbX'', ''X'', ''--'')', 'replace(''abc'', '''', ''x'')', 'split(''a,b,,c'', '','')',
    'trim(''  a b  '')', 'ltrim(''  a'') + rtrim(''b  '')', 'toString(1)', 'toString(1.0)', 'toString(true)', 'toString([1])',
    'toInteger(''42'')', 'toInteger(''4.7'')', 'toInteger(''x'')', 'toInteger(4.9)', 'toInteger(1e30)', 'toInteger(''9223372036854775807'')', 'toInteger(true)',
    'toFloat(''1.5'')', 'toFloat(2)', 'toFloat(''0x10'')', 'toFloat(''nan'')', 'toBoolean(''TRUE'')', 'toBoolean(''yes'')', 'toBoolean(1)', 'toUpper(1)', 'toUpper(null)'
    ]) AS e;

-- lists, maps, CASE, comprehensions
SELECT e, ex(e) FROM unnest(ARRAY[
    '[1, 2, 3][0]', '[1, 2, 3][-1]', '[1, 2, 3][3]', '[1, 2, 3][null]', 'null[0]', '[1, 2, 3][0.5]', '[1, 2, 3][1..]', '[1, 2, 3][..-1]', '[1, 2, 3][-2..5]',
    '[1, 2, 3][2..1]', '[1, 2, 3][null..1]', '[1] + [2]', '[1] + 2', '1 + [2]', '[1] + null', 'size([1, null])', 'head([])', 'last([1, 2])', 'tail([1, 2, 3])',
    'reverse([1, ''a'', null])', 'range(1, 3)', 'range(3, 1)', 'range(1, 10, 4)', 'range(1, 3, 0)', 'range(1, 2.5)', 'range(9223372036854775806, 9223372036854775807)',
    '{a: 1, b: {c: [2]}}.b.c[0]', '{a: 1}.z', '{a: 1}[''a'']', '{a: 1}[1]', '{a: 1, a: 2}', 'keys({b: 1, a: null})', 'properties({a: 1})', 'null.a',
    'CASE 2 WHEN 1 THEN ''one'' WHEN 2.0 THEN ''two'' ELSE ''?'' END', 'CASE WHEN null THEN 1 WHEN true THEN 2 END', 'CASE null WHEN null THEN 1 ELSE 2 END', 'CASE 1 WHEN 2 THEN 3 END',
    'coalesce(null, 2, 1 / 0)', 'coalesce(null)', 'exists({a: 1}.a)', 'exists({a: 1}.b)',
    '[x IN [1, 2, 3] WHERE x > 1 | x * 10]', '[x IN [1, 2]]', '[x IN null | x]', '[x IN [1, 2] | [y IN [x, x * 2] | y + x]]',
    'all(x IN [1, 2] WHERE x > 0)', 'all(x IN [1, null] WHERE x > 0)', 'any(x IN [null, 1] WHERE x > 0)', 'none(x IN [] WHERE x > 0)', 'single(x IN [1, 2] WHERE x > 1)', 'single(x IN [1, null] WHERE x > 0)',
    'reduce(a = 0, x IN [1, 2, 3] | a + x)', 'reduce(a = '''', x IN [''b'', ''c''] | a + x)'
    ]) AS e;

-- nodes and relationships
SELECT ruvector_cypher('cy_expr', $q$CREATE (a:A:B {x: 1, s: 'str', l: [1, 'two', [3.0]]})-[r:T {w: 2}]->(b:C)$q$);
SELECT ruvector_cypher('cy_expr', $q$MATCH (a:A)-[r]->(b) RETURN a.x + r.w AS sum, a['s'] AS s, a.l[2][0] AS l, a.none AS none,
    labels(a) AS la, type(r) AS t, keys(a) AS k, properties(r) AS p, id(startNode(r)) = id(a) AS st, endNode(r) = b AS en,
    a:A AS is_a, a:B:A AS is_ab, a:C AS is_c, r:T AS is_t, r:U AS is_u, a = b AS eq, {n: b, l: [r.w]} AS m$q$);
SELECT ruvector_cypher('cy_expr', 'MATCH (a:A) RETURN a.x.y');
SELECT ruvector_cypher('cy_expr', 'MATCH (a:A) WHERE a.x RETURN a');
SELECT ruvector_cypher('cy_expr', 'MATCH (a:A) RETURN toUpper(a.x)');
SELECT ruvector_cypher('cy_expr', 'MATCH (a) RETURN a.x / 0 AS d');

DROP FUNCTION ex;
SELECT ruvector_graph_delete('cy_expr');
