# ivf_concurrent.pl
#     Inserts, updates, deletes, searches, VACUUM and maintenance at the same time on one ivfflat index.
#
# pgbench runs a fixed number of transactions from several clients, and stops with an error at the first
# one that fails; every search checks its own answer. VACUUM and maintenance run all the while. Nothing
# depends on how long it takes.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use RuvectorTest;
use Test::More;

my $node = new_node('ivf_concurrent', conf => "shared_buffers = 16MB\nmax_connections = 30\nautovacuum = off\n");
load_sample($node, 'sample');
$node->safe_psql('postgres', <<'SQL');
	CREATE TABLE docs (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, word_id int, embedding vector(100));
	-- made on little: maintenance has to form the lists while all goes on
	INSERT INTO docs (word_id, embedding) SELECT id, embedding FROM sample WHERE id <= 20;
	CREATE INDEX docs_idx ON docs USING ivfflat (embedding) WITH (lists = 20);
	ALTER TABLE sample ADD PRIMARY KEY (id);

	-- neighbours of a random word: in order, no row twice, each as far away as it is said to be
	CREATE FUNCTION checked_search(n int, iterative text) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		query vector := (SELECT s.embedding FROM (SELECT (1 + floor(random() * 5000))::int AS n OFFSET 0) r JOIN sample s ON s.id = r.n);
		last float8 := '-infinity';
		seen bigint[] := '{}';
		hit record;
	BEGIN
		PERFORM set_config('enable_seqscan', 'off', true), set_config('ivfflat.probes', '4', true),
			set_config('ivfflat.iterative_scan', iterative, true);
		FOR hit IN SELECT id, embedding <-> query AS distance FROM docs ORDER BY embedding <-> query LIMIT n LOOP
			IF hit.distance < last AND iterative = 'off' THEN
				RAISE EXCEPTION 'distance % after %', hit.distance, last;
			END IF;
			IF hit.id = ANY (seen) THEN
				RAISE EXCEPTION 'row % twice', hit.id;
			END IF;
			last := hit.distance;
			seen := seen || hit.id;
		END LOOP;
	END $$;
SQL

# pgbench's :word is a row of the sample
my %script = (
	'insert@6' => '\set word random(1, 5000)
		INSERT INTO docs (word_id, embedding) SELECT id, embedding FROM sample WHERE id = :word;',
	'far@2' => '\set word random(1, 5000)
		INSERT INTO docs (word_id, embedding) SELECT id, embedding - array_fill(3, ARRAY[100])::vector FROM sample WHERE id BETWEEN :word AND :word + 10;',
	'delete@3' => '\set word random(1, 5000)
		DELETE FROM docs WHERE id IN (SELECT id FROM docs WHERE word_id BETWEEN :word AND :word + 20 FOR UPDATE SKIP LOCKED);',
	'update@1' => '\set word random(1, 5000)
		UPDATE docs SET embedding = embedding + embedding WHERE id IN
			(SELECT id FROM docs WHERE word_id = :word FOR UPDATE SKIP LOCKED);',
	'rollback@1' => '\set word random(1, 5000)
		BEGIN; INSERT INTO docs (word_id, embedding) SELECT id, embedding FROM sample WHERE id = :word; ROLLBACK;',
	'search@5' => "SELECT checked_search(10, 'off');",
	'wide@1' => "SELECT checked_search(1000, 'relaxed_order');");
my @files;
foreach my $name (sort keys %script)
{
	my ($file, $weight) = split /@/, $name;
	my $path = PostgreSQL::Test::Utils::tempdir() . "/$file.sql";

	append_to_file($path, "$script{$name}\n");
	push @files, '-f', "$path\@$weight";
}

my ($out, $err) = ('', '');
my $bench = IPC::Run::start(
	[ 'pgbench', '-n', '--random-seed=51', '-c', '6', '-j', '2', '-t', '1000', '-h', $node->host, '-p', $node->port, @files, 'postgres' ],
	'>', \$out, '2>', \$err);
my ($rounds, $errors, $moved) = (0, 0, 0);
while ($bench->pumpable)
{
	my ($status) = $node->psql('postgres', 'VACUUM docs');
	my ($status2, $rows) = $node->psql('postgres', "SELECT moved FROM ruvector_index_maintenance('docs_idx')");
	$errors++ if $status != 0 || $status2 != 0;
	$moved += $rows if $status2 == 0;
	$rounds++;
	$bench->pump_nb;
}
$bench->finish;
is($bench->result(0), 0, 'every client finished without an error') or diag($err);
like($out, qr{number of transactions actually processed: 6000/6000}, 'all transactions were processed');
is($errors, 0, "no VACUUM and no maintenance failed ($rounds rounds ran beside it, $moved rows moved)");
cmp_ok($rounds, '>=', 2, 'they ran beside them');
my $lists = $node->safe_psql('postgres', "SELECT lists FROM ruvector_ivfflat_stats('docs_idx')");
cmp_ok($lists, '>=', 5, 'lists were formed');

my $all = 'SET enable_seqscan = off; SET ivfflat.probes = 1000; SELECT count(*) || \' \' || count(DISTINCT id) FROM
	(SELECT id FROM docs ORDER BY embedding <-> (SELECT embedding FROM sample WHERE id = 7)) s';
my $count = $node->safe_psql('postgres', 'SELECT count(*) FROM docs');
index_check_is_clean($node, 'docs_idx', 'afterwards');
is($node->safe_psql('postgres', $all), "$count $count", 'the index returns every row once');
$node->safe_psql('postgres', 'VACUUM docs');
index_check_is_clean($node, 'docs_idx', 'after a last vacuum');
is($node->safe_psql('postgres', $all), "$count $count", 'and still does');
is($node->safe_psql('postgres', "SELECT rows FROM ruvector_ivfflat_stats('docs_idx')"), $count, 'and holds no others');

done_testing();
