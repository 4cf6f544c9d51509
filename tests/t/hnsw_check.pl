# hnsw_check.pl
#     ruvector_index_check finds what is broken on purpose, and nothing crashes on hostile pages.
#
# Each invariant HNSW-1 .. HNSW-12 of indexam/README-hnsw.md is broken by editing the bytes of the
# index's file (checksums are off here). The offsets are those of docs/hnsw-format.md, computed here
# a second time: 8 dimensions, m = 4, 8-bit codes of 8 bytes.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use constant {
	PAGE => 8192, HEADER => 24,
	SLOT => 40 + 8 + 4 * 8, UPPER => 8 + 4 * 4, VECTOR => 8 + 12 + 8,
	META => 0, GRAPH => 2, UPPERS => 3, VECTORS => 4
};
# meta page fields
use constant { M_LEVEL => 42, M_ENTRY => 52, M_NEXT => 56, M_FREE => 60, M_FREE_COUNT => 64 };
# graph slot fields
use constant { S_NID => 0, S_SEQ => 4, S_LEVEL => 6, S_STATE => 7, S_DEGREE => 14, S_MAGIC => 16,
	S_ADD => 20, S_LINK => 32, S_DUP => 36, S_EDGES => 40 + 8 };

my $node = PostgreSQL::Test::Cluster->new('hnsw_check');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off");
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION ruvector;
CREATE TABLE t (id int, v vector(8));
INSERT INTO t SELECT i, (SELECT array_agg((hashint4extended(i, d) & 65535) / 32768.0 - 1 ORDER BY d)::real[]::vector
	FROM generate_series(1, 8) d) FROM generate_series(1, 40) i;
CREATE INDEX t_v ON t USING hnsw (v vector_l2_ops) WITH (m = 4, ef_construction = 16);
INSERT INTO t SELECT id + 100, v FROM t WHERE id <= 5;
DELETE FROM t WHERE id IN (33, 34, 35);
VACUUM t;
SQL
is($node->safe_psql('postgres', "SELECT rows, nodes, duplicates, free FROM ruvector_hnsw_stats('t_v')"),
	'42|37|5|3', 'the index to be broken');
is($node->safe_psql('postgres', "SELECT count(*) FROM ruvector_index_check('t_v')"), '0', 'is sound');
my $file = $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('t_v')");
$node->stop;
my $good = PostgreSQL::Test::Utils::slurp_file($file);

sub u32 { return unpack('V', substr(${ $_[0] }, $_[1], 4)); }
sub u8 { return unpack('C', substr(${ $_[0] }, $_[1], 1)); }
sub put { my ($bytes, $at, $format, $value) = @_; substr($$bytes, $at, length pack($format, $value)) = pack($format, $value); return; }
sub meta { return META * PAGE + HEADER + $_[0]; }
sub slot { my ($nid, $field) = @_; return GRAPH * PAGE + HEADER + $nid * SLOT + $field; }

# The slots that a case wants, found by what they say.
sub find_slot
{
	my ($test) = @_;
	for my $nid (0 .. 44)
	{
		return $nid if $test->($nid);
	}
	BAIL_OUT('no such slot');
}
my $live = find_slot(sub { u8(\$good, slot($_[0], S_STATE)) == 3 && u8(\$good, slot($_[0], S_DEGREE)) > 1
		&& u8(\$good, slot($_[0], S_LEVEL)) == 0 });
my $upper = find_slot(sub { u8(\$good, slot($_[0], S_STATE)) == 3 && u8(\$good, slot($_[0], S_LEVEL)) == 1 });
my $primary = find_slot(sub { u8(\$good, slot($_[0], S_STATE)) == 3 && u32(\$good, slot($_[0], S_DUP)) != 0xFFFFFFFF });
my $duplicate = u32(\$good, slot($primary, S_DUP));
my $free = u32(\$good, meta(M_FREE));
is(u8(\$good, slot($free, S_STATE)), 1, 'the offsets of the documentation lead to a free slot');
is(u8(\$good, slot($duplicate, S_STATE)), 4, 'and to a duplicate');

# invariant, what is done, how
my @cases = (
	[ 1, 'special space', sub { my $b = shift; put($b, VECTORS * PAGE + $_, 'v', PAGE - 16) for 14, 16 } ],
	[ 1, 'index magic of a page', sub { put($_[0], VECTORS * PAGE + PAGE - 8, 'V', 1) } ],
	[ 1, 'kind of a page', sub { put($_[0], UPPERS * PAGE + PAGE - 4, 'v', 5) } ],
	[ 1, 'pd_lower', sub { put($_[0], GRAPH * PAGE + 12, 'v', 100) } ],
	[ 2, 'nid', sub { put($_[0], slot($live, S_NID), 'V', 7777) } ],
	[ 2, 'state', sub { put($_[0], slot($live, S_STATE), 'C', 99) } ],
	[ 2, 'level', sub { put($_[0], slot($live, S_LEVEL), 'C', 200) } ],
	[ 2, 'degree', sub { put($_[0], slot($live, S_DEGREE), 'C', 255) } ],
	[ 2, 'magic', sub { put($_[0], slot($live, S_MAGIC), 'V', 0) } ],
	[ 3, 'free count', sub { put($_[0], meta(M_FREE_COUNT), 'V', 4000000000) } ],
	[ 3, 'next nid', sub { put($_[0], meta(M_NEXT), 'V', 2000000000) } ],
	[ 4, 'no entry', sub { put($_[0], meta(M_ENTRY), 'V', 0xFFFFFFFF) } ],
	[ 4, 'entry is no node', sub { put($_[0], meta(M_ENTRY), 'V', $duplicate) } ],
	[ 4, 'entry out of range', sub { put($_[0], meta(M_ENTRY), 'V', 1000000) } ],
	[ 4, 'entry level', sub { put($_[0], meta(M_LEVEL), 'v', 15) } ],
	[ 5, 'edge to itself', sub { put($_[0], slot($live, S_EDGES), 'V', $live) } ],
	[ 5, 'edge into nowhere', sub { put($_[0], slot($live, S_EDGES), 'V', 0x7FFFFFFE) } ],
	[ 5, 'double edge', sub { put($_[0], slot($live, S_EDGES), 'V', u32($_[0], slot($live, S_EDGES + 4))) } ],
	[ 6, 'upper list gone', sub { substr(${ $_[0] }, UPPERS * PAGE + HEADER, UPPER * 300) = "\0" x (UPPER * 300) } ],
	[ 6, 'link to another block', sub { put($_[0], slot($upper, S_LINK), 'V', 1) } ],
	[ 6, 'level without lists', sub { put($_[0], slot($live, S_LEVEL), 'C', 1) } ],
	[ 7, 'chain into nowhere', sub { put($_[0], slot($primary, S_DUP), 'V', 123456) } ],
	[ 7, 'chain in a circle', sub { put($_[0], slot($duplicate, S_DUP), 'V', $duplicate) } ],
	[ 7, 'duplicate outside', sub { put($_[0], slot($primary, S_DUP), 'V', 0xFFFFFFFF) } ],
	[ 8, 'free chain into nowhere', sub { put($_[0], slot($free, S_LINK), 'V', 99999) } ],
	[ 8, 'free chain to a live slot', sub { put($_[0], meta(M_FREE), 'V', $live) } ],
	[ 8, 'free chain in a circle', sub { put($_[0], slot($free, S_LINK), 'V', $free) } ],
	[ 8, 'free count', sub { put($_[0], meta(M_FREE_COUNT), 'V', 2) } ],
	[ 9, 'factor of a code', sub { put($_[0], slot($live, S_ADD), 'V', 0x7FC00000) } ],
	[ 9, 'vector not finite', sub { put($_[0], VECTORS * PAGE + HEADER + $live * VECTOR + 8, 'V', 0x7F800000) } ],
	[ 9, 'vector of another node', sub { put($_[0], VECTORS * PAGE + HEADER + $live * VECTOR, 'V', 1234) } ],
	[ 10, 'no edges to anything', sub { for my $nid (0 .. 44) { put($_[0], slot($nid, S_DEGREE), 'C', 0) } } ],
	[ 11, 'slot beyond the last', sub { put($_[0], meta(M_NEXT), 'V', 40) } ],
);

for my $case (@cases)
{
	my ($invariant, $what, $break) = @$case;
	my $bytes = $good;

	$break->(\$bytes);
	isnt($bytes, $good, "$what: something was changed");
	open my $out, '>:raw', $file or die "$file: $!";
	print $out $bytes;
	close $out;
	$node->start;
	my ($status, $found) = $node->psql('postgres', "SELECT string_agg(DISTINCT invariant, ' ') FROM ruvector_index_check('t_v')");
	like("$status $found", qr/^0 .*\bHNSW-$invariant\b/, "$what is a breach of HNSW-$invariant");

	# whatever searches, inserts and vacuum make of it, they end with an answer or an error
	for my $sql ("SET enable_seqscan = off; SELECT count(*) FROM (SELECT * FROM t ORDER BY v <-> '[1,2,3,4,5,6,7,8]') s",
		"INSERT INTO t SELECT 500, v FROM t WHERE id = 3", "INSERT INTO t VALUES (501, '[8,7,6,5,4,3,2,1]')",
		'DELETE FROM t WHERE id % 5 = 0', 'VACUUM t')
	{
		($status) = $node->psql('postgres', $sql);
		fail("$what: $sql ended the session") if $status == 2;
	}
	is($node->safe_psql('postgres', 'SELECT 1'), '1', "$what: the server lives");
	$node->stop;
}

# an index of format version 1, as libraries before this one wrote it, and of one that is yet to come
foreach my $version (1, 3)
{
	my $bytes = $good;

	put(\$bytes, meta(4), 'V', $version);
	open my $out, '>:raw', $file or die "$file: $!";
	print $out $bytes;
	close $out;
	$node->start;
	$node->safe_psql('postgres', "DELETE FROM t WHERE id = 6 + $version");
	for my $sql ("SET enable_seqscan = off; SELECT id FROM t ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 1", 'VACUUM (INDEX_CLEANUP ON) t',
		"INSERT INTO t VALUES (502, '[8,7,6,5,4,3,2,1]')", "SELECT * FROM ruvector_index_check('t_v')")
	{
		my ($status, undef, $err) = $node->psql('postgres', $sql);
		like("$status $err", qr/^3 .*index "t_v" has hnsw format version $version, this library reads version 2.*HINT:  REINDEX the index\./s,
			"version $version is refused: $sql");
	}
	is($node->safe_psql('postgres', 'SELECT count(*) > 30 FROM t'), 't', "version $version: the table can be read");
	$node->stop if $version == 1;
}
$node->safe_psql('postgres', 'REINDEX INDEX t_v');
is($node->safe_psql('postgres', "SELECT count(*) FROM ruvector_index_check('t_v')"), '0', 'REINDEX makes it sound');

# an index with a filter column; its first filter page says word after word what the nodes have
$node->safe_psql('postgres', 'CREATE TABLE f AS SELECT id, v::vector(8) AS v, id AS k FROM t; CREATE INDEX f_v ON f USING hnsw (v vector_l2_ops, k) WITH (m = 4, ef_construction = 16)');
my $page = $node->safe_psql('postgres', "SELECT min(b) FROM generate_series(0, pg_relation_size('f_v') / 8192 - 1) b, ruvector_hnsw_page_stats('f_v', b) WHERE kind = 'filter'");
is($node->safe_psql('postgres', "SELECT count(*) FROM ruvector_index_check('f_v')"), '0', 'an index with a filter column is sound');
$file = $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('f_v')");
$node->stop;
$good = PostgreSQL::Test::Utils::slurp_file($file);
foreach my $case (
	[ 'HNSW-12', 'word of a node', sub { put($_[0], $page * PAGE + HEADER + 4 * 7, 'V', 0x80000000 + 12345) } ],
	[ 'HNSW-12', 'filter page that is zero', sub { substr(${ $_[0] }, $page * PAGE, PAGE) = "\0" x PAGE } ],
	[ 'HNSW-1', 'kind of a filter page', sub { put($_[0], $page * PAGE + PAGE - 4, 'v', 5) } ],
	[ 'meta', 'kind of a filter word', sub { put($_[0], meta(104), 'C', 7) } ],
	[ 'meta', 'number of filter words', sub { put($_[0], meta(23), 'C', 15) } ])
{
	my ($invariant, $what, $break) = @$case;
	my $bytes = $good;

	$break->(\$bytes);
	open my $out, '>:raw', $file or die "$file: $!";
	print $out $bytes;
	close $out;
	$node->start;
	my ($status, $found, $err) = $node->psql('postgres', "SELECT string_agg(DISTINCT invariant, ' ') FROM ruvector_index_check('f_v')");
	if ($invariant eq 'meta')
	{
		like("$status $err", qr/^3 .*HNSW-3/s, "$what is refused");
	}
	else
	{
		like("$status $found", qr/^0 .*\b$invariant\b/, "$what is a breach of $invariant");
	}
	for my $sql ("SET enable_seqscan = off; SELECT count(*) FROM (SELECT * FROM f WHERE k > 3 ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 40) s",
		"INSERT INTO f SELECT 500, v, 9 FROM f WHERE id = 3", 'DELETE FROM f WHERE id % 5 = 0', 'VACUUM f')
	{
		($status) = $node->psql('postgres', $sql);
		fail("$what: $sql ended the session") if $status == 2;
	}
	is($node->safe_psql('postgres', 'SELECT 1'), '1', "$what: the server lives");
	$node->stop;
}
done_testing();
