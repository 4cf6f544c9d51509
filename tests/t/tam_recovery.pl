# ruvector_tam through WAL replay: a streaming standby with wal_consistency_checking = all, crash
# recovery after an immediate stop in the middle of transactions, promotion, and a session that is
# terminated in the middle of an index build.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1, extra => ['--data-checksums']);
$primary->append_conf('postgresql.conf', "wal_consistency_checking = 'all'\nautovacuum = off\nwal_keep_size = 1GB");
$primary->start;
$primary->safe_psql(
	'postgres', q{
	CREATE EXTENSION ruvector;
	CREATE FUNCTION wide(i int, n int) RETURNS bytea LANGUAGE sql IMMUTABLE
		RETURN decode(repeat(md5(i::text), n), 'hex');
	CREATE TABLE t (id int PRIMARY KEY, n int, v bytea) USING ruvector_tam WITH (toast_tuple_target = 128);
	ALTER TABLE t ALTER v SET STORAGE EXTERNAL;
	CREATE UNLOGGED TABLE u (LIKE t INCLUDING ALL) USING ruvector_tam WITH (toast_tuple_target = 128);
	INSERT INTO u VALUES (1, 1, wide(1, 30))});
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

# rows, rows whose value is the one that belongs to id and n, digest of all of them
my $digest = q{SELECT count(*), count(*) FILTER (WHERE v = wide(id, n)), md5(string_agg(id || md5(v), ',' ORDER BY id)) FROM t};
my @steps = (
	'INSERT INTO t SELECT i, 20 + i % 200, wide(i, 20 + i % 200) FROM generate_series(1, 1000) i',
	'UPDATE t SET n = n + 1, v = wide(id, n + 1) WHERE id % 3 = 0',
	'DELETE FROM t WHERE id % 10 = 3',
	'BEGIN; UPDATE t SET n = 30, v = wide(id, 30) WHERE id % 7 = 0; ROLLBACK',
	'VACUUM (FREEZE) t',
	'CREATE INDEX t_md5 ON t (md5(v))',
	'INSERT INTO t SELECT i, 300, wide(i, 300) FROM generate_series(900, 1100) i ON CONFLICT (id) DO UPDATE SET n = 300, v = excluded.v',
	'VACUUM FULL t',
	'CLUSTER t USING t_md5',
	'REINDEX TABLE CONCURRENTLY t',
	'ALTER TABLE t SET ACCESS METHOD heap; ALTER TABLE t SET ACCESS METHOD ruvector_tam');
for my $step (@steps)
{
	$primary->safe_psql('postgres', $step);
	$primary->wait_for_catchup($standby, 'replay');
	my ($there, $here) = map { $_->safe_psql('postgres', $digest) } $standby, $primary;
	like($here, qr/^(\d+)\|\1\|/, 'the primary reads what was written by ' . substr($step, 0, 50));
	is($there, $here, 'and so does the standby');
}
is($standby->safe_psql('postgres', q{SELECT count(*) FROM ruvector_check('t')}), '0', 'sound on the standby');

# crash with a transaction open and another one prepared to be lost
my $open = $primary->background_psql('postgres');
$open->query_safe('BEGIN');
$open->query_safe('UPDATE t SET n = 40, v = wide(id, 40)');
$open->query_safe('INSERT INTO t SELECT i, 20, wide(i, 20) FROM generate_series(2001, 2100) i');
$primary->safe_psql('postgres', 'INSERT INTO t SELECT i, 50, wide(i, 50) FROM generate_series(3001, 3100) i');
my $before = $primary->safe_psql('postgres', $digest);
$primary->stop('immediate');
eval { $open->quit };
$primary->start;
is($primary->safe_psql('postgres', $digest), $before, 'after a crash: what was committed');
is($primary->safe_psql('postgres', 'SELECT count(*) FROM u'), '0', 'after a crash: the unlogged table is empty');
is($primary->safe_psql('postgres', q{SELECT count(*) FROM ruvector_check('t') UNION ALL SELECT count(*) FROM ruvector_check('u')}),
	"0\n0", 'after a crash: sound');
$primary->safe_psql('postgres', 'VACUUM t; INSERT INTO u VALUES (1, 1, wide(1, 30)); INSERT INTO t VALUES (5000, 60, wide(5000, 60))');
$primary->wait_for_catchup($standby, 'replay');
is($standby->safe_psql('postgres', $digest), $primary->safe_psql('postgres', $digest), 'the standby follows');

# A session terminated inside an index build, on a table of its own transaction: no PG_FINALLY runs,
# and the relation cache entry of the table is thrown away before the last invalidations are handled.
$primary->safe_psql(
	'postgres', q{
	CREATE FUNCTION stop_here(id int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
	BEGIN PERFORM pg_advisory_lock(1); PERFORM pg_advisory_unlock(1); RETURN id; END $$});
my $holder = $primary->background_psql('postgres');
$holder->query_safe('SELECT pg_advisory_lock(1)');
for my $table ('t', 'fresh')
{
	my $builder = $primary->background_psql('postgres', on_error_stop => 0);
	my $pid = $builder->query_safe('SELECT pg_backend_pid()');
	$builder->query_safe('BEGIN');
	$builder->query_safe(
		'CREATE TABLE fresh USING ruvector_tam AS SELECT id, n, v FROM t WHERE id < 50')
	  if $table eq 'fresh';
	$builder->query_until(qr/started/, "\\echo started\nCREATE INDEX doomed ON $table (stop_here(id));\n");
	$primary->poll_query_until('postgres',
		"SELECT count(*) = 1 FROM pg_stat_activity WHERE pid = $pid AND wait_event_type = 'Lock'")
	  or die 'the build does not wait';
	$primary->safe_psql('postgres', "SELECT pg_terminate_backend($pid, 60000)");
	eval { $builder->quit };
	is($primary->safe_psql('postgres', q{SELECT count(*) FROM pg_class WHERE relname IN ('doomed', 'fresh')}),
		'0', "terminated while building an index of $table: nothing is left");
}
$holder->quit;
unlike(PostgreSQL::Test::Utils::slurp_file($primary->logfile), qr/was terminated by signal/, 'no session crashed');
$primary->safe_psql('postgres', 'CREATE INDEX ok ON t (stop_here(id))');

$primary->wait_for_catchup($standby, 'replay');
my $last = $primary->safe_psql('postgres', $digest);
$primary->stop;
$standby->promote;
is($standby->safe_psql('postgres', $digest), $last, 'promoted: same data');
$standby->safe_psql('postgres', 'UPDATE t SET n = 70, v = wide(id, 70); VACUUM FULL t');
like($standby->safe_psql('postgres', $digest), qr/^(\d+)\|\1\|/, 'promoted: written and read');
is($standby->safe_psql('postgres', q{SELECT count(*) FROM ruvector_check('t')}), '0', 'promoted: sound');
$standby->stop;
done_testing();
