# 070_graph_crash.pl
#     kill -9 of the whole server while a client writes to a property graph.
#
# Each transaction adds a node and an edge to the node before it, with new labels, types and keys now
# and then. After recovery the graph holds every chain that was reported, whole, and ruvector_graph_check
# finds nothing wrong.

use strict;
use warnings;

use RuvectorTest;
use Test::More;
use Time::HiRes qw(usleep);

use constant ROUNDS => 3;

srand(70);
my $node = new_node('graph');
$node->safe_psql('postgres', <<'SQL');
	SELECT ruvector_graph_create('chain');
	SELECT ruvector_node_add('chain', '{Start}', '{"n": 0}');
	CREATE TABLE last_node AS SELECT id, 0 AS n FROM ruvector_nodes WHERE graph = 'chain';
SQL

# Transactions $first..: node n, with an edge from node n - 1.
sub write_script
{
	my ($first) = @_;
	my $script = '';

	foreach my $n ($first .. $first + 3000)
	{
		my $label = $n % 10 == 0 ? "L$n" : 'Link';
		my $type  = $n % 15 == 0 ? "T$n" : 'NEXT';

		$script .= <<"SQL";
			BEGIN;
			SELECT ruvector_node_add('chain', '{Member,$label}', '{"n": $n, "key$n": "value $n"}') AS id \\gset
			SELECT count(ruvector_edge_add('chain', id, :id, '$type', '{"n": $n}')) AS added FROM last_node \\gset
			UPDATE last_node SET id = :id, n = $n;
			COMMIT;
			\\echo committed $n
SQL
	}
	return $script;
}

my $next = 1;
foreach my $round (1 .. ROUNDS)
{
	my $wanted = $next + 60;
	my $session = run_in_background($node, write_script($next));

	wait_until(
		sub {
			background_is_running($session) or die "the writes ended early: $session->{err}";
			return $session->{out} =~ /^committed $wanted$/m;
		},
		"transaction $wanted");
	usleep(int rand 30_000);
	crash_and_restart($node);
	finish_in_background($session);

	my @reported = $session->{out} =~ /^committed (\d+)$/mg;
	my ($nodes, $highest) = split /\|/, $node->safe_psql('postgres',
		"SELECT count(*) - 1, max((properties->>'n')::int) FROM ruvector_nodes WHERE graph = 'chain'");
	my $edges = $node->safe_psql('postgres', "SELECT count(*) FROM ruvector_edges WHERE graph = 'chain'");
	cmp_ok($highest, '>=', $reported[-1], "round $round: every reported node is there");
	cmp_ok($highest, '<=', $reported[-1] + 1, "round $round: at most the one in flight besides");
	is($nodes, $highest, "round $round: none is missing in between");
	is($edges, $nodes, "round $round: each came with its edge");
	is( $node->safe_psql('postgres', <<'SQL'), $edges, "round $round: and the edge leads to it from the one before");
		SELECT count(*) FROM ruvector_edges e
			JOIN ruvector_nodes a ON a.graph = 'chain' AND a.id = e.start_id
			JOIN ruvector_nodes b ON b.graph = 'chain' AND b.id = e.end_id
		WHERE e.graph = 'chain' AND (b.properties->>'n')::int = (a.properties->>'n')::int + 1
			AND e.properties->>'n' = b.properties->>'n'
SQL
	is( $node->safe_psql('postgres', "SELECT count(*) FROM ruvector_nodes WHERE graph = 'chain'
			AND labels[1] <> 'Start' AND NOT labels @> '{Member}'"),
		'0', "round $round: no label is lost");
	is($node->safe_psql('postgres', "SELECT * FROM ruvector_graph_check('chain')"), '',
		"round $round: ruvector_graph_check finds nothing wrong");
	$next = $highest + 1;
}

done_testing();
