# 050_concurrent.pl
#     Inserts, updates, deletes, searches and VACUUM at the same time on one hnsw index.
#
# pgbench runs a fixed number of transactions from several clients, and stops with an error at the first
# one that fails; every search checks its own answer. A VACUUM runs all the while. Nothing depends on
# how long it takes.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use RuvectorTest;
use Test::More;

my $node = new_node('concurrent', conf => "shared_buffers = 16MB\nmax_connections = 30\nautovacuum = off\n");
load_sample($node, 'sample');
$node->safe_psql('postgres', <<'SQL');
	CREATE TABLE docs (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, word_id int, embedding vector(100))
		USING ruvector_tam WITH (toast_tuple_target = 128);
	INSERT INTO docs (word_id, embedding) SELECT id, embedding FROM sample WHERE id <= 1500;
	CREATE INDEX docs_idx ON docs USING hnsw (embedding vector_l2_ops) WITH (m = 8, ef_construction = 40);
	ALTER TABLE sample ADD PRIMARY KEY (id);

	-- ten neighbours of a random word: in order, no row twice, each as far away as it is said to be
	CREATE FUNCTION checked_search() RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		chosen int := 1 + floor(random() * 5000);
		query vector := (SELECT embedding FROM sample WHERE id = chosen);
		last float8 := '-infinity';
		seen bigint[] := '{}';
		hit record;
	BEGIN
		SET LOCAL enable_seqscan = off;
		FOR hit IN SELECT id, embedding <-> query AS distance FROM docs ORDER BY embedding <-> query LIMIT 10 LOOP
			IF hit.distance < last THEN
				RAISE EXCEPTION 'distance % after %', hit.distance, last;
			END IF;
			IF hit.id = ANY (seen) THEN
				RAISE EXCEPTION 'row % twice', hit.id;
			END IF;
			last := hit.distance;
			seen := seen || hit.id;
		END LOOP;
		IF cardinality(seen) < 5 THEN
			RAISE EXCEPTION 'only % neighbours', cardinality(seen);
		END IF;
	END $$;
SQL

# pgbench's :word is a row of the sample
my %script = (
	'insert@5' => '\set word random(1, 5000)
		INSERT INTO docs (word_id, embedding) SELECT id, embedding FROM sample WHERE id = :word;',
	'delete@3' => '\set word random(1, 5000)
		DELETE FROM docs WHERE id IN (SELECT id FROM docs WHERE word_id = :word FOR UPDATE SKIP LOCKED);',
	'update@1' => '\set word random(1, 5000)
		UPDATE docs SET embedding = embedding + embedding WHERE id IN
			(SELECT id FROM docs WHERE word_id = :word FOR UPDATE SKIP LOCKED);',
	'rollback@1' => '\set word random(1, 5000)
		BEGIN; INSERT INTO docs (word_id, embedding) SELECT id, embedding FROM sample WHERE id = :word; ROLLBACK;',
	'search@6' => 'SELECT checked_search();');
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
	[ 'pgbench', '-n', '--random-seed=50', '-c', '6', '-j', '2', '-t', '1200', '-h', $node->host, '-p', $node->port, @files, 'postgres' ],
	'>', \$out, '2>', \$err);
my ($vacuums, $vacuum_errors) = (0, 0);
while ($bench->pumpable)
{
	my ($status) = $node->psql('postgres', 'VACUUM docs');
	$vacuum_errors++ if $status != 0;
	$vacuums++;
	$bench->pump_nb;
}
$bench->finish;
is($bench->result(0), 0, 'every client finished without an error') or diag($err);
like($out, qr{number of transactions actually processed: 7200/7200}, 'all transactions were processed');
is($vacuum_errors, 0, "no VACUUM failed ($vacuums of them ran beside it)");
cmp_ok($vacuums, '>=', 2, 'VACUUM ran beside them');

index_check_is_clean($node, 'docs_idx', 'afterwards');
my $queries = 'SELECT embedding FROM sample WHERE id % 25 = 0';
cmp_ok(recall($node, 'docs', ef => 100, queries => $queries), '>=', 0.95, 'the index finds its rows');
$node->safe_psql('postgres', 'VACUUM docs');
index_check_is_clean($node, 'docs_idx', 'after a last vacuum');
cmp_ok(recall($node, 'docs', ef => 100, queries => $queries), '>=', 0.95, 'and still does');
is( $node->safe_psql('postgres', 'SELECT count(*) FROM docs d WHERE NOT EXISTS (SELECT FROM sample s WHERE s.id = d.word_id)'),
	'0', 'every row is one that was inserted');

done_testing();
