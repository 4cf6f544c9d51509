# ivf_crash.pl
#     kill -9 of the whole server while an ivfflat index is loaded, built, vacuumed and maintained.
#
# After each recovery the index must be usable: every committed row is found, nothing is corrupted, and
# what the crash left behind (lost pages, rows in two lists: warnings) goes with the next maintenance.

use strict;
use warnings;

use RuvectorTest;
use Test::More;

my $node = new_node('ivf_crash', conf => "autovacuum = off\nmaintenance_work_mem = 64MB\nmax_wal_size = 256MB\n");
load_sample($node, 'sample');
$node->safe_psql('postgres', <<'SQL');
	CREATE TABLE docs (id bigint GENERATED ALWAYS AS IDENTITY, embedding vector(100));
	INSERT INTO docs (embedding) SELECT embedding FROM sample WHERE id <= 200;
	CREATE INDEX docs_idx ON docs USING ivfflat (embedding vector_cosine_ops) WITH (lists = 20);
SQL

# Every row is found through the index, each once.
sub all_found
{
	my ($when) = @_;

	is( $node->safe_psql('postgres', <<'SQL'), 't', "$when: the index returns every row once");
	SET enable_seqscan = off; SET ivfflat.probes = 1000;
	SELECT (SELECT array_agg(id ORDER BY id) FROM (SELECT id FROM docs ORDER BY embedding <=> (SELECT embedding FROM sample LIMIT 1)) s)
		= (SELECT array_agg(id ORDER BY id) FROM docs)
SQL
	return;
}

# Runs $sql in the background, waits until so many bytes of WAL have reached the disk, and kills the server.
sub crash_during
{
	my ($sql, $when, $delay, $flush) = @_;
	my $session = run_in_background($node, $sql);
	my $seen = $node->safe_psql('postgres', 'SELECT pg_current_wal_flush_lsn()');

	wait_until(
		sub {
			background_is_running($session) or die "$when: it ended early: $session->{out}$session->{err}";
			# without this a transaction's WAL may wait for its commit
			$node->safe_psql('postgres', 'SELECT txid_current()') if $flush;
			return $node->safe_psql('postgres', "SELECT pg_current_wal_flush_lsn() - '$seen'::pg_lsn >= $delay") eq 't';
		},
		"$when: WAL to be written");
	crash_and_restart($node);
	finish_in_background($session);
	index_is_uncorrupted($node, 'docs_idx', $when);
	all_found($when);
	return;
}

my $insert = "INSERT INTO docs (embedding) SELECT embedding FROM sample ORDER BY id LIMIT 300 OFFSET %d;\n";
crash_during(join('', map { sprintf($insert, 300 * ($_ % 16)) } 1 .. 200), "load $_", 500_000 * $_) foreach 1 .. 3;

# deletes and vacuums, maintenance, inserts, in turn: the crash falls anywhere
my $all = join('', map {
	sprintf($insert, 300 * ($_ % 16))
	  . "DELETE FROM docs WHERE id % 7 = " . ($_ % 7) . ";\nVACUUM docs;\n"
	  # a far cluster comes, is split off, and goes again
	  . "INSERT INTO docs (embedding) SELECT embedding - array_fill(3, ARRAY[100])::vector FROM sample WHERE id % 3 = 0;\n"
	  . "SELECT ruvector_index_maintenance('docs_idx');\n"
	  . "DELETE FROM docs WHERE embedding <-> array_fill(0, ARRAY[100])::vector > 20;\nVACUUM docs;\n" } 1 .. 100);
crash_during($all, "changes $_", 1_300_000 * $_) foreach 1 .. 6;

# Maintenance alone, with much to do: new lists that were never switched to are lost pages then.
my $lost = 0;
foreach my $bytes (100_000, 400_000, 900_000, 1_500_000)
{
	my $invariants = "SELECT coalesce(string_agg(DISTINCT invariant, ' '), '') FROM ruvector_index_check('docs_idx')";

	$node->safe_psql('postgres', "TRUNCATE docs; INSERT INTO docs (embedding) SELECT embedding FROM sample WHERE id <= 200;
		INSERT INTO docs (embedding) SELECT embedding - array_fill(id % 9, ARRAY[100])::vector FROM sample, generate_series(1, 2)");
	crash_during("SELECT ruvector_index_maintenance('docs_idx');", "maintenance, $bytes bytes", $bytes, 1);
	my $left = $node->safe_psql('postgres', $invariants);
	note("left behind: $left");
	$lost++ if $left =~ /IVF-9/;
	$node->safe_psql('postgres', "SELECT ruvector_index_maintenance('docs_idx')");
	unlike($node->safe_psql('postgres', $invariants), qr/IVF-9/, 'maintenance frees lost pages');
	all_found('after it');
}
cmp_ok($lost, '>=', 1, 'crashes did leave lost pages');
$node->safe_psql('postgres', 'DELETE FROM docs WHERE id % 2 = 0');
$node->safe_psql('postgres', 'VACUUM docs');
all_found('after a last vacuum');

# a build that is cut off leaves nothing
$node->safe_psql('postgres', 'DROP INDEX docs_idx; INSERT INTO docs (embedding) SELECT embedding FROM sample, generate_series(1, 4)');
my $build = run_in_background($node, "CREATE INDEX docs_idx ON docs USING ivfflat (embedding vector_cosine_ops) WITH (lists = 400);\n\\echo finished\n");
wait_until(
	sub {
		background_is_running($build) or die "the build ended early: $build->{out}$build->{err}";
		return $node->safe_psql('postgres',
			"SELECT count(*) FROM pg_stat_progress_create_index WHERE phase LIKE 'building index%'") eq '1';
	},
	'the build to begin');
crash_and_restart($node);
finish_in_background($build);
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_index WHERE indrelid = 'docs'::regclass"), '0', 'no index is left');
$node->safe_psql('postgres', 'CREATE INDEX docs_idx ON docs USING ivfflat (embedding vector_cosine_ops) WITH (lists = 100)');
index_check_is_clean($node, 'docs_idx', 'built anew');
all_found('built anew');

# an unlogged table's index is empty after a crash, and works
$node->safe_psql('postgres', <<'SQL');
	CREATE UNLOGGED TABLE scratch (id int, embedding vector(100));
	CREATE INDEX scratch_idx ON scratch USING ivfflat (embedding) WITH (lists = 10);
	INSERT INTO scratch SELECT id, embedding FROM sample;
	VACUUM scratch;
SQL
crash_and_restart($node);
is($node->safe_psql('postgres', 'SELECT count(*) FROM scratch'), '0', 'an unlogged table is empty after a crash');
index_check_is_clean($node, 'scratch_idx', 'unlogged');
$node->safe_psql('postgres', 'INSERT INTO scratch SELECT id, embedding FROM sample WHERE id <= 100');
is( $node->safe_psql('postgres', 'SET enable_seqscan = off; SELECT id FROM scratch ORDER BY embedding <-> (SELECT embedding FROM sample WHERE id = 50) LIMIT 1'),
	'50', 'and its index works');
index_check_is_clean($node, 'scratch_idx', 'unlogged, with rows');

done_testing();
