# hnsw_build_memory.pl
#     CREATE INDEX when the graph is larger than maintenance_work_mem: built in overlapping parts, by one
#     process and by several, with the recall of a build at once; foreseen or not; and cut short.

use strict;
use warnings;

use RuvectorTest;
use Test::More;

my $node = new_node('memory',
	conf => "maintenance_work_mem = 256MB\nmax_parallel_maintenance_workers = 2\nmax_worker_processes = 8\n");
load_sample($node, 'docs');

my $queries = 'SELECT embedding FROM docs WHERE id % 25 = 0';
my $options = 'USING hnsw (embedding vector_cosine_ops) WITH (m = 16, ef_construction = 100)';
my $in_parts = qr/NOTICE:  hnsw graph of about \d+ rows takes \d+ MB, maintenance_work_mem is 1 MB/;

sub run_loudly
{
	my ($sql, $level) = @_;
	my ($status, undef, $err) =
	  $node->psql('postgres', 'SET client_min_messages = ' . ($level // 'notice') . "; $sql");
	return ($status, $err);
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

sub temporary_files
{
	return join ' ', glob $node->data_dir . '/base/pgsql_tmp/*';
}

# ---- as good as a build at once ----
my ($status, $err) = run_loudly("CREATE INDEX docs_idx ON docs $options");
is($status, 0, 'a build at once');
unlike($err, qr/NOTICE/, 'goes without saying');
my %expected = map { $_ => recall($node, 'docs', op => '<=>', ef => $_, queries => $queries) } (40, 100);

foreach my $workers (0, 2)
{
	my $name = "in parts with $workers workers";
	$node->safe_psql('postgres', "ALTER TABLE docs SET (parallel_workers = $workers); DROP INDEX docs_idx");
	($status, $err) = run_loudly("SET maintenance_work_mem = '1MB'; CREATE INDEX docs_idx ON docs $options", 'debug1');
	is($status, 0, "$name: built") or diag($err);
	like($err, $in_parts, "$name: says so");
	like($err, qr/with [12] workers/, "$name: workers took part") if $workers > 0;
	index_check_is_clean($node, 'docs_idx', $name);
	holds_every_row('docs', 5000, $name);
	foreach my $ef (sort { $a <=> $b } keys %expected)
	{
		cmp_ok(recall($node, 'docs', op => '<=>', ef => $ef, queries => $queries),
			'>=', $expected{$ef} - 0.01, "$name: recall at ef_search $ef of a build at once ($expected{$ef})");
	}
	is(temporary_files(), '', "$name: no temporary file is left");
}
$node->safe_psql('postgres', 'INSERT INTO docs SELECT id + 5000, word, embedding FROM docs WHERE id % 50 = 1;
	DELETE FROM docs WHERE id % 10 = 3; VACUUM docs');
index_check_is_clean($node, 'docs_idx', 'inserts and vacuum');
holds_every_row('docs', 4600, 'inserts and vacuum');

# ---- few different vectors, other distances, the smallest m ----
$node->safe_psql('postgres', <<'SQL');
	CREATE TABLE copies (id serial, embedding vector(100));
	INSERT INTO copies (embedding) SELECT d.embedding FROM docs d, generate_series(1, 2000) WHERE d.id <= 4 AND d.id % 10 <> 3;
	INSERT INTO copies (embedding) SELECT embedding FROM docs WHERE id <= 1000;
SQL
my $copies = $node->safe_psql('postgres', 'SELECT count(*) FROM copies');
foreach my $case ([ 'cosine', 16 ], [ 'l2', 2 ], [ 'ip', 16 ])
{
	my ($metric, $m) = @$case;
	my $name = "copies by $metric";
	($status, $err) = run_loudly("SET maintenance_work_mem = '1MB'; CREATE INDEX copies_idx ON copies
		USING hnsw (embedding vector_${metric}_ops) WITH (m = $m, ef_construction = 40)");
	is($status, 0, "$name: built") or diag($err);
	like($err, $in_parts, "$name: in parts");
	index_check_is_clean($node, 'copies_idx', $name);
	holds_every_row('copies', $copies, $name) if $metric eq 'cosine';
	$node->safe_psql('postgres', 'DROP INDEX copies_idx');
}

# ---- the other kinds of codes, with and without payloads, and filter words ----
$node->safe_psql('postgres', <<'SQL');
	SELECT setseed(0.5);
	CREATE TABLE kinds (id int, b bit(256), v vector(32), s sparsevec(1000), embedding vector(100));
	INSERT INTO kinds SELECT i,
		(SELECT string_agg(round(random())::text, '') FROM generate_series(1, 256) WHERE i = i)::bit(256),
		ARRAY(SELECT random() FROM generate_series(1, 32) WHERE i = i)::vector,
		('{' || (SELECT string_agg((j * 31 + i % 7 + 1) || ':' || random() + 0.01, ',') FROM generate_series(0, 19) j)
			|| '}/1000')::sparsevec
		FROM generate_series(1, 5000) i;
SQL
foreach my $case (
	[ 'b bit_hamming_ops',      'b <~> (SELECT b FROM kinds WHERE id = 5)' ],
	[ 'b bit_jaccard_ops',      'b <%> (SELECT b FROM kinds WHERE id = 5)' ],
	[ 'v vector_l1_ops',        'v <+> (SELECT v FROM kinds WHERE id = 5)' ],
	[ 's sparsevec_l2_ops',     's <-> (SELECT s FROM kinds WHERE id = 5)' ],
	[ 'v vector_l2_ops, id',    'v <-> (SELECT v FROM kinds WHERE id = 5)', 'WHERE id <= 3000', 3000 ])
{
	my ($columns, $order, $condition, $count) = (@$case, '', 5000);
	($status, $err) = run_loudly("SET maintenance_work_mem = '1MB'; CREATE INDEX kinds_idx ON kinds USING hnsw ($columns)");
	is($status, 0, "$columns: built") or diag($err);
	like($err, $in_parts, "$columns: in parts");
	index_check_is_clean($node, 'kinds_idx', $columns);
	is( $node->safe_psql('postgres', "SET enable_seqscan = off; SET hnsw.max_scan_tuples = 1000000;
			SET hnsw.iterative_scan = relaxed_order; SELECT count(*), count(DISTINCT id), min(id) FILTER (WHERE place = 1)
			FROM (SELECT id, row_number() OVER () AS place FROM
				(SELECT id FROM kinds $condition ORDER BY $order LIMIT 1000000) s) s"),
		"$count|$count|5", "$columns: every row once, the nearest first");
	$node->safe_psql('postgres', 'DROP INDEX kinds_idx');
}

# ---- more rows than the sample of blocks lets expect ----
# Of 18 blocks the sample reads the first 8. The index takes the rows of the first and of the last 9.
my $fill = 'TRUNCATE uneven; INSERT INTO uneven
	SELECT i, ARRAY(SELECT sin(i * j) FROM generate_series(1, 100) j)::vector FROM generate_series(1, %d) i';

$node->safe_psql('postgres', 'CREATE TABLE uneven (id int, embedding vector(100)); ' . sprintf($fill, 100));
my $per_page = $node->safe_psql('postgres', "SELECT count(*) FROM uneven WHERE ctid < '(1,0)'");
$node->safe_psql('postgres', sprintf($fill, 1152 * $per_page));
is($node->safe_psql('postgres', "SELECT pg_relation_size('uneven') / 8192"), '1152', 'a table of 1,152 blocks');
my $where = "((id - 1) / $per_page) % 18 IN (0, 9, 10, 11, 12, 13, 14, 15, 16, 17)";
my $rows = $node->safe_psql('postgres', "SELECT count(*) FROM uneven WHERE $where");
foreach my $workers (0, 2)
{
	my $name = "a surprise with $workers workers";
	$node->safe_psql('postgres', "ALTER TABLE uneven SET (parallel_workers = $workers)");
	($status, $err) = run_loudly("SET maintenance_work_mem = '1MB'; CREATE INDEX uneven_idx ON uneven
		USING hnsw (embedding vector_cosine_ops) WITH (m = 4, ef_construction = 16) WHERE $where", 'debug1');
	is($status, 0, "$name: built") or diag($err);
	like($err, qr/DEBUG:  hnsw graph of about.*NOTICE:  hnsw graph of about $rows rows/s, "$name: seen when it was there");
	index_check_is_clean($node, 'uneven_idx', $name);
	holds_every_row('uneven', $rows, $name, $where);
	$node->safe_psql('postgres', 'DROP INDEX uneven_idx');
}

# ---- a build that is cut short ----
my $slow = "SET maintenance_work_mem = '1MB'; CREATE INDEX slow_idx ON uneven USING hnsw (embedding vector_cosine_ops) WITH (m = 50, ef_construction = 500)";

sub start_slow_build
{
	my $session = run_in_background($node, "$slow;\n\\echo finished\n");

	wait_until(
		sub {
			background_is_running($session) or die "the build ended early: $session->{out}$session->{err}";
			return $node->safe_psql('postgres',
				'SELECT sum(tuples_done) > 0 FROM pg_stat_progress_create_index') eq 't';
		},
		'the parts to be built');
	return $session;
}

my $session = start_slow_build();
isnt(temporary_files(), '', 'a build in parts has temporary files');
$node->safe_psql('postgres', 'SELECT pg_cancel_backend(pid) FROM pg_stat_progress_create_index');
(undef, undef, $err) = finish_in_background($session);
like($err, qr/canceling statement due to user request/, 'it can be cancelled');
wait_until(sub { $node->safe_psql('postgres',
	"SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'") eq '0' }, 'the workers to leave');
is(temporary_files(), '', 'then no temporary file is left');

$session = start_slow_build();
crash_and_restart($node);
finish_in_background($session);
unlike($session->{out}, qr/finished/, 'a crash cuts it off');
is(temporary_files(), '', 'and no temporary file is left');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_class WHERE relname = 'slow_idx'"), '0', 'nor an index');
index_check_is_clean($node, 'docs_idx', 'after the crash');

done_testing();
