# 081_peek.pl
#     Searches that read graph pages without pin and lock (ruvector.optimistic_reads,
#     indexam/hnsw_peek_page.c) against those that pin: the same answers on a quiet index; under evictions,
#     writes, VACUUM, REINDEX, TRUNCATE and DROP, and on a standby that replays all of it, no error, no row
#     that the snapshot does not see, and the recall of pinned reads.
#
# The buffer pool of the second part is far smaller than what is read, so that the buffers a session
# remembers belong to other pages again and again. All searches of a transaction see one snapshot
# (REPEATABLE READ); that is what makes a sequential scan the judge.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use RuvectorTest;
use Test::More;

# ---- a quiet index ----

my $quiet = new_node('quiet', conf => "shared_buffers = 64MB\njit = off\nautovacuum = off\n");
load_sample($quiet, 'sample');
$quiet->safe_psql('postgres', <<'SQL');
	CREATE TABLE forms (id int PRIMARY KEY, v vector(100), h halfvec(100), s sparsevec(100), b bit(100));
	INSERT INTO forms SELECT id, embedding, embedding, (SELECT array_agg(CASE WHEN abs(x) > .08 THEN x ELSE 0 END ORDER BY n)
		FROM unnest(embedding::real[]) WITH ORDINALITY u(x, n))::real[]::vector(100)::sparsevec, binary_quantize(embedding)::bit(100)
		FROM sample;
	CREATE INDEX ON forms USING hnsw (v vector_cosine_ops);
	CREATE INDEX ON forms USING hnsw (h halfvec_l1_ops);
	CREATE INDEX ON forms USING hnsw (s sparsevec_l2_ops);
	CREATE INDEX ON forms USING hnsw (b bit_hamming_ops);

	-- ids and order of what a search returns, for every 16th row as the query
	CREATE FUNCTION answers(col text, op text, optimistic bool) RETURNS TABLE (query int, found int[])
	LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM set_config('ruvector.optimistic_reads', optimistic::text, true);
		SET LOCAL enable_seqscan = off;
		RETURN QUERY EXECUTE format('SELECT q.id, ARRAY(SELECT id FROM forms ORDER BY %1$I %2$s q.%1$I LIMIT 15)
			FROM (SELECT * FROM forms WHERE id %% 16 = 0) q', col, op);
	END $$;

	-- pages that a search asks the buffer pool for
	CREATE FUNCTION pages(optimistic bool) RETURNS int LANGUAGE plpgsql AS $$
	DECLARE
		plan json;
	BEGIN
		PERFORM set_config('ruvector.optimistic_reads', optimistic::text, true);
		SET LOCAL enable_seqscan = off;
		EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, FORMAT json) SELECT id FROM forms
			ORDER BY v <=> (SELECT embedding FROM sample WHERE id = 77) LIMIT 10' INTO plan;
		RETURN (plan->0->'Plan'->>'Shared Hit Blocks')::int + (plan->0->'Plan'->>'Shared Read Blocks')::int;
	END $$;
SQL
my %judged = (v => '<=>', h => '<+>', s => '<->', b => '<~>');
foreach my $column (sort keys %judged)
{
	my $answers = "answers('$column', '$judged{$column}', ";

	# once to remember where pages are, then in earnest
	is( $quiet->safe_psql('postgres', <<"SQL"), "t|312|312|0", "$column: unpinned and pinned reads give the same rows in the same order");
		SELECT (SELECT count(*) > 0 FROM ${answers}true)), (SELECT count(*) FROM ${answers}true)),
			count(*), count(*) FILTER (WHERE a.found <> b.found OR cardinality(a.found) <> 15)
		FROM ${answers}true) a JOIN ${answers}false) b USING (query)
SQL
}
my ($unpinned, $pinned) = split /\|/, $quiet->safe_psql('postgres',
	"SELECT count(pages(true)) FROM generate_series(1, 3); SELECT pages(true), pages(false)") =~ s/^3\n//r;
cmp_ok($unpinned, '<', $pinned / 2, 'and it is not the pinned way that answers for both');
$quiet->stop;

# ---- a small buffer pool, everything at once ----

my $conf = "shared_buffers = 1MB\nautovacuum = off\nhot_standby_feedback = on\nmax_standby_streaming_delay = -1\n"
  . "maintenance_work_mem = 8MB\nmax_parallel_maintenance_workers = 0\nmax_connections = 30\nstatement_timeout = 170s\njit = off\n";
my ($primary, $standby) = new_primary_and_standby(conf => $conf);
load_sample($primary, 'sample');
$primary->safe_psql('postgres', <<'SQL');
	ALTER TABLE sample ADD PRIMARY KEY (id);
	CREATE TABLE docs_a (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, word_id int, embedding vector(100));
	INSERT INTO docs_a (word_id, embedding) SELECT id, embedding FROM sample WHERE id <= 1500;
	CREATE TABLE docs_b (LIKE docs_a INCLUDING ALL);
	INSERT INTO docs_b (word_id, embedding) SELECT word_id, embedding FROM docs_a;
	CREATE TABLE docs_c AS SELECT * FROM docs_a WHERE id <= 400;
	CREATE TABLE docs_d AS SELECT * FROM docs_a WHERE id <= 400;
	CREATE INDEX docs_a_idx ON docs_a USING hnsw (embedding vector_l2_ops) WITH (m = 8);
	CREATE INDEX docs_b_idx ON docs_b USING hnsw (embedding vector_l2_ops) WITH (m = 8);
	CREATE INDEX docs_c_idx ON docs_c USING hnsw (embedding vector_l2_ops) WITH (m = 8);
	CREATE INDEX docs_d_idx ON docs_d USING hnsw (embedding vector_l2_ops) WITH (m = 8);
	CREATE TABLE judged (unpinned int, pinned int, due int);

	-- One query, three ways: by a sequential scan, by unpinned and by pinned reads. Raises where a row is
	-- out of order, comes twice, is not in the snapshot, or is not as far away as it is said to be.
	CREATE FUNCTION judge(rel text, OUT unpinned int, OUT pinned int, OUT due int) LANGUAGE plpgsql AS $$
	DECLARE
		chosen int := 1 + floor(random() * 5000);
		query vector := (SELECT embedding FROM sample WHERE id = chosen);
		nearest text := format('SELECT array_agg(id ORDER BY n), array_agg(d ORDER BY n) FROM (SELECT id, d, row_number() OVER () AS n
			FROM (SELECT id, embedding <-> $1 AS d FROM %s ORDER BY embedding <-> $1 LIMIT 10) s) r', rel);
		optimistic bool;
		ids bigint[];
		exact float8[];
		got float8[];
		seen int;
		hits int;
	BEGIN
		SET LOCAL hnsw.ef_search = 80;
		SET LOCAL enable_indexscan = off;
		SET LOCAL enable_seqscan = on;
		EXECUTE nearest INTO ids, exact USING query;
		due := coalesce(cardinality(exact), 0);
		FOREACH optimistic IN ARRAY ARRAY[true, false] LOOP
			PERFORM set_config('ruvector.optimistic_reads', optimistic::text, true);
			SET LOCAL enable_indexscan = on;
			SET LOCAL enable_seqscan = off;
			EXECUTE nearest INTO ids, got USING query;
			SET LOCAL enable_indexscan = off;
			SET LOCAL enable_seqscan = on;
			EXECUTE format('SELECT count(DISTINCT id) FROM %s t JOIN unnest($1, $2) AS u(uid, d) ON uid = id
				WHERE abs((embedding <-> $3) - d) <= 1e-9', rel) INTO seen USING ids, got, query;
			IF seen <> coalesce(cardinality(ids), 0) THEN
				RAISE EXCEPTION '% of % rows are what they are said to be', seen, cardinality(ids);
			END IF;
			IF EXISTS (SELECT FROM generate_series(2, cardinality(got)) i WHERE got[i] < got[i - 1]) THEN
				RAISE EXCEPTION 'out of order: %', got;
			END IF;
			hits := (SELECT count(*) FROM unnest(got) g WHERE g <= exact[due] + 1e-9);
			IF optimistic THEN unpinned := hits; ELSE pinned := hits; END IF;
		END LOOP;
	END $$;
SQL
wait_for_standby($primary, $standby);

my $rows = '(SELECT id FROM %s WHERE word_id = :word FOR UPDATE SKIP LOCKED)';
my %script = ('search_a@4' => 'BEGIN ISOLATION LEVEL REPEATABLE READ; INSERT INTO judged SELECT * FROM judge(\'docs_a\'); COMMIT;',
	'search_b@3' => 'BEGIN ISOLATION LEVEL REPEATABLE READ; INSERT INTO judged SELECT * FROM judge(\'docs_b\'); COMMIT;',
	'search_c@1' => 'BEGIN ISOLATION LEVEL REPEATABLE READ; INSERT INTO judged SELECT * FROM judge(\'docs_c\'); COMMIT;',
	'search_d@1' => 'BEGIN ISOLATION LEVEL REPEATABLE READ; INSERT INTO judged SELECT * FROM judge(\'docs_d\'); COMMIT;');
foreach my $table ('docs_a', 'docs_b')
{
	my $these = sprintf $rows, $table;
	$script{"insert_$table\@4"} = "INSERT INTO $table (word_id, embedding) SELECT id, embedding FROM sample WHERE id IN (:word, :word / 2);";
	$script{"delete_$table\@2"} = "DELETE FROM $table WHERE id IN $these;";
	$script{"update_$table\@1"} = "UPDATE $table SET embedding = embedding + embedding WHERE id IN $these;";
	$script{"rollback_$table\@1"} = "BEGIN; INSERT INTO $table (word_id, embedding) SELECT id, embedding FROM sample WHERE id = :word; ROLLBACK;";
}
my @files;
foreach my $name (sort keys %script)
{
	my ($file, $weight) = split /@/, $name;
	my $path = PostgreSQL::Test::Utils::tempdir() . "/$file.sql";

	append_to_file($path, "\\set word random(1, 5000)\n$script{$name}\n");
	push @files, '-f', "$path\@$weight";
}
my @structure = ('VACUUM docs_a', 'REINDEX INDEX docs_b_idx',
	'BEGIN; TRUNCATE docs_c; INSERT INTO docs_c SELECT * FROM docs_a ORDER BY id DESC LIMIT 300; COMMIT',
	'BEGIN; DROP TABLE docs_d; CREATE TABLE docs_d AS SELECT * FROM docs_b ORDER BY id DESC LIMIT 300;
		CREATE INDEX docs_d_idx ON docs_d USING hnsw (embedding vector_l2_ops); COMMIT',
	'VACUUM docs_b', 'REINDEX INDEX CONCURRENTLY docs_a_idx');

my ($out, $err) = ('', '');
my $bench = IPC::Run::start(
	[ 'pgbench', '-n', '--random-seed=81', '-c', '5', '-j', '2', '-t', '200', '-h', $primary->host, '-p', $primary->port, @files, 'postgres' ],
	'>', \$out, '2>', \$err);
my @searchers = map {
	my $search = join '', map { "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM judge('docs_$_'); COMMIT;\n" } qw(a b a c b d);
	run_in_background($standby, $search x 25)
} 1 .. 2;
my ($changes, @failed) = (0);
while ($bench->pumpable || $changes < @structure)
{
	my ($status, undef, $message) = $primary->psql('postgres', $structure[ $changes++ % @structure ]);
	push @failed, $message if $status != 0;
	$bench->pump_nb if $bench->pumpable;
}
$bench->finish;
is($bench->result(0), 0, 'every client of the primary finished without an error') or diag($err);
like($out, qr{number of transactions actually processed: 1000/1000}, 'all transactions were processed');
is("@failed", '', "nor did any of $changes VACUUM, REINDEX, TRUNCATE and DROP fail");

sub judge_recall
{
	my ($where, $searches, $unpinned, $pinned, $due) = @_;

	cmp_ok($due, '>', 5 * $searches, "$where: there was something to find");
	cmp_ok($unpinned / $due, '>=', 0.97, "$where: recall@10 of unpinned reads");
	cmp_ok($pinned / $due, '>=', 0.97, "$where: recall@10 of pinned reads");
	return;
}
judge_recall('primary', split /\|/,
	$primary->safe_psql('postgres', 'SELECT count(*), sum(unpinned), sum(pinned), sum(due) FROM judged'));
my @sum = (0, 0, 0, 0);
foreach my $searcher (@searchers)
{
	my ($status, $output, $message) = finish_in_background($searcher);

	is("$status|$message", '0|', 'no search on the standby failed');
	foreach my $line (split /\n/, $output)
	{
		my ($unpinned, $pinned, $due) = split /\|/, $line;
		$sum[0]++;
		$sum[1] += $unpinned;
		$sum[2] += $pinned;
		$sum[3] += $due;
	}
}
is($sum[0], 300, 'all searches of the standby are counted');
judge_recall('standby', @sum);
wait_for_standby($primary, $standby);
foreach my $index (map { "docs_${_}_idx" } 'a' .. 'd')
{
	index_check_is_clean($_, $index, $_->name) foreach $primary, $standby;
}

done_testing();
