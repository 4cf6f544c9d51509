# Logical decoding of ruvector_tam: out-of-line values are put together from the WAL as for heap.
# test_decoding's stream of the same statements on heap and on ruvector_tam must be the same, and a
# subscription must end up with the same table.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('publisher');
$node->init(allows_streaming => 'logical');
$node->append_conf('postgresql.conf',
	"autovacuum = off\nmax_prepared_transactions = 4\nlogical_decoding_work_mem = 64kB");
$node->start;

my $wide = q{CREATE FUNCTION wide(i int, n int) RETURNS bytea LANGUAGE sql IMMUTABLE
	RETURN decode(repeat(md5(i::text), n), 'hex')};
my $table = sub {
	my ($name, $am, $options) = @_;
	return "CREATE TABLE $name (id int PRIMARY KEY, n int, v bytea) USING $am $options;
		ALTER TABLE $name ALTER v SET STORAGE EXTERNAL";
};

# every kind of change, with values of 16 * $n bytes
sub workload
{
	my ($n) = @_;
	return qq{
	INSERT INTO t VALUES (1, 0, wide(1, $n)), (2, 0, wide(2, $n));
	INSERT INTO t SELECT i, 0, wide(i, $n) FROM generate_series(3, 6) i;
	COPY t FROM PROGRAM 'for i in 7 8 9; do echo "\$i,0,\$(printf a%.0s \$(seq 1 @{[16 * $n]}))"; done' (DELIMITER ',');
	INSERT INTO t VALUES (1, 0, wide(1, $n)), (10, 0, wide(10, $n)) ON CONFLICT (id) DO UPDATE SET v = wide(11, $n);
	UPDATE t SET n = 1 WHERE id = 2;
	UPDATE t SET v = wide(30, $n) WHERE id = 3;
	UPDATE t SET id = 40 WHERE id = 4;
	DELETE FROM t WHERE id = 5;
	BEGIN; INSERT INTO t VALUES (50, 0, wide(50, $n)); SAVEPOINT s;
		INSERT INTO t VALUES (51, 0, wide(51, $n)); ROLLBACK TO s; UPDATE t SET v = wide(52, $n) WHERE id = 50; COMMIT;
	BEGIN; INSERT INTO t VALUES (60, 0, wide(60, $n)); ROLLBACK;
	ALTER TABLE t REPLICA IDENTITY FULL;
	UPDATE t SET n = 2 WHERE id = 2;
	UPDATE t SET v = wide(31, $n) WHERE id = 3;
	DELETE FROM t WHERE id = 6;
	BEGIN; TRUNCATE t; INSERT INTO t VALUES (70, 0, wide(70, $n)); COMMIT;
	BEGIN; INSERT INTO t VALUES (71, 0, wide(71, $n)); PREPARE TRANSACTION 'p'; COMMIT PREPARED 'p';
	INSERT INTO t SELECT i, 0, wide(i, $n) FROM generate_series(1001, 1100) i;
	VACUUM FULL t; ALTER TABLE t ALTER n TYPE bigint; DELETE FROM t WHERE id % 2 = 0};
}

sub decode_stream
{
	my ($database, $options) = @_;
	my $stream = $node->safe_psql($database,
		"SELECT data FROM pg_logical_slot_peek_changes('$database', NULL, NULL$options)");
	$stream =~ s/(BEGIN|COMMIT|PREPARE TRANSACTION '\w+', txid|TXN) \d+/$1/g;
	return $stream;
}

# 200 x 16 bytes go out of line in heap as well, so that the streams must be equal
my %stream;
for my $am ('heap', 'ruvector_tam')
{
	my $database = "wide_$am";
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, "CREATE EXTENSION ruvector; $wide");
	$node->safe_psql($database, $table->('t', $am, 'WITH (toast_tuple_target = 128)'));
	$node->safe_psql($database, "SELECT pg_create_logical_replication_slot('$database', 'test_decoding')");
	$node->safe_psql($database, "$_;") for split /;\n\t(?!\t)/, workload(200);
	$stream{$am}{whole} = decode_stream($database, '');
	$stream{$am}{streamed} = decode_stream($database, ", 'stream-changes', '1'");
}
cmp_ok(length $stream{heap}{whole}, '>', 1_000_000, 'the stream holds the values');
ok($stream{heap}{whole} eq $stream{ruvector_tam}{whole}, 'the stream is the same as of heap');
ok($stream{heap}{streamed} eq $stream{ruvector_tam}{streamed},
	'and so is that of changes streamed before the commit');
like($stream{ruvector_tam}{streamed}, qr/streamed|streaming/, 'which were');

# 20 x 16 bytes go out of line in ruvector_tam only
$node->safe_psql('postgres', 'CREATE DATABASE narrow');
$node->safe_psql('narrow', "CREATE EXTENSION ruvector; $wide");
$node->safe_psql('narrow', $table->('t', 'ruvector_tam', 'WITH (toast_tuple_target = 128)'));
$node->safe_psql('narrow', "SELECT pg_create_logical_replication_slot('narrow', 'test_decoding')");
$node->safe_psql('narrow', "$_;") for split /;\n\t(?!\t)/, workload(20);
my $narrow = decode_stream('narrow', '');
my $value = sub { $node->safe_psql('narrow', "SELECT wide($_[0], 20)") };
my ($one, $two, $three, $six) = map { $value->($_) } 1, 2, 3, 6;
my $thirty = $value->(30);
my $thirty_one = $value->(31);
like($narrow, qr/^table public.t: INSERT: id\[integer\]:1 n\[integer\]:0 v\[bytea\]:'\Q$one\E'$/m,
	'an insert has the value');
like($narrow, qr/^table public.t: UPDATE: id\[integer\]:2 n\[integer\]:1 v\[bytea\]:unchanged-toast-datum$/m,
	'an update of another column does not repeat it');
like($narrow, qr/^table public.t: UPDATE: id\[integer\]:3 n\[integer\]:0 v\[bytea\]:'\Q$thirty\E'$/m,
	'an update of the value has the new one');
like($narrow,
	qr/^table public.t: UPDATE: old-key: id\[integer\]:3 n\[integer\]:0 v\[bytea\]:'\Q$thirty\E' new-tuple: id\[integer\]:3 n\[integer\]:0 v\[bytea\]:'\Q$thirty_one\E'$/m,
	'replica identity full: an update has the old value');
like($narrow, qr/^table public.t: DELETE: id\[integer\]:6 n\[integer\]:0 v\[bytea\]:'\Q$six\E'$/m,
	'replica identity full: a delete has it');
like($narrow, qr/^table public.t: INSERT: id\[integer\]:9 n\[integer\]:0 v\[bytea\]:'\\x(61){320}'$/m,
	'rows of a COPY have theirs');

# a subscription, onto ruvector_tam and onto heap
my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
$subscriber->init;
$subscriber->start;
my $connection = $node->connstr . ' dbname=replicated';
$node->safe_psql('postgres', 'CREATE DATABASE replicated');
for my $case ([ $node, 'replicated' ], [ $subscriber, 'postgres' ])
{
	$case->[0]->safe_psql($case->[1], "CREATE EXTENSION ruvector; $wide");
}
$node->safe_psql('replicated', $table->('t', 'ruvector_tam', 'WITH (toast_tuple_target = 128)'));
$node->safe_psql('replicated', 'INSERT INTO t SELECT i, 0, wide(i, 25) FROM generate_series(500, 600) i');
$node->safe_psql('replicated', 'CREATE PUBLICATION p FOR TABLE t');
$subscriber->safe_psql('postgres', $table->('t', 'ruvector_tam', 'WITH (toast_tuple_target = 128)'));
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION s CONNECTION '$connection' PUBLICATION p");
$subscriber->wait_for_subscription_sync($node, 's');
my $digest = q{SELECT count(*), md5(string_agg(id || ' ' || n || ' ' || md5(v), ',' ORDER BY id)) FROM t};
is($subscriber->safe_psql('postgres', $digest), $node->safe_psql('replicated', $digest), 'first copy');
my @steps = split /;\n\t(?!\t)/, workload(25);
for my $step (@steps[ 0 .. $#steps - 1 ])
{
	$node->safe_psql('replicated', "$step;");
	$node->wait_for_catchup('s');
	is($subscriber->safe_psql('postgres', $digest), $node->safe_psql('replicated', $digest),
		'after ' . substr($step =~ s/\s+/ /gr, 0, 60));
}
is( $subscriber->safe_psql('postgres',
		q{SELECT count(*) FROM t WHERE pg_column_size(v) <> octet_length(v)}),
	'0', 'the values are out of line at the subscriber');
is($subscriber->safe_psql('postgres', q{SELECT count(*) FROM ruvector_check('t')}), '0',
	'and the table is sound');

$subscriber->stop;
$node->stop;
done_testing();
