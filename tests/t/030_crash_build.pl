# 030_crash_build.pl
#     kill -9 of the whole server during CREATE INDEX and CREATE INDEX CONCURRENTLY.
#
# A plain build leaves no trace in the catalogs. A concurrent build leaves an invalid index, which is
# PostgreSQL's way: it is not used, and REINDEX makes it good.

use strict;
use warnings;

use RuvectorTest;
use Test::More;

my $node = new_node('build', conf => "maintenance_work_mem = 256MB\n");
load_sample($node, 'docs', using => 'ruvector_tam');

# slow enough to be caught in the middle
my $definition = 'ON docs USING hnsw (embedding vector_cosine_ops) WITH (m = 32, ef_construction = 400)';
my $queries    = 'SELECT embedding FROM docs WHERE id % 50 = 0';

# Starts $statement, waits until the server says that rows are being indexed, and kills the server.
sub crash_during
{
	my ($statement) = @_;
	my $session = run_in_background($node, "$statement;\n\\echo finished\n");

	wait_until(
		sub {
			background_is_running($session) or die "the build ended early: $session->{out}$session->{err}";
			return $node->safe_psql('postgres',
				"SELECT count(*) FROM pg_stat_progress_create_index WHERE phase LIKE 'building index%'") eq '1';
		},
		'the build to begin');
	crash_and_restart($node);
	finish_in_background($session);
	unlike($session->{out}, qr/finished/, 'the build was cut off');
	return;
}

foreach my $round (1 .. 2)
{
	crash_during("CREATE INDEX docs_idx $definition");
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_index WHERE indrelid = 'docs'::regclass"),
		'0', "round $round: no index is left");
	is($node->safe_psql('postgres', 'SELECT count(*), sum(vector_dims(embedding)) FROM docs'),
		'5000|500000', "round $round: the table is unharmed");
}

$node->safe_psql('postgres', "CREATE INDEX docs_idx $definition");
index_check_is_clean($node, 'docs_idx', 'after the crashes');
cmp_ok(recall($node, 'docs', op => '<=>', ef => 100, queries => $queries), '>=', 0.98, 'and it finds its rows');
$node->safe_psql('postgres', 'DROP INDEX docs_idx');

crash_during("CREATE INDEX CONCURRENTLY docs_idx $definition");
my $valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'docs_idx'::regclass";
is($node->safe_psql('postgres', $valid), 'f', 'a concurrent build leaves an invalid index');
unlike(
	$node->safe_psql('postgres', "SET enable_seqscan = off; EXPLAIN (COSTS OFF)
		SELECT id FROM docs ORDER BY embedding <=> (SELECT embedding FROM docs LIMIT 1) LIMIT 5"),
	qr/docs_idx/, 'which no query uses');
$node->safe_psql('postgres', 'REINDEX INDEX docs_idx');
is($node->safe_psql('postgres', $valid), 't', 'REINDEX makes it valid');
index_check_is_clean($node, 'docs_idx', 'after REINDEX');
cmp_ok(recall($node, 'docs', op => '<=>', ef => 100, queries => $queries), '>=', 0.98, 'and it finds its rows');

$node->safe_psql('postgres', "INSERT INTO docs SELECT id + 5000, word, embedding FROM docs WHERE id <= 100");
$node->safe_psql('postgres', 'REINDEX INDEX CONCURRENTLY docs_idx');
index_check_is_clean($node, 'docs_idx', 'after REINDEX CONCURRENTLY');
is( $node->safe_psql('postgres', "SET enable_seqscan = off; SELECT count(*) FROM (SELECT id FROM docs
		ORDER BY embedding <=> (SELECT embedding FROM docs WHERE id = 7) LIMIT 2) s WHERE id IN (7, 5007)"),
	'2', 'new rows are found too');

done_testing();
