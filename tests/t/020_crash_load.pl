# 020_crash_load.pl
#     kill -9 of the whole server while COPY loads a ruvector_tam table that has an hnsw index.
#
# A client commits batches and reports each one. After recovery every reported batch must be there
# whole, the one in flight whole or not at all, and the index must serve exactly the rows of the table.

use strict;
use warnings;

use RuvectorTest;
use Test::More;
use Time::HiRes qw(usleep);

use constant { BATCH => 200, ROUNDS => 3 };

srand(20);
my $node = new_node('load', conf => "shared_buffers = 16MB\n");
$node->safe_psql('postgres', <<'SQL');
	CREATE TABLE docs (batch int, id int, embedding vector(100)) USING ruvector_tam
		WITH (toast_tuple_target = 128);
	CREATE INDEX docs_embedding ON docs USING hnsw (embedding vector_l2_ops);
SQL

my @sample = map { [ (split /\t/)[ 0, 2 ] ] } split /\n/, sample_text();

# A psql script that copies batches $first.. of the sample and reports each commit.
sub load_script
{
	my ($first) = @_;
	my $script = '';

	for (my $batch = $first; ($batch + 1) * BATCH <= @sample; $batch++)
	{
		$script .= "COPY docs FROM STDIN;\n";
		$script .= "$batch\t$_->[0]\t$_->[1]\n" foreach @sample[ $batch * BATCH .. ($batch + 1) * BATCH - 1 ];
		$script .= "\\.\n\\echo committed $batch\n";
	}
	return $script;
}

my $next = 0;    # first batch that is not in the table
foreach my $round (1 .. ROUNDS)
{
	my $wanted = $next + 3;
	my $session = run_in_background($node, load_script($next));

	wait_until(
		sub {
			background_is_running($session) or die "the load ended early: $session->{err}";
			return $session->{out} =~ /^committed $wanted$/m;
		},
		"batch $wanted");
	usleep(int rand 60_000);
	crash_and_restart($node);
	finish_in_background($session);

	my @reported = $session->{out} =~ /^committed (\d+)$/mg;
	my $whole = $node->safe_psql('postgres',
		'SELECT count(*) FROM (SELECT FROM docs GROUP BY batch HAVING count(*) = ' . BATCH . ') b');
	my $batches = $node->safe_psql('postgres', 'SELECT count(DISTINCT batch) FROM docs');
	is($whole, $batches, "round $round: no batch is there in part");
	cmp_ok($batches, '>=', $reported[-1] + 1, "round $round: every reported batch is there");
	cmp_ok($batches, '<=', $reported[-1] + 2, "round $round: at most the one in flight besides");
	is( $node->safe_psql('postgres',
			'SELECT count(*) FROM docs d WHERE vector_dims(embedding) = 100 AND embedding <-> embedding = 0'),
		$batches * BATCH, "round $round: every vector can be read");
	index_is_uncorrupted($node, 'docs_embedding', "round $round");
	cmp_ok(
		recall($node, 'docs', ef => 200, queries => 'SELECT embedding FROM docs WHERE id % 17 = 0'),
		'>=', 0.98, "round $round: the index finds what a scan finds");
	$next = $batches;
}

# the load goes on where it was cut off, and vacuum removes what the crashes left
my ($status, $out, $err) = finish_in_background(run_in_background($node, load_script($next)));
is("$status|$err", '0|', 'the rest is loaded');
# (INDEX_CLEANUP: with so few dead rows VACUUM would leave the index alone)
$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) docs');
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT id) FROM docs'), '5000|5000', 'all rows, each once');
index_check_is_clean($node, 'docs_embedding', 'after vacuum');
index_is_used($node, "SELECT id FROM docs ORDER BY embedding <-> (SELECT embedding FROM docs LIMIT 1) LIMIT 5",
	'docs_embedding');

done_testing();
