# 010_recall.pl
#     Recall of hnsw on real word vectors, judged by FAISS (tests/oracle), for every metric, on heap and
#     on ruvector_tam, as built and again after a third of the rows was deleted, vacuumed away and
#     inserted anew.

use strict;
use warnings;

use RuvectorTest;
use Test::More;

my %operator = (l2 => '<->', ip => '<#>', cosine => '<=>');
my %minimum = (40 => 0.98, 100 => 0.99, 200 => 0.995);

my $node = new_node('recall', conf => "maintenance_work_mem = 256MB\n");
load_sample($node, 'sample');
# every 25th word is a query and stays out of the searched tables
$node->safe_psql('postgres', 'CREATE TABLE queries AS SELECT id, embedding FROM sample WHERE id % 25 = 0');

# Runs the oracle on one table and metric and tests each figure it prints.
sub judge
{
	my ($table, $metric, $when) = @_;
	my @ef = sort { $a <=> $b } keys %minimum;
	my ($status, $out) = oracle(
		$node,
		'--metric'  => $metric,
		'--ef'      => join(',', @ef),
		'--setup'   => 'SET LOCAL enable_seqscan = off',
		'--base'    => "SELECT id::text, embedding FROM $table",
		'--queries' => 'SELECT id::text, embedding FROM queries ORDER BY id',
		'--knn'     => "SELECT id::text FROM $table ORDER BY embedding $operator{$metric} \$1 LIMIT 10");
	is($status, 0, "$table, $metric, $when: the oracle ran") or diag($out);
	like($out, qr/^plan index=${table}_$metric$/m, "$table, $metric, $when: its index was used");
	foreach my $ef (@ef)
	{
		my ($recall) = $out =~ /^recall .* ef=$ef .* recall=([0-9.]+)$/m;
		cmp_ok($recall // -1, '>=', $minimum{$ef}, "$table, $metric, $when: recall@10 at ef_search $ef");
	}
	return;
}

foreach my $method ('heap', 'ruvector_tam')
{
	my $table = "items_$method";

	$node->safe_psql('postgres', <<"SQL");
		CREATE TABLE $table (id int PRIMARY KEY, embedding vector(100)) USING $method
			WITH (toast_tuple_target = 128);
		INSERT INTO $table SELECT id, embedding FROM sample WHERE id % 25 <> 0;
		CREATE INDEX ${table}_l2 ON $table USING hnsw (embedding vector_l2_ops);
		CREATE INDEX ${table}_ip ON $table USING hnsw (embedding vector_ip_ops);
		CREATE INDEX ${table}_cosine ON $table USING hnsw (embedding vector_cosine_ops);
		ANALYZE $table;
SQL
	judge($table, $_, 'as built') foreach sort keys %operator;

	$node->safe_psql('postgres', <<"SQL");
		DELETE FROM $table WHERE id % 3 = 0;
		VACUUM $table;
		INSERT INTO $table SELECT id, embedding FROM sample WHERE id % 25 <> 0 AND id % 3 = 0;
SQL
	is($node->safe_psql('postgres', "SELECT count(*) FROM $table"), '4800', "$table has all of its rows");
	foreach my $metric (sort keys %operator)
	{
		judge($table, $metric, 'after delete, vacuum and insert');
		index_check_is_clean($node, "${table}_$metric", $table);
	}
}

# the helper of the other tests agrees with the oracle that there is something to find, and a table
# without an index gives no figure at all
my ($status, undef) = oracle(
	$node,
	'--base'    => 'SELECT id::text, embedding FROM sample',
	'--queries' => 'SELECT id::text, embedding FROM queries',
	'--knn'     => 'SELECT id::text FROM sample ORDER BY embedding <-> $1 LIMIT 10');
is($status, 2, 'the oracle refuses to judge a sort');
cmp_ok(
	recall($node, 'items_heap', op => '<=>', ef => 200, queries => 'SELECT embedding FROM queries WHERE id <= 500'),
	'>=', $minimum{200}, 'recall against a sequential scan');

done_testing();
