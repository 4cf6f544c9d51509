# hnsw_inspect.pl
#     The page inspection functions show broken pages, and nothing crashes on hostile bytes.
#
# Offsets are those of docs/hnsw-format.md: what a slot begins with is the same in every index.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use constant { PAGE => 8192, HEADER => 24, S_LEVEL => 6, S_STATE => 7, S_DEGREE => 14, UPPER_COUNT => 7 };

my $node = PostgreSQL::Test::Cluster->new('hnsw_inspect');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off");
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION ruvector;
CREATE TABLE t (id int, v vector(8));
INSERT INTO t SELECT i, (SELECT array_agg((hashint4extended(i, d) & 65535) / 32768.0 - 1 ORDER BY d)::real[]::vector
	FROM generate_series(1, 8) d) FROM generate_series(1, 40) i;
CREATE INDEX t_v ON t USING hnsw (v vector_l2_ops) WITH (m = 4, ef_construction = 16);
SQL

# the first block of a kind, and its first used slot
sub block_of
{
	my ($kind) = @_;
	return $node->safe_psql('postgres', "SELECT min(b) FROM generate_series(0, pg_relation_size('t_v') / 8192 - 1) b,
		ruvector_hnsw_page_stats('t_v', b) s WHERE kind = '$kind' AND used > 0");
}
my ($graph, $upper, $vector) = map { block_of($_) } qw(graph upper vector);
my $used = $node->safe_psql('postgres', "SELECT min(slot) FROM ruvector_hnsw_page_items('t_v', $upper) WHERE level > 0");
my $upper_bytes = 8 + 4 * 4;
my $file = $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('t_v')");
my $good = '';

# Runs the query on the index with a byte changed, or a whole page overwritten.
sub broken
{
	my ($at, $bytes, $query) = @_;
	$node->stop;
	$good = PostgreSQL::Test::Utils::slurp_file($file) if $good eq '';
	my $bad = $good;
	substr($bad, $at, length $bytes) = $bytes;
	open(my $out, '>:raw', $file) or die $!;
	print $out $bad;
	close $out;
	$node->start;
	my ($rc, $stdout, $stderr) = $node->psql('postgres', $query);
	return $stdout . $stderr;
}

my $slot = $graph * PAGE + HEADER;
is(broken($slot + S_DEGREE, chr(255), "SELECT degree, cardinality(edges) FROM ruvector_hnsw_page_items('t_v', $graph) WHERE slot = 0"),
	'255|8', 'a degree beyond 2m is shown, and no more than 2m edges are read');
is(broken($slot + S_STATE, chr(99), "SELECT state FROM ruvector_hnsw_page_items('t_v', $graph) WHERE slot = 0"),
	'unknown (99)', 'a state that does not exist');
is(broken($slot + S_LEVEL, chr(200), "SELECT level FROM ruvector_hnsw_page_items('t_v', $graph) WHERE slot = 0"),
	'200', 'a level beyond 15');
is(broken($upper * PAGE + HEADER + $used * $upper_bytes + UPPER_COUNT, chr(255),
		"SELECT degree, cardinality(edges) FROM ruvector_hnsw_page_items('t_v', $upper) WHERE slot = $used"),
	'255|4', 'an upper list of more than m edges');
like(broken($vector * PAGE + PAGE - 4, pack('v', 3), "SELECT problem FROM ruvector_hnsw_page_stats('t_v', $vector)"),
	qr/^HNSW-1: the page is not of the kind its place demands/, 'a page of another kind: the statistics tell');
like(broken($vector * PAGE + PAGE - 4, pack('v', 3), "SELECT * FROM ruvector_hnsw_page_items('t_v', $vector)"),
	qr/HNSW-1/, 'a page of another kind: no slots are made up');
is(broken($graph * PAGE, "\0" x PAGE, "SELECT initialised, (SELECT count(*) FROM ruvector_hnsw_page_items('t_v', $graph)) FROM ruvector_hnsw_page_stats('t_v', $graph)"),
	'f|0', 'a page of zeros');
srand(42);
for my $block ($graph, $upper, $vector)
{
	my $noise = join '', map { chr(int(rand(256))) } 1 .. PAGE - HEADER - 8;
	like(broken($block * PAGE + HEADER, $noise, "SELECT count(*) > 0 FROM ruvector_hnsw_page_items('t_v', $block)"),
		qr/^t$/, "noise on block $block");
}
$node->stop;
done_testing();
