# Graphs beyond one running server: dump and restore into another cluster, a standby, a crash.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $contents = q{
	SELECT 'n', id, array_to_string(labels, ','), properties::text FROM ruvector_nodes WHERE graph = 'g'
	UNION ALL
	SELECT 'e', id, start_id || type || end_id, properties::text FROM ruvector_edges WHERE graph = 'g'
	ORDER BY 1, 2};
my $damage = q{SELECT * FROM ruvector_graph_check('g')};

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', "wal_consistency_checking = 'all'\n");
$primary->start;
$primary->safe_psql('postgres', q{
	CREATE EXTENSION ruvector;
	CREATE ROLE ann;
	GRANT CREATE ON DATABASE postgres TO ann;
	-- a number that the restored database must not give out again
	SELECT ruvector_graph_create('deleted');
	SELECT ruvector_graph_delete('deleted');
	SET ROLE ann;
	SELECT ruvector_graph_create('g');
	SELECT count(ruvector_node_add('g', ARRAY['N', 'L' || i % 5],
								   jsonb_build_object('i', i, 'f', i / 7.0, 's', 'text ' || i)))
	FROM generate_series(1, 1000) i;
	SELECT count(ruvector_edge_add('g', i, i % 1000 + 1, 'T' || i % 3, jsonb_build_object('w', i)))
	FROM generate_series(1, 1000) i;
	SELECT ruvector_graph_create('empty');
});
my $before = $primary->safe_psql('postgres', $contents);
is(scalar(split /\n/, $before), 2000, 'the graph is filled');

# dump and restore into a new cluster: other OIDs, the same graph
my $dump = $primary->basedir . '/dump.sql';
command_ok(['pg_dump', '-f', $dump, '-h', $primary->host, '-p', $primary->port, 'postgres'], 'pg_dump');

my $other = PostgreSQL::Test::Cluster->new('other');
$other->init;
$other->start;
# other objects first, so that no OID comes out the same by chance
$other->safe_psql('postgres', join('', map { "CREATE TABLE shift$_ (i int PRIMARY KEY);" } 1 .. 20));
$other->safe_psql('postgres', 'CREATE ROLE ann');
command_ok(['psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-o', '/dev/null',
			'-h', $other->host, '-p', $other->port, 'postgres'], 'restore');
is($other->safe_psql('postgres', $contents), $before, 'the restored graph is the same');
is($other->safe_psql('postgres', q{SELECT name, owner, schema FROM ruvector_graph_list()}),
   "empty|ann|rvg_3\ng|ann|rvg_2", 'the registry is restored');
is($other->safe_psql('postgres', $damage), '', 'no damage after restore');
is($other->safe_psql('postgres', q{
	SET ROLE ann;
	SELECT count(DISTINCT id) FROM (SELECT ruvector_node_add('g', '{New,N}') AS id FROM generate_series(1, 10)) i
	WHERE id > 1000}), '10', 'new ids go on after the old ones');
is($other->safe_psql('postgres', $damage), '', 'no damage after that');
is($other->safe_psql('postgres', q{SELECT ruvector_graph_create('later');
	SELECT schema FROM ruvector_graph_list() WHERE name = 'later'}), "\nrvg_4", 'numbers of graphs go on as well');
my ($rc, $out, $err) = $other->psql('postgres', q{INSERT INTO rvg_2.node VALUES (1, 1, NULL)});
like($err, qr/holds a graph and cannot be changed directly/, 'the guard is restored');

# the extension does not go while there are graphs; when forced, it forgets them and harms none
($rc, $out, $err) = $other->psql('postgres', 'DROP EXTENSION ruvector');
like($err, qr/cannot drop extension ruvector because other objects depend on it/, 'graphs hold the extension');
is($other->safe_psql('postgres', q{
	SET client_min_messages = error;
	DROP EXTENSION ruvector CASCADE;
	CREATE EXTENSION ruvector;
	SELECT count(*) FROM ruvector_graph_list();
	SELECT ruvector_graph_create('g');
	SELECT schema FROM ruvector_graph_list();
	SELECT count(*) FROM rvg_2.node}), "0\n\nrvg_1\n1010", 'a new installation starts over');
is($other->safe_psql('postgres', q{SELECT ruvector_graph_create('a'); SELECT ruvector_graph_create('b');
	SELECT name, schema FROM ruvector_graph_list()}), "\n\na|rvg_5\nb|rvg_6\ng|rvg_1", 'and keeps off what is left');
$other->stop;

# a standby reads, does not write, and learns of new tokens
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
is($standby->safe_psql('postgres', $contents), $before, 'the standby has the graph');
$primary->safe_psql('postgres', q{
	SELECT ruvector_edge_add('g', 1, ruvector_node_add('g', '{Fresh}', '{"fresh": true}'), 'FRESH')});
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
is($standby->safe_psql('postgres', q{
	SELECT edge_type, labels, properties FROM ruvector_neighbors('g', 1, 'out', 'FRESH') f
	JOIN ruvector_nodes n ON n.graph = 'g' AND n.id = f.neighbor_id}),
   'FRESH|{Fresh}|{"fresh": true}', 'and what came later');
for my $write (q{ruvector_node_add('g')}, q{ruvector_edge_add('g', 1, 2, 'T')},
	q{ruvector_graph_create('h')}, q{ruvector_graph_delete('g')})
{
	($rc, $out, $err) = $standby->psql('postgres', "\\set VERBOSITY sqlstate\nSELECT $write");
	like($err, qr/ERROR:  25006/, "the standby refuses $write");
}
is($standby->safe_psql('postgres', $damage), '', 'no damage on the standby');
$standby->stop;

# a crash in the middle of a transaction whose pages have been written out
$primary->safe_psql('postgres',
	q{SELECT count(ruvector_node_add('g', '{Crash}')) FROM generate_series(1, 500)});
my $count = $primary->safe_psql('postgres', q{SELECT count(*) FROM ruvector_nodes WHERE graph = 'g'});
my ($in, $busy_out, $busy_err) = ('', '', '');
my $busy = IPC::Run::start(['psql', '-X', '-A', '-t', '-h', $primary->host, '-p', $primary->port, 'postgres'],
	'<', \$in, '>', \$busy_out, '2>', \$busy_err, IPC::Run::timeout(180));
$in = q{BEGIN; SELECT count(ruvector_node_add('g', ARRAY['Lost'], '{"lost": 1}'))
	FROM generate_series(1, 5000); CHECKPOINT; SELECT 'rea' || 'dy';} . "\n";
$busy->pump until $busy_out =~ /ready/;
like($busy_out, qr/ready/, 'a transaction is under way');
$primary->stop('immediate');
$busy->kill_kill;
$primary->start;
is($primary->safe_psql('postgres', q{SELECT count(*) FROM ruvector_nodes WHERE graph = 'g'}),
   $count, 'what was committed is there, the rest is not');
is($primary->safe_psql('postgres', q{SELECT count(*) FROM rvg_2.label WHERE name = 'Lost'}),
   '0', 'the token is gone, too');
is($primary->safe_psql('postgres', q{SELECT ruvector_node_add('g', '{AfterCrash}') > 0}),
   't', 'the graph can be added to');
is($primary->safe_psql('postgres', $damage), '', 'no damage after the crash');
$primary->stop;

done_testing();
