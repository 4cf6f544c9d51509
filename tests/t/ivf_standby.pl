# ivf_standby.pl
#     A standby replays everything that happens to ivfflat indexes and answers like the primary.
#
# wal_consistency_checking is on: the standby stops when a replayed page differs.

use strict;
use warnings;

use RuvectorTest;
use Test::More;

my ($primary, $standby) = new_primary_and_standby(conf => "autovacuum = off\n");
load_sample($primary, 'sample');
$primary->safe_psql('postgres', <<'SQL');
	CREATE EXTENSION pageinspect;
	CREATE TABLE docs (id int PRIMARY KEY, embedding vector(100), half halfvec(100));
	INSERT INTO docs SELECT id, embedding, embedding::halfvec(100) FROM sample WHERE id <= 1000;
	CREATE INDEX docs_l2 ON docs USING ivfflat (embedding) WITH (lists = 30);
	CREATE INDEX docs_half ON docs USING ivfflat (half halfvec_cosine_ops) WITH (lists = 30);
	CREATE TABLE wide (id int, v vector(3000));
	CREATE INDEX wide_idx ON wide USING ivfflat (v vector_ip_ops) WITH (lists = 3);
SQL

# Every page of an index without what may differ: LSN and checksum.
sub pages_of
{
	my ($index) = @_;

	return <<"SQL";
		SELECT count(*), md5(string_agg(md5(substr(get_raw_page('$index', n::int), 11)), '' ORDER BY n))
		FROM generate_series(0, pg_relation_size('$index') / 8192 - 1) n
SQL
}

sub compare
{
	my ($when) = @_;

	wait_for_standby($primary, $standby);
	same_answer($primary, $standby, pages_of($_), "$when: the same pages in $_") foreach qw(docs_l2 docs_half wide_idx);
	foreach my $order ('embedding <-> q.embedding', 'half <=> q.embedding::halfvec(100)')
	{
		same_answer($primary, $standby, <<"SQL", "$when: the same neighbours by $order");
			SET enable_seqscan = off; SET ivfflat.probes = 3;
			SELECT q.id, array_agg(n.id ORDER BY n.rank) FROM (SELECT * FROM sample WHERE id % 200 = 0) q,
				LATERAL (SELECT id, row_number() OVER () AS rank FROM (SELECT id FROM docs
					ORDER BY $order LIMIT 10) s) n GROUP BY q.id ORDER BY q.id
SQL
	}
	foreach my $node ($primary, $standby)
	{
		index_check_is_clean($node, $_, "$when, " . $node->name) foreach qw(docs_l2 docs_half wide_idx);
	}
	return;
}

wait_for_standby($primary, $standby);
index_is_used($standby, 'SELECT id FROM docs ORDER BY embedding <-> (SELECT embedding FROM sample LIMIT 1) LIMIT 10', 'docs_l2');
compare('after the build');

$primary->safe_psql('postgres', <<'SQL');
	INSERT INTO docs SELECT id, embedding, embedding::halfvec(100) FROM sample WHERE id > 1000 AND id <= 3000;
	INSERT INTO wide SELECT i, array_fill(i / 7.0, ARRAY[3000])::real[]::vector FROM generate_series(1, 20) i;
SQL
compare('after inserts');

$primary->safe_psql('postgres', 'DELETE FROM docs WHERE id % 4 = 0; DELETE FROM wide WHERE id % 2 = 0');
$primary->safe_psql('postgres', 'VACUUM docs; ');
$primary->safe_psql('postgres', 'VACUUM wide');
compare('after delete and vacuum');

# the centre of everything moves: lists are split and merged
$primary->safe_psql('postgres', <<'SQL');
	INSERT INTO docs SELECT id + 10000, embedding - array_fill(3, ARRAY[100])::vector, (embedding - array_fill(3, ARRAY[100])::vector)::halfvec(100)
		FROM sample;
SQL
is($primary->safe_psql('postgres', "SELECT split > 0 FROM ruvector_index_maintenance('docs_l2')"), 't', 'maintenance had something to do');
compare('after maintenance');
$primary->safe_psql('postgres', 'VACUUM docs');
compare('after another vacuum, which frees retired lists');
is($primary->safe_psql('postgres', "SELECT free_pages > 0 FROM ruvector_ivfflat_stats('docs_l2')"), 't', 'it did');
$primary->safe_psql('postgres', 'INSERT INTO docs SELECT id + 20000, embedding, embedding::halfvec(100) FROM sample');
compare('after their pages were used again');
my ($status, undef, $error) = $standby->psql('postgres', "SELECT ruvector_index_maintenance('docs_l2')");
like($error, qr/recovery is in progress/, 'no maintenance on a standby');

# the standby takes over
my $before = $primary->safe_psql('postgres', 'SELECT count(*) FROM docs');
$primary->stop('immediate');
$standby->promote;
wait_until(sub { $standby->safe_psql('postgres', 'SELECT pg_is_in_recovery()') eq 'f' }, 'the promotion');
is($standby->safe_psql('postgres', 'SELECT count(*) FROM docs'), $before, 'promoted: all rows are there');
$standby->safe_psql('postgres', 'INSERT INTO docs SELECT id + 30000, embedding, embedding::halfvec(100) FROM sample WHERE id > 3000; DELETE FROM docs WHERE id % 3 = 0');
$standby->safe_psql('postgres', 'VACUUM docs');
index_check_is_clean($standby, $_, 'promoted, after writes') foreach qw(docs_l2 docs_half wide_idx);
is( $standby->safe_psql('postgres', 'SET enable_seqscan = off; SET ivfflat.probes = 1000; SELECT count(*) = (SELECT count(*) FROM docs)
	FROM (SELECT id FROM docs ORDER BY embedding <-> (SELECT embedding FROM sample LIMIT 1)) s'), 't', 'promoted: the index finds its rows');

done_testing();
