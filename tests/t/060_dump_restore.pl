# 060_dump_restore.pl
#     pg_dump and pg_restore of vectors, a ruvector_tam table with its options, hnsw indexes and a graph:
#     the copy answers every question as the original does, and the graph can be written on.

use strict;
use warnings;

use RuvectorTest;
use Test::More;

my $node = new_node('dump');
load_sample($node, 'docs', using => 'ruvector_tam', rows => 1000);
$node->safe_psql('postgres', <<'SQL');
	ALTER TABLE docs SET (toast_tuple_target = 128);
	ALTER TABLE docs ADD PRIMARY KEY (id);
	CREATE INDEX docs_cosine ON docs USING hnsw (embedding vector_cosine_ops) WITH (m = 12, ef_construction = 80);
	CREATE TABLE odd (id int, v vector, fixed vector(3) DEFAULT '[1,2,3]') USING heap;
	INSERT INTO odd VALUES (1, '[1e-38,-0,3.4e38]'), (2, '[1]'), (3, NULL), (4, '[0.1,0.2,0.3]');
	SELECT ruvector_graph_create('people');
	SELECT ruvector_graph_create('empty');
	CREATE TABLE person AS SELECT n, ruvector_node_add('people', ARRAY['Person', 'N' || n % 3],
		jsonb_build_object('name', 'p' || n, 'age', n, 'score', n / 8.0, 'tags', ARRAY['a', 'b\n"'], 'ok', n % 2 = 0)) AS id
		FROM generate_series(1, 50) n;
	SELECT ruvector_edge_add('people', a.id, b.id, CASE WHEN a.n % 2 = 0 THEN 'KNOWS' ELSE 'LIKES' END,
		jsonb_build_object('since', a.n)) FROM person a JOIN person b ON b.n = a.n * 7 % 50 + 1;
SQL

my @questions = (
	'SELECT count(*), md5(string_agg(d::text, \'|\' ORDER BY id)) FROM docs d',
	'SELECT string_agg(o::text, \'|\' ORDER BY id) FROM odd o',
	"SELECT a.amname, c.reloptions FROM pg_class c JOIN pg_am a ON a.oid = c.relam WHERE c.oid = 'docs'::regclass",
	"SELECT pg_get_indexdef('docs_cosine'::regclass)",
	"SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid IN ('docs'::regclass, 'odd'::regclass)
		AND attnum > 0 ORDER BY attrelid::regclass::text, attnum",
	'SET enable_seqscan = off; SET hnsw.ef_search = 400;
		SELECT array_agg(id) FROM (SELECT id FROM docs ORDER BY embedding <=> (SELECT embedding FROM docs WHERE id = 42) LIMIT 10) s',
	"SELECT id, labels, properties FROM ruvector_nodes WHERE graph = 'people' ORDER BY id",
	"SELECT id, type, start_id, end_id, properties FROM ruvector_edges WHERE graph = 'people' ORDER BY id",
	"SELECT ruvector_cypher('people', 'MATCH (a:Person)-[:KNOWS]->(b:Person) WHERE a.age > 40
		RETURN a.name AS a, b.name AS b ORDER BY a')",
	"SELECT count(*) FROM ruvector_nodes WHERE graph = 'empty'");
my @answers = map { $node->safe_psql('postgres', $_) } @questions;

my $dir = $node->basedir;
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/dump", $node->connstr('postgres') ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('copy'), "$dir/dump" ], 'pg_restore');
foreach my $i (0 .. $#questions)
{
	isnt($answers[$i], '', "question $i has an answer");
	is($node->safe_psql('copy', $questions[$i]), $answers[$i], "question $i: the copy agrees");
}

# ids go on where they were: nothing of the copy collides with what is created next
my $highest = $node->safe_psql('copy', "SELECT max(id) FROM ruvector_nodes WHERE graph = 'people'");
cmp_ok($node->safe_psql('copy', "SELECT ruvector_node_add('people', ARRAY['Person', 'New'], '{\"name\": \"new\"}')"),
	'>', $highest, 'a new node has an id of its own');
is($node->safe_psql('copy', "SELECT array_agg(l ORDER BY l) FROM ruvector_nodes, unnest(labels) l
		WHERE graph = 'people' AND id > $highest"), '{New,Person}', 'and labels of its own');
$node->safe_psql('copy', "SELECT ruvector_graph_create('another')");
is($node->safe_psql('copy', "SELECT count(*) FROM ruvector_nodes WHERE graph = 'another'"), '0',
	'a new graph does not take over an old one');
is($node->safe_psql('copy', "SELECT * FROM ruvector_graph_check('people')"), '', 'ruvector_graph_check is content');

# the way out to plain heap is open
$node->safe_psql('postgres', 'CREATE DATABASE plain');
$node->command_ok(
	[ 'pg_restore', '--exit-on-error', '--no-table-access-method', '-d', $node->connstr('plain'), "$dir/dump" ],
	'pg_restore --no-table-access-method');
is($node->safe_psql('plain', $questions[0]), $answers[0], 'the rows are the same in a heap table');
is($node->safe_psql('plain', "SELECT amname FROM pg_am JOIN pg_class ON relam = pg_am.oid WHERE pg_class.oid = 'docs'::regclass"),
	'heap', 'which it is');

done_testing();
