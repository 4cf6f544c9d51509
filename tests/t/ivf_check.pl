# ivf_check.pl
#     ruvector_index_check finds what is broken on purpose in an ivfflat index, and nothing crashes on
#     hostile pages.
#
# Each invariant IVF-1 .. IVF-11 of indexam/README-ivfflat.md is broken by editing the bytes of the
# index's file (checksums are off here). The offsets are those of docs/ivfflat-format.md, computed here
# a second time: 8 dimensions, so 64 coded ones, blocks of 768 + 256 bytes, 7 on a page.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use constant { PAGE => 8192, HEADER => 24, SPECIAL => 8192 - 24, BLOCK => 768 + 4 * 64, ITEM => 40 };
# special space; meta page; a list's first code page; block
use constant { O_MAGIC => 0, O_KIND => 4, O_SERIAL => 8, O_NEXT => 12 };
my %meta = (dim => 12, item => 20, lists => 32, directory => 40, nlists => 48, next_serial => 52, free_head => 56,
	free_count => 60, retired => 64);
my %head = (used => 0, free => 2, tail => 4, rows => 8, pages => 12, vec_block => 16, vec_used => 20, hint => 24, state => 28);

my $node = PostgreSQL::Test::Cluster->new('ivf_check');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off");
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION ruvector;
CREATE TABLE t (id int, v vector(8));
INSERT INTO t SELECT i, (SELECT array_agg((hashint4extended(i, d) & 65535) / 32768.0 - 1 ORDER BY d)::real[]::vector
	FROM generate_series(1, 8) d) FROM generate_series(1, 900) i;
CREATE INDEX t_v ON t USING ivfflat (v) WITH (lists = 3);
SQL
# maintenance that leaves free pages, and lists that are retired
$node->safe_psql('postgres', 'INSERT INTO t SELECT id + 1000, v + $$[9,9,9,9,9,9,9,9]$$ FROM t');
$node->safe_psql('postgres', 'INSERT INTO t SELECT id + 10000, v + $$[9,9,9,9,9,9,9,9]$$ FROM t');
is($node->safe_psql('postgres', "SELECT split > 0 FROM ruvector_index_maintenance('t_v')"), 't', 'lists were split');
$node->safe_psql('postgres', 'DELETE FROM t WHERE id % 10 = 3');
$node->safe_psql('postgres', 'VACUUM t');
is($node->safe_psql('postgres', "SELECT rows FROM ruvector_ivfflat_stats('t_v')"), '3240', 'the index to be broken');
is($node->safe_psql('postgres', "SELECT string_agg(c::text, ' ') FROM ruvector_index_check('t_v') c"), '', 'is sound');
my $file = $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('t_v')");
$node->stop;
my $good = PostgreSQL::Test::Utils::slurp_file($file);
my $pages = length($good) / PAGE;

sub u32 { return unpack('V', substr($good, $_[0], 4)); }
sub u16 { return unpack('v', substr($good, $_[0], 2)); }
sub put { my ($bytes, $at, $format, $value) = @_; substr($$bytes, $at, length pack($format, $value)) = pack($format, $value); return; }
sub special { my ($block, $field) = @_; return $block * PAGE + SPECIAL + $field; }
sub meta { return HEADER + $meta{ $_[0] }; }
sub head { my ($block, $field) = @_; return $block * PAGE + HEADER + $head{$field}; }
sub kind { return u16(special($_[0], O_KIND)); }
# field of entry i of a code page: factors add, resc, err (4 bytes each) | vector block | place | tid | codes
sub entry
{
	my ($block, $i, $field) = @_;
	my $start = $block * PAGE + HEADER + 40 + int($i / 32) * BLOCK;
	my $at = $i % 32;
	return $start + { add => 4 * $at, vec_block => 384 + 4 * $at, vec_slot => 512 + 2 * $at, tid => 576 + 6 * $at, codes => 768 }->{$field};
}

my $directory = u32(meta('directory'));
is(kind($directory), 2, 'the offsets of the documentation lead to the directory');
my $nlists = u32(meta('nlists'));
is(u32($directory * PAGE + HEADER), $nlists, 'which has as many lists as the meta page says');
my $entries = $directory * PAGE + HEADER + 16 + 4 * 8;
my @lists = map { u32($entries + 8 * $_ + 4) } 0 .. $nlists - 1;
is(scalar(grep { kind($_) == 3 } @lists), $nlists, 'each of which starts with a code page');
my ($long) = grep { u32(special($_, O_NEXT)) != 0xFFFFFFFF } @lists;
my $second = u32(special($long, O_NEXT));
my ($row) = grep { unpack('v', substr($good, entry($long, $_, 'tid') + 4, 2)) != 0 } 0 .. u16(head($long, 'used')) - 1;
my $vector = u32(entry($long, $row, 'vec_block'));
my $place = u16(entry($long, $row, 'vec_slot'));
is(kind($vector), 4, 'and whose rows name vector pages');
my $free = u32(meta('free_head'));
is(kind($free), 6, 'there are free pages');

# invariant, what is done, how
my @cases = (
	[ 1, 'special space', sub { put($_[0], $second * PAGE + $_, 'v', PAGE - 16) for 14, 16 } ],
	[ 1, 'index magic of a page', sub { put($_[0], special($second, O_MAGIC), 'V', 1) } ],
	[ 1, 'kind of a page', sub { put($_[0], special($second, O_KIND), 'v', 4) } ],
	[ 1, 'pd_lower', sub { put($_[0], $second * PAGE + 12, 'v', 100) } ],
	[ 1, 'next page does not exist', sub { put($_[0], special($second, O_NEXT), 'V', 100000) } ],
	[ 2, 'number of lists', sub { put($_[0], meta('nlists'), 'V', $nlists + 1) } ],
	[ 2, 'far too many lists', sub { put($_[0], meta('nlists'), 'V', 60000) } ],
	[ 2, 'dimensions', sub { put($_[0], meta('dim'), 'V', 9) } ],
	[ 2, 'directory page', sub { put($_[0], special($directory, O_SERIAL), 'V', 77777) } ],
	[ 2, 'serial of a list', sub { put($_[0], $entries, 'V', 4000000000) } ],
	[ 2, 'centroid not finite', sub { put($_[0], $entries + 8 * $nlists, 'V', 0x7F800000) } ],
	[ 3, 'used', sub { put($_[0], head($long, 'used'), 'v', 60000) } ],
	[ 3, 'free', sub { put($_[0], head($long, 'free'), 'v', u16(head($long, 'free')) + 1) } ],
	[ 3, 'page in the middle not full', sub { put($_[0], head($long, 'used'), 'v', u16(head($long, 'used')) - 1) } ],
	[ 4, 'page of another list', sub { put($_[0], special($second, O_SERIAL), 'V', u32(special($lists[0] == $long ? $lists[1] : $lists[0], O_SERIAL))) } ],
	[ 4, 'tail', sub { put($_[0], head($long, 'tail'), 'V', $long) } ],
	[ 4, 'pages', sub { put($_[0], head($long, 'pages'), 'V', 99) } ],
	[ 5, 'vector block', sub { put($_[0], entry($long, $row, 'vec_block'), 'V', $directory) } ],
	[ 5, 'vector block out of range', sub { put($_[0], entry($long, $row, 'vec_block'), 'V', 1000000) } ],
	[ 5, 'vector place', sub { put($_[0], entry($long, $row, 'vec_slot'), 'v', 5000) } ],
	[ 5, 'size of a vector', sub { put($_[0], $vector * PAGE + HEADER + $place * ITEM, 'V', 4 * 1000) } ],
	[ 5, 'dimensions of a vector', sub { put($_[0], $vector * PAGE + HEADER + $place * ITEM + 4, 'v', 9) } ],
	[ 5, 'vector page being filled', sub { put($_[0], head($long, 'vec_used'), 'V', 9999) } ],
	[ 6, 'rows', sub { put($_[0], head($long, 'rows'), 'V', 1) } ],
	[ 6, 'state', sub { put($_[0], head($long, 'state'), 'v', 7) } ],
	[ 6, 'where free entries are', sub { put($_[0], head($_, 'hint'), 'V', 0xFFFFFFFF) for @lists } ],
	[ 7, 'free count', sub { put($_[0], meta('free_count'), 'V', 1) } ],
	[ 7, 'free chain', sub { put($_[0], meta('free_head'), 'V', 0xFFFFFFFF) } ],
	[ 9, 'free chain leads to a list', sub { put($_[0], meta('free_head'), 'V', $second) } ],
	[ 8, 'retired lists', sub { put($_[0], special($free, O_KIND), 'v', 5); put($_[0], $free * PAGE + HEADER + 8, 'V', 60000);
			put($_[0], meta('free_head'), 'V', u32(special($free, O_NEXT))); put($_[0], special($free, O_NEXT), 'V', 0xFFFFFFFF);
			put($_[0], meta('free_count'), 'V', u32(meta('free_count')) - 1); put($_[0], meta('retired'), 'V', $free) } ],
	[ 9, 'chain of a list is a circle', sub { put($_[0], special($second, O_NEXT), 'V', $long) } ],
	[ 9, 'free chain is a circle', sub { put($_[0], special($free, O_NEXT), 'V', $free) } ],
	[ 9, 'lost page', sub { put($_[0], special($second, O_NEXT), 'V', 0xFFFFFFFF) } ],
	[ 10, 'code', sub { put($_[0], entry($long, $row, 'codes') + $_, 'C', 0) for 0 .. 255 } ],
	[ 10, 'factor', sub { put($_[0], entry($long, $row, 'add'), 'f<', 55) } ],
	[ 10, 'vector', sub { put($_[0], $vector * PAGE + HEADER + $place * ITEM + 8, 'f<', 55) } ],
	[ 11, 'row twice', sub { substr(${ $_[0] }, entry($long, $row + 1, 'tid'), 6) = substr($good, entry($long, $row, 'tid'), 6) } ],
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
	my ($status, $found, $error) = $node->psql('postgres', "SELECT string_agg(DISTINCT invariant, ' ') FROM ruvector_index_check('t_v')");
	# what makes the index unreadable is an error that names the invariant
	like("$found $error", qr/\bIVF-$invariant\b/, "$what is a breach of IVF-$invariant");

	# whatever searches, inserts and vacuum make of it, they end with an answer or an error
	for my $sql ("SET enable_seqscan = off; SET ivfflat.probes = 100; SELECT count(*) FROM (SELECT * FROM t ORDER BY v <-> '[1,2,3,4,5,6,7,8]') s",
		"INSERT INTO t SELECT 500000, v FROM t WHERE id % 100 = 4", "INSERT INTO t VALUES (501, '[8,7,6,5,4,3,2,1]')",
		'DELETE FROM t WHERE id % 5 = 0', 'VACUUM t', "SELECT ruvector_index_maintenance('t_v')",
		"SELECT ruvector_ivfflat_stats('t_v')", "SELECT count(*) FROM ruvector_index_check('t_v')")
	{
		($status) = $node->psql('postgres', $sql);
		fail("$what: $sql ended the session") if $status == 2;
	}
	is($node->safe_psql('postgres', 'SELECT 1'), '1', "$what: the server lives");
	$node->stop;
}

$node->start;
$node->safe_psql('postgres', 'REINDEX INDEX t_v');
is($node->safe_psql('postgres', "SELECT count(*) FROM ruvector_index_check('t_v')"), '0', 'REINDEX makes it sound');
done_testing();
