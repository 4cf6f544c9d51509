# settings_taken.pl
#     Another library has defined settings of our names: ours give way without an error, the others are
#     defined, and everything works.

use strict;
use warnings;

use File::Copy qw(copy);
use PostgreSQL::Test::Utils;
use RuvectorTest;
use Test::More;

# built here: the checkout belongs to someone else
my $dir = "$ENV{TESTDIR}/other_settings";
mkdir $dir or die "$dir: $!";
copy("$ENV{RV_ROOT}/tests/modules/other_settings/$_", $dir) or die "$_: $!" foreach qw(Makefile other_settings.c);
command_ok([ 'make', '-s', '-C', $dir, 'PG_CONFIG=' . `which pg_config` =~ s/\s//gr ], 'the other library is built');
my $library = "$dir/other_settings.so";

my $node = new_node('taken');
$node->safe_psql('postgres', <<'SQL');
	CREATE TABLE t (id int, v vector(2));
	INSERT INTO t SELECT i, ARRAY[i, 0]::vector FROM generate_series(1, 500) i;
	CREATE INDEX ON t USING hnsw (v vector_l2_ops);
SQL

sub session
{
	my ($sql) = @_;
	my ($stdout, $stderr);
	my $status = $node->psql('postgres', $sql, stdout => \$stdout, stderr => \$stderr);
	return ($status, $stdout, $stderr);
}

my $settings = "SELECT name, vartype, boot_val FROM pg_settings WHERE name ~ '^(hnsw|ivfflat)' ORDER BY name COLLATE \"C\"";
my $nearest = 'SET enable_seqscan = off; SELECT id FROM t ORDER BY v <-> \'[42,0]\' LIMIT 1';
my $mixed = <<'OUT' =~ s/\n\z//r;
hnsw.ef_search|integer|77
hnsw.iterative_scan|string|perhaps
hnsw.max_scan_tuples|integer|20000
hnsw.scan_mem_multiplier|real|1
ivfflat.iterative_scan|enum|off
ivfflat.max_probes|integer|32768
ivfflat.probes|bool|on
OUT

my ($status, $stdout, $stderr) = session("LOAD '$library'; LOAD 'ruvector'; $settings; $nearest");
is($status, 0, 'both libraries load');
is($stdout, "$mixed\n42", 'taken settings stay the other library\'s, the rest are ours, and a search works');
is($stderr, '', 'without a word');

($status, $stdout, $stderr) =
  session("LOAD '$library'; SET hnsw.ef_search = 71; SET ivfflat.probes = off; $nearest; SHOW hnsw.ef_search; SHOW ivfflat.probes;
	SET hnsw.max_scan_tuples = 7; SHOW hnsw.max_scan_tuples");
is($status, 0, 'the library is loaded by the first use of the index');
is($stdout, "42\n71\noff\n7", 'and leaves values of the other library alone');
is($stderr, '', 'again without a word');

# the same at server start
$node->append_conf('postgresql.conf', "shared_preload_libraries = '$library, ruvector'");
$node->restart;
($status, $stdout, $stderr) = session("$settings; $nearest");
is($status, 0, 'both are preloaded');
is($stdout, "$mixed\n42", 'with the same settings');

# a mere value in the file is no definition: ours takes it over
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'ruvector'\nhnsw.ef_search = 55\nivfflat.probes = 9");
$node->restart;
($status, $stdout, $stderr) = session("SHOW hnsw.ef_search; SHOW ivfflat.probes; $nearest");
is($stdout, "55\n9\n42", 'values from postgresql.conf count');

done_testing();
