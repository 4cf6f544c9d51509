# compat_extension.pl
#     The extension "vector" beside, before, after and without "ruvector": one set of types, operators,
#     classes and methods in every order, dumps that restore in every order, DROP EXTENSION that takes
#     nothing away from the other, schemas, privileges, and pgvector itself in the database.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use RuvectorTest;
use Test::More;

my $node = new_node('compat', extension => 0);

# Everything an extension brought, by identity and without who owns it; what is ruvector's alone left out on request.
sub objects
{
	my ($db, $condition) = @_;
	return $node->safe_psql($db, <<"SQL");
	SELECT DISTINCT i.type, i.identity
	FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid, pg_identify_object(d.classid, d.objid, 0) i
	WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname IN ('vector', 'ruvector') AND $condition
	ORDER BY 1, 2
SQL
}

sub database
{
	my ($name, @commands) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $name");
	$node->safe_psql($name, $_) foreach @commands;
	return $name;
}

sub refused
{
	my ($db, $sql, $pattern, $name) = @_;
	my $stderr;
	isnt($node->psql($db, $sql, stderr => \$stderr), 0, "$name: refused");
	like($stderr, $pattern, "$name: says why");
	return;
}

my $vector = 'CREATE EXTENSION IF NOT EXISTS vector';
my $ruvector = 'CREATE EXTENSION IF NOT EXISTS ruvector';
my $data = <<'SQL';
	CREATE TABLE items (id int PRIMARY KEY, v vector(3), h halfvec(3), s sparsevec(5), b bit(3));
	INSERT INTO items SELECT i, ARRAY[i, i % 7, 1]::vector, ARRAY[i % 100, 2, 1]::halfvec,
		('{1:' || i || ',5:1}/5')::sparsevec, (i % 8)::bit(3) FROM generate_series(1, 300) i;
	CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops) WITH (m = 8, ef_construction = 32);
	CREATE INDEX items_btree ON items (h);
	CREATE FUNCTION nearest(vector) RETURNS int LANGUAGE sql AS 'SELECT id FROM items ORDER BY v <-> $1 LIMIT 1';
	CREATE VIEW scaled AS SELECT id, l2_normalize(v) AS v, v::halfvec AS h, s <#> '{1:1}/5' AS ip, b <~> '101' AS d FROM items;
SQL
my @questions = (
	'SELECT count(*), md5(string_agg(i::text, \'|\' ORDER BY id)) FROM items i',
	'SELECT md5(string_agg(s::text, \'|\' ORDER BY id)) FROM scaled s',
	'SET enable_seqscan = off; SELECT nearest(\'[42,0,1]\')',
	"SELECT pg_get_indexdef('items_v'::regclass)",
	"SELECT count(*) FROM pg_type WHERE typname IN ('vector', 'halfvec', 'sparsevec') AND typtype = 'b'",
	"SELECT count(*) FROM pg_am WHERE amname = 'hnsw'",
	"SELECT count(*) FROM pg_operator WHERE oprname = '<->' AND oprleft = 'vector'::regtype");

# ---- one extension, the other, both in both orders

database('v', $vector);
is($node->safe_psql('v', "SELECT extname, extversion FROM pg_extension WHERE extname <> 'plpgsql'"), 'vector|0.8.6',
	'CREATE EXTENSION vector in a fresh database, and nothing else comes along');
is($node->safe_psql('v', $vector), '', 'once more is no error');
database('r', $ruvector);
database('vr', $vector, $ruvector);
database('rv', $ruvector, $vector);
$node->safe_psql($_, $data) foreach qw(v r vr rv);
my @answers = map { $node->safe_psql('v', $_) } @questions;
is($answers[2], '42', 'the index finds the nearest row');
is($answers[4], '3', 'three types');

my $own = objects('r', 'true');
my $shared = objects('v', 'true');
foreach my $db (qw(vr rv))
{
	is(objects($db, 'true'), $own, "$db: the objects of both are those of ruvector alone");
}
my %of_own = map { $_ => 1 } split(/\n/, $own);
is(join("\n", grep { !$of_own{$_} } split(/\n/, $shared)), '', 'vector has nothing that ruvector has not');
unlike($shared, qr/binaryvec|ruvector|ruhnsw|ruivfflat/, 'vector has nothing that is ruvector\'s only');
unlike($own, qr/ruvector_install_shared/, 'the helper of the install scripts is gone');
foreach my $i (0 .. $#questions)
{
	is($node->safe_psql($_, $questions[$i]), $answers[$i], "$_: question $i") foreach qw(r vr rv);
}
is($node->safe_psql('vr', "SELECT '101'::binaryvec <~> '111', ruvector_version() <> ''"), '1|t', 'vr: ruvector\'s own part is there');
is($node->safe_psql('vr', "CREATE INDEX items_ru ON items USING ruhnsw (v vector_cosine_ops); SELECT count(*) FROM ruvector_index_check('items_ru')"),
	'0', 'vr: its index methods take the types of vector');

# ---- dump and restore, in the order of the dump and into databases where the other one is there already

foreach my $source (qw(v r vr rv))
{
	my $file = $node->basedir . "/$source.dump";
	$node->command_ok([ 'pg_dump', '-Fc', '-f', $file, $node->connstr($source) ], "$source: pg_dump");
	my %targets = (fresh => [], after_v => [$vector], after_r => [$ruvector]);
	foreach my $target (sort keys %targets)
	{
		my $db = database("${source}_$target", @{ $targets{$target} });
		$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr($db), $file ], "$db: pg_restore");
		is(join(' ', map { $node->safe_psql($db, $_) } @questions), join(' ', @answers), "$db: the copy agrees");
		my $expected = ($source eq 'v' && $target ne 'after_r') ? $shared : $own;
		is(objects($db, 'true'), $expected, "$db: the same objects");
	}
}
my ($plain) = run_command([ 'pg_dump', '-s', $node->connstr('rv') ]);
like($plain, qr/CREATE EXTENSION IF NOT EXISTS ruvector.*CREATE EXTENSION IF NOT EXISTS vector/s, 'the dump creates ruvector first where it was first');
($plain) = run_command([ 'pg_dump', '-s', $node->connstr('vr') ]);
like($plain, qr/CREATE EXTENSION IF NOT EXISTS vector.*CREATE EXTENSION IF NOT EXISTS ruvector/s, 'and vector first where that was');

# ---- DROP EXTENSION

refused('v', 'DROP EXTENSION vector', qr/table items depends on type vector|column v of table items depends/, 'a table uses the type');
refused('vr', 'DROP EXTENSION vector', qr/extension ruvector depends on extension vector/, 'ruvector leans on vector');
refused('rv', 'DROP EXTENSION ruvector', qr/extension vector depends on extension ruvector/, 'vector leans on ruvector');
$node->safe_psql('rv', 'DROP EXTENSION vector');
is($node->safe_psql('rv', $_), $answers[2], 'rv: without vector all goes on') foreach $questions[2];
$node->safe_psql('vr', 'DROP INDEX items_ru; DROP EXTENSION ruvector');
is($node->safe_psql('vr', $questions[2]), $answers[2], 'vr: without ruvector all goes on');
is(objects('vr', 'true'), $shared, 'vr: vector is left as it was');
$node->safe_psql('vr', $ruvector);
is(objects('vr', 'true'), $own, 'vr: and ruvector comes back');
$node->safe_psql('vr', 'DROP EXTENSION vector CASCADE');
is($node->safe_psql('vr', "SELECT count(*) FROM pg_extension WHERE extname ~ 'vector'"), '0', 'CASCADE takes both');
is($node->safe_psql('vr', "SELECT count(*) FROM pg_am WHERE amname ~ 'hnsw' OR amname ~ 'ruvector'"), '0', 'and all they brought');
$node->safe_psql('vr', $ruvector);
is(objects('vr', 'true'), $own, 'after that ruvector can be created alone');

# ---- schemas

database('schemas', 'CREATE SCHEMA ext', 'CREATE SCHEMA other', 'CREATE EXTENSION vector SCHEMA ext', 'CREATE EXTENSION ruvector SCHEMA other');
is($node->safe_psql('schemas', "SELECT '[1,2]'::ext.vector, '10'::other.binaryvec OPERATOR(other.<~>) '11'"), '[1,2]|1',
	'each extension in its schema');
is($node->safe_psql('schemas', "SET search_path = ext, other, public; $data SELECT nearest('[7,0,1]')"), '7', 'and both usable together');
my $file = $node->basedir . '/schemas.dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $file, $node->connstr('schemas') ], 'schemas: pg_dump');
database('schemas_copy');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('schemas_copy'), $file ], 'schemas: pg_restore');
is(objects('schemas_copy', 'true'), objects('schemas', 'true'), 'schemas: the same objects in the same schemas');
database('moved', $vector, 'CREATE SCHEMA elsewhere', 'ALTER EXTENSION vector SET SCHEMA elsewhere');
is($node->safe_psql('moved', "SELECT '[3,4]'::elsewhere.vector OPERATOR(elsewhere.<->) '[0,0]'"), '5', 'vector can be moved');
$node->safe_psql('moved', $ruvector);
is($node->safe_psql('moved', "SELECT '10'::binaryvec <~> '11', elsewhere.l2_norm('[3,4]'::elsewhere.halfvec)"), '1|5', 'and found where it is');
database('elsewhere', 'CREATE SCHEMA ext', 'CREATE EXTENSION ruvector SCHEMA ext');
refused('elsewhere', $vector, qr/type vector exists in schema "ext" as part of extension ruvector.*HINT:  Use CREATE EXTENSION vector SCHEMA ext/s,
	'vector in another schema than ruvector');
$node->safe_psql('elsewhere', 'CREATE EXTENSION vector SCHEMA ext');
is($node->safe_psql('elsewhere', "SELECT extnamespace::regnamespace FROM pg_extension WHERE extname = 'vector'"), 'ext', 'which does it');

# ---- privileges: as far as a database's owner may go

database('tenant');
$node->safe_psql('postgres', 'CREATE ROLE tenant LOGIN; ALTER DATABASE tenant OWNER TO tenant');
$node->safe_psql('tenant', 'ALTER SCHEMA public OWNER TO tenant');
is($node->safe_psql('tenant', "$vector; $data; $questions[2]", extra_params => [ '-U', 'tenant' ]), '42',
	'the owner of a database may create vector');
refused('tenant', 'SET ROLE tenant; CREATE EXTENSION ruvector', qr/permission denied to create extension "ruvector"/, 'but not ruvector');

# ---- what must not be

database('hostile', 'CREATE FUNCTION install(text) RETURNS void AS \'$libdir/ruvector\', \'ruvector_install_shared\' LANGUAGE c STRICT');
refused('hostile', "SELECT install('CREATE TABLE hostile ()')", qr/can only be called by an install script/, 'the helper called by hand');
database('taken', 'CREATE DOMAIN vector AS text');
refused('taken', $vector, qr/type "vector" already exists/, 'the name is in use');
refused('taken', $ruvector, qr/type "vector" already exists/, 'for ruvector as well');
is($node->safe_psql('taken', "SELECT count(*) FROM pg_extension WHERE extname ~ 'vector'"), '0', 'nothing is left of the attempts');

# pgvector's own library behind the type: stands in for it what its catalog would say
database('pgvector', $vector, "UPDATE pg_proc SET probin = '\$libdir/vector' WHERE probin LIKE '%ruvector'");
refused('pgvector', $ruvector, qr/belongs to another library: "\$libdir\/vector".*from-pgvector/s, 'pgvector is in the database');

done_testing();
