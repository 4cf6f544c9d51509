# hnsw_build.pl
#     CREATE INDEX by several processes: every row once, the recall of a build by one process, and what
#     happens when a process fails, is cancelled or killed in the middle.

use strict;
use warnings;

use RuvectorTest;
use Test::More;

my $node = new_node('build',
	conf => "maintenance_work_mem = 256MB\nmax_parallel_maintenance_workers = 2\nmax_worker_processes = 8\n");
load_sample($node, 'docs');
load_sample($node, 'tiered', using => 'ruvector_tam');
$node->safe_psql('postgres', 'ALTER TABLE docs SET (parallel_workers = 2); ALTER TABLE tiered SET (parallel_workers = 2)');

my $queries = 'SELECT embedding FROM docs WHERE id % 50 = 0';
my $parallel = qr/hnsw build of index "\w+" with [12] workers/;

# Runs a statement with the server's DEBUG1 messages; returns (status, messages).
sub run_loudly
{
	my ($sql) = @_;
	my ($status, undef, $err) = $node->psql('postgres', "SET client_min_messages = debug1; $sql");
	return ($status, $err);
}

# Test: a statement succeeds and worker processes take part.
sub builds_in_parallel
{
	my ($sql, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($status, $err) = run_loudly($sql);
	is($status, 0, "$name: built") or diag($err);
	return like($err, $parallel, "$name: worker processes took part");
}

# Test: a scan to the end returns $rows rows of $table, each once.
sub holds_every_row
{
	my ($table, $rows, $name, $where) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $condition = defined $where ? "WHERE $where" : '';
	my $found = $node->safe_psql('postgres', <<"SQL");
		SET enable_seqscan = off;
		SET hnsw.max_scan_tuples = 1000000;
		SET hnsw.iterative_scan = relaxed_order;
		SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM $table $condition
			ORDER BY embedding <=> (SELECT embedding FROM docs WHERE id = 1) LIMIT 1000000) s;
SQL
	return is($found, "$rows|$rows", "$name: every row once");
}

# ---- as good as a serial build, on heap and on ruvector_tam ----
my $options = 'USING hnsw (embedding vector_cosine_ops) WITH (m = 12, ef_construction = 100)';

my ($status, $err) =
  run_loudly("SET max_parallel_maintenance_workers = 0; CREATE INDEX docs_idx ON docs $options");
is($status, 0, 'a serial build');
unlike($err, $parallel, 'has no workers');
my $serial = recall($node, 'docs', op => '<=>', ef => 40, queries => $queries);
$node->safe_psql('postgres', 'DROP INDEX docs_idx');

foreach my $table ('docs', 'tiered')
{
	builds_in_parallel("CREATE INDEX ${table}_idx ON $table $options", $table);
	index_check_is_clean($node, "${table}_idx", $table);
	holds_every_row($table, 5000, $table);
	cmp_ok(recall($node, $table, op => '<=>', ef => 40, queries => $queries),
		'>=', $serial - 0.01, "$table: recall of a serial build ($serial)");
}

# ---- the other ways to build ----
builds_in_parallel('REINDEX INDEX docs_idx', 'REINDEX');
index_check_is_clean($node, 'docs_idx', 'REINDEX');
builds_in_parallel('REINDEX INDEX CONCURRENTLY docs_idx', 'REINDEX CONCURRENTLY');
index_check_is_clean($node, 'docs_idx', 'REINDEX CONCURRENTLY');
holds_every_row('docs', 5000, 'REINDEX CONCURRENTLY');
$node->safe_psql('postgres', 'DROP INDEX docs_idx');
builds_in_parallel("CREATE INDEX CONCURRENTLY docs_idx ON docs $options", 'CONCURRENTLY');
holds_every_row('docs', 5000, 'CONCURRENTLY');
$node->safe_psql('postgres', 'DROP INDEX docs_idx');

builds_in_parallel(
	'CREATE INDEX docs_idx ON docs USING hnsw (embedding vector_cosine_ops) WHERE id % 2 = 0', 'a partial index');
index_check_is_clean($node, 'docs_idx', 'a partial index');
holds_every_row('docs', 2500, 'a partial index', 'id % 2 = 0');
$node->safe_psql('postgres', 'DROP INDEX docs_idx');

builds_in_parallel(
	'CREATE INDEX docs_idx ON docs USING hnsw ((l2_normalize(embedding)::vector(100)) vector_l2_ops)',
	'an index on an expression');
index_check_is_clean($node, 'docs_idx', 'an index on an expression');
is( $node->safe_psql('postgres', "SET enable_seqscan = off; SELECT id FROM docs ORDER BY
		l2_normalize(embedding)::vector(100) <-> (SELECT l2_normalize(embedding) FROM docs WHERE id = 77) LIMIT 1"),
	'77', 'and it is searched');
$node->safe_psql('postgres', 'DROP INDEX docs_idx');

# ---- duplicates, no rows, one row ----
$node->safe_psql('postgres', <<'SQL');
	CREATE TABLE copies (id serial, embedding vector(100)) WITH (parallel_workers = 2);
	INSERT INTO copies (embedding) SELECT d.embedding FROM docs d, generate_series(1, 1500) WHERE d.id <= 4;
	CREATE TABLE few (id serial, embedding vector(100)) WITH (parallel_workers = 2);
SQL
builds_in_parallel("CREATE INDEX copies_idx ON copies $options", 'duplicates');
index_check_is_clean($node, 'copies_idx', 'duplicates');
holds_every_row('copies', 6000, 'duplicates');
$node->safe_psql('postgres', "CREATE INDEX few_idx ON few $options");
index_check_is_clean($node, 'few_idx', 'no rows');
holds_every_row('few', 0, 'no rows');
$node->safe_psql('postgres', 'INSERT INTO few (embedding) SELECT embedding FROM docs WHERE id = 9; REINDEX INDEX few_idx');
index_check_is_clean($node, 'few_idx', 'one row');
holds_every_row('few', 1, 'one row');

# ---- a row that fails, in whatever process reads it ----
$node->safe_psql('postgres', <<'SQL');
	CREATE FUNCTION picky(id int, embedding vector) RETURNS vector IMMUTABLE PARALLEL SAFE LANGUAGE plpgsql AS
	$$ BEGIN IF id = 4321 THEN RAISE EXCEPTION 'row % is not liked', id; END IF; RETURN embedding; END $$;
SQL
($status, $err) = run_loudly('CREATE INDEX picky_idx ON docs USING hnsw ((picky(id, embedding)::vector(100)) vector_l2_ops)');
isnt($status, 0, 'a row that fails ends the build');
like($err, qr/ERROR:  row 4321 is not liked/, 'with its message');

# ---- a build that is cut short ----
my $slow = 'CREATE INDEX slow_idx ON docs USING hnsw (embedding vector_cosine_ops) WITH (m = 100, ef_construction = 1000)';
my $workers = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'parallel worker'";

sub start_slow_build
{
	my ($statement) = @_;
	my $session = run_in_background($node, "$statement;\n\\echo finished\n");

	wait_until(
		sub {
			background_is_running($session) or die "the build ended early: $session->{out}$session->{err}";
			return $node->safe_psql('postgres', "$workers LIMIT 1") ne '' && $node->safe_psql('postgres',
				'SELECT sum(tuples_done) > 0 FROM pg_stat_progress_create_index') eq 't';
		},
		'a worker to begin');
	return $session;
}

sub leaves_nothing
{
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	wait_until(sub { $node->safe_psql('postgres', $workers) eq '' }, 'the workers to leave');
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_class WHERE relname = 'slow_idx'"), '0', "$name: no index is left");
	is(join(' ', glob $node->data_dir . '/base/pgsql_tmp/*'), '', "$name: no temporary file is left");
	return is(count_shared_memory(), $main::segments, "$name: no shared memory is left");
}

# The segments of dynamic shared memory there are now. The servers of other tests run beside us, so only
# those that processes of this server have mapped count.
sub count_shared_memory
{
	my $pid = $node->{_pid};
	my %seen;

	foreach my $maps (glob '/proc/[0-9]*/maps')
	{
		my ($process) = $maps =~ m{/proc/(\d+)/};
		open my $stat, '<', "/proc/$process/stat" or next;
		my ($parent) = (<$stat> // '') =~ /^\d+ \(.*\) \S (\d+)/s;
		next unless defined $parent && ($parent == $pid || $process == $pid);
		open my $file, '<', $maps or next;
		while (my $line = <$file>) { $seen{$1} = 1 if $line =~ m{(/dev/shm/PostgreSQL\.\d+)}; }
	}
	return scalar keys %seen;
}

our $segments = count_shared_memory();

my $session = start_slow_build($slow);
$node->safe_psql('postgres', "SELECT pg_cancel_backend(pid) FROM pg_stat_progress_create_index");
($status, undef, $err) = finish_in_background($session);
like($err, qr/canceling statement due to user request/, 'a build can be cancelled');
leaves_nothing('cancelled');

$session = start_slow_build($slow);
$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM ($workers LIMIT 1) s");
($status, undef, $err) = finish_in_background($session);
like($err, qr/terminating connection due to administrator command|parallel worker/, 'a worker that goes ends the build');
leaves_nothing('without a worker');

$session = start_slow_build($slow);
crash_and_restart($node);
finish_in_background($session);
unlike($session->{out}, qr/finished/, 'a crash cuts the build off');
leaves_nothing('after a crash');
builds_in_parallel("CREATE INDEX docs_idx ON docs $options", 'after the crash');
index_check_is_clean($node, 'docs_idx', 'after the crash');

done_testing();
