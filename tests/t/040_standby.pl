# 040_standby.pl
#     A streaming standby under wal_consistency_checking = 'all', which compares every page after replay
#     with the primary's image: index build, inserts, deletes, vacuum on a ruvector_tam table; equal
#     answers and equal pages on both sides; promotion.

use strict;
use warnings;

use RuvectorTest;
use Test::More;

my ($primary, $standby) = new_primary_and_standby(conf => "maintenance_work_mem = 64MB\n");
load_sample($primary, 'sample');
$primary->safe_psql('postgres', <<'SQL');
	CREATE EXTENSION pageinspect;
	CREATE TABLE docs (id int PRIMARY KEY, word text, embedding vector(100)) USING ruvector_tam
		WITH (toast_tuple_target = 128);
	INSERT INTO docs SELECT * FROM sample WHERE id <= 2000;
	CREATE INDEX docs_l2 ON docs USING hnsw (embedding vector_l2_ops);
	CREATE INDEX docs_cosine ON docs USING hnsw (embedding vector_cosine_ops) WITH (m = 8, ef_construction = 32);
	CREATE TABLE empty (id int, embedding vector(3)) USING ruvector_tam;
	CREATE INDEX empty_idx ON empty USING hnsw (embedding vector_ip_ops);
SQL

# Every page of an index without what may differ: LSN and checksum, and the hole in the middle. A page
# that was never initialised has none.
sub pages_of
{
	my ($index) = @_;

	return <<"SQL";
		SELECT count(*), md5(string_agg(md5(CASE WHEN h.upper = 0 THEN substr(p, 11)
			ELSE substr(p, 11, h.lower - 10) || substr(p, h.upper + 1) END), '' ORDER BY n))
		FROM generate_series(0, pg_relation_size('$index') / 8192 - 1) n,
			LATERAL (SELECT get_raw_page('$index', n::int) AS p) page, LATERAL page_header(p) h
SQL
}

sub compare
{
	my ($when) = @_;

	wait_for_standby($primary, $standby);
	same_answer($primary, $standby, 'SELECT count(*), md5(string_agg(d::text, \'\' ORDER BY id)) FROM docs d',
		"$when: the same rows");
	same_answer($primary, $standby, pages_of($_), "$when: the same pages in $_") foreach qw(docs_l2 docs_cosine empty_idx);
	foreach my $op ('<->', '<=>')
	{
		same_answer($primary, $standby, <<"SQL", "$when: the same neighbours by $op");
			SET enable_seqscan = off; SET hnsw.ef_search = 60;
			SELECT q.id, array_agg(n.id ORDER BY n.rank) FROM (SELECT * FROM sample WHERE id % 200 = 0) q,
				LATERAL (SELECT id, row_number() OVER () AS rank FROM (SELECT id FROM docs
					ORDER BY embedding $op q.embedding LIMIT 10) s) n GROUP BY q.id ORDER BY q.id
SQL
	}
	index_check_is_clean($_, 'docs_l2', "$when, " . $_->name) foreach $primary, $standby;
	return;
}

wait_for_standby($primary, $standby);
index_is_used($standby, 'SELECT id FROM docs ORDER BY embedding <-> (SELECT embedding FROM sample LIMIT 1) LIMIT 10',
	'docs_l2');
compare('after the build');

$primary->safe_psql('postgres', <<'SQL');
	INSERT INTO docs SELECT * FROM sample WHERE id > 2000 AND id <= 3000;
	INSERT INTO empty VALUES (1, '[1,2,3]'), (2, '[3,2,1]');
SQL
compare('after inserts');

$primary->safe_psql('postgres', 'DELETE FROM docs WHERE id % 4 = 0; UPDATE docs SET embedding = embedding + embedding WHERE id % 10 = 1');
$primary->safe_psql('postgres', 'VACUUM docs');
compare('after delete, update and vacuum');

$primary->safe_psql('postgres', 'INSERT INTO docs SELECT * FROM sample WHERE id % 4 = 0 AND id <= 3000; REINDEX INDEX docs_cosine');
compare('after reuse of the freed places and REINDEX');

# the standby takes over
my $before = $primary->safe_psql('postgres', 'SELECT count(*) FROM docs');
$primary->stop('immediate');
$standby->promote;
wait_until(sub { $standby->safe_psql('postgres', 'SELECT pg_is_in_recovery()') eq 'f' }, 'the promotion');
is($standby->safe_psql('postgres', 'SELECT count(*) FROM docs'), $before, 'promoted: all rows are there');
$standby->safe_psql('postgres', 'INSERT INTO docs SELECT * FROM sample WHERE id > 3000; DELETE FROM docs WHERE id <= 100');
$standby->safe_psql('postgres', 'VACUUM docs');
index_check_is_clean($standby, $_, 'promoted, after writes') foreach qw(docs_l2 docs_cosine empty_idx);
cmp_ok(recall($standby, 'docs', ef => 100, queries => 'SELECT embedding FROM sample WHERE id % 100 = 0'),
	'>=', 0.97, 'promoted: the index finds its rows');

done_testing();
