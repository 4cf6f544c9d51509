# Ways in and out of ruvector_tam as a whole: pg_dump and pg_restore, the way back to heap,
# CREATE DATABASE from a template, pg_basebackup, pg_upgrade.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('old');
$node->init(allows_streaming => 1);
$node->start;
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION ruvector;
	CREATE FUNCTION wide(i int, n int) RETURNS bytea LANGUAGE sql IMMUTABLE
		RETURN pg_catalog.decode(pg_catalog.repeat(pg_catalog.md5(i::text), n), 'hex');
	CREATE TABLE t (id int PRIMARY KEY, v bytea, note text) USING ruvector_tam WITH (toast_tuple_target = 128);
	ALTER TABLE t ALTER v SET STORAGE EXTERNAL;
	INSERT INTO t SELECT i, public.wide(i, 20 + i % 200), 'row ' || i FROM generate_series(1, 500) i;
	CREATE INDEX t_md5 ON t (md5(v));
	CREATE MATERIALIZED VIEW m USING ruvector_tam AS SELECT id, v FROM t WHERE id <= 10;
	CREATE TABLE parted (id int, v bytea) PARTITION BY LIST (id);
	CREATE TABLE part_1 PARTITION OF parted FOR VALUES IN (1) USING ruvector_tam;
	CREATE TABLE part_2 PARTITION OF parted FOR VALUES IN (2) USING heap;
	INSERT INTO parted VALUES (1, public.wide(1, 300)), (2, public.wide(2, 300))});

my $digest = q{SELECT count(*), md5(string_agg(id || note || md5(v), ',' ORDER BY id)),
	(SELECT md5(string_agg(id || md5(v), ',' ORDER BY id)) FROM m),
	(SELECT md5(string_agg(id || md5(v), ',' ORDER BY id)) FROM parted) FROM t};
my $methods = q{SELECT string_agg(c.relname || '=' || a.amname || '/' || coalesce(ta.amname, ''), ' ' ORDER BY c.relname)
	FROM pg_class c JOIN pg_am a ON a.oid = c.relam LEFT JOIN pg_class tc ON tc.oid = c.reltoastrelid
	LEFT JOIN pg_am ta ON ta.oid = tc.relam WHERE c.relname IN ('t', 'm', 'part_1', 'part_2')};
my $outside = q{SELECT count(*) FROM t WHERE pg_column_size(v) = octet_length(v)};
my $expected = $node->safe_psql('postgres', $digest);
my $tam = 'm=ruvector_tam/ruvector_tam part_1=ruvector_tam/ruvector_tam part_2=heap/heap t=ruvector_tam/ruvector_tam';
is($node->safe_psql('postgres', $methods), $tam, 'access methods');

# Does $server's $database hold the same, with those methods, and soundly?
sub same_there
{
	my ($server, $database, $name, $wanted) = @_;
	is($server->safe_psql($database, $digest), $expected, "$name: same data");
	is($server->safe_psql($database, $methods), $wanted, "$name: access methods");
	return if $wanted ne $tam;
	is($server->safe_psql($database, $outside), '500', "$name: values out of line");
	is($server->safe_psql($database, q{SELECT count(*) FROM unnest('{t,m,part_1}'::regclass[]) r, ruvector_check(r)}),
		'0', "$name: sound");
	return;
}

for my $format ('plain', 'custom', 'directory')
{
	my $file = PostgreSQL::Test::Utils::tempdir() . "/dump.$format";
	$node->command_ok([ 'pg_dump', '-F', $format, '-f', $file, 'postgres' ], "pg_dump $format");
	$node->safe_psql('postgres', "CREATE DATABASE restored_$format TEMPLATE template0");
	$node->command_ok(
		$format eq 'plain'
		? [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $file, "restored_$format" ]
		: [ 'pg_restore', '-e', '-j', '2', '-d', "restored_$format", $file ],
		"restore of $format");
	same_there($node, "restored_$format", $format, $tam);

	next if $format ne 'custom';
	$node->safe_psql('postgres', 'CREATE DATABASE exit TEMPLATE template0');
	$node->command_ok([ 'pg_restore', '-e', '--no-table-access-method', '-d', 'exit', $file ],
		'restore without the access method');
	same_there($node, 'exit', 'heap again', 'm=heap/heap part_1=heap/heap part_2=heap/heap t=heap/heap');
}

for my $strategy ('wal_log', 'file_copy')
{
	$node->safe_psql('postgres', "CREATE DATABASE copy_$strategy STRATEGY $strategy TEMPLATE restored_plain");
	same_there($node, "copy_$strategy", "template, $strategy", $tam);
}

$node->backup('base');
my $copy = PostgreSQL::Test::Cluster->new('copy');
$copy->init_from_backup($node, 'base');
$copy->start;
same_there($copy, 'postgres', 'base backup', $tam);
$copy->stop;

my $new = PostgreSQL::Test::Cluster->new('new');
$new->init;
my $bindir = $node->config_data('--bindir');
$node->stop;
chdir PostgreSQL::Test::Utils::tempdir() or die;
command_ok(
	[   'pg_upgrade', '--no-sync', '-d', $node->data_dir, '-D', $new->data_dir, '-b', $bindir, '-B', $bindir,
		'-s', $new->host, '-p', $node->port, '-P', $new->port ],
	'pg_upgrade');
$new->start;
same_there($new, 'postgres', 'pg_upgrade', $tam);
$new->safe_psql('postgres', q{UPDATE t SET v = wide(id, 33) WHERE id < 50; VACUUM FULL t; REINDEX TABLE t});
is($new->safe_psql('postgres', q{SELECT count(*) FROM t WHERE v = wide(id, 33) AND id < 50}), '49',
	'pg_upgrade: written and read afterwards');
is($new->safe_psql('postgres', q{SELECT count(*) FROM ruvector_check('t')}), '0', 'and sound');
$new->stop;
done_testing();
