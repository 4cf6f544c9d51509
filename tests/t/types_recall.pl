# types_recall.pl
#     Every type with every operator class of hnsw and ivfflat: recall against an exact scan after the build, after
#     inserts, after deletes and VACUUM, and among duplicates, on 10,000 clustered rows.
#
# A row counts as found when it is no farther than the exact k-th neighbour: distances of bits have many
# ties.

use strict;
use warnings;

use RuvectorTest;
use Test::More;

my $WANTED = 0.95;
my %settings = (hnsw => 'SET hnsw.ef_search = 100', ivfflat => 'SET ivfflat.probes = 20');
my %options = (hnsw => 'm = 16, ef_construction = 64', ivfflat => 'lists = 100');
my @classes = (
	[ 'hnsw', 'v', 'vector_l2_ops', '<->' ], [ 'hnsw', 'v', 'vector_ip_ops', '<#>' ],
	[ 'hnsw', 'v', 'vector_cosine_ops', '<=>' ], [ 'hnsw', 'v', 'vector_l1_ops', '<+>' ],
	[ 'hnsw', 'h', 'halfvec_l2_ops', '<->' ], [ 'hnsw', 'h', 'halfvec_ip_ops', '<#>' ],
	[ 'hnsw', 'h', 'halfvec_cosine_ops', '<=>' ], [ 'hnsw', 'h', 'halfvec_l1_ops', '<+>' ],
	[ 'hnsw', 's', 'sparsevec_l2_ops', '<->' ], [ 'hnsw', 's', 'sparsevec_ip_ops', '<#>' ],
	[ 'hnsw', 's', 'sparsevec_cosine_ops', '<=>' ], [ 'hnsw', 's', 'sparsevec_l1_ops', '<+>' ],
	[ 'hnsw', 'b', 'bit_hamming_ops', '<~>' ], [ 'hnsw', 'b', 'bit_jaccard_ops', '<%>' ],
	[ 'hnsw', 'y', 'binaryvec_hamming_ops', '<~>' ], [ 'hnsw', 'y', 'binaryvec_jaccard_ops', '<%>' ],
	[ 'ivfflat', 'v', 'vector_l2_ops', '<->' ], [ 'ivfflat', 'v', 'vector_ip_ops', '<#>' ],
	[ 'ivfflat', 'v', 'vector_cosine_ops', '<=>' ], [ 'ivfflat', 'h', 'halfvec_l2_ops', '<->' ],
	[ 'ivfflat', 'h', 'halfvec_ip_ops', '<#>' ], [ 'ivfflat', 'h', 'halfvec_cosine_ops', '<=>' ],
	[ 'ivfflat', 'b', 'bit_hamming_ops', '<~>' ], [ 'ivfflat', 'y', 'binaryvec_hamming_ops', '<~>' ]);

my $node = new_node('types');

# 200 clusters; every type holds the same rows in its own way: the first 30 of 128 numbers, those of all
# 128 that are large, and their signs
$node->safe_psql('postgres', <<'SQL');
	SELECT setseed(0.4);
	CREATE TABLE centres AS SELECT c, (SELECT array_agg(random() - 0.5) FROM generate_series(1, 128) i WHERE c = c) AS x
		FROM generate_series(1, 200) c;
	CREATE TABLE numbers AS SELECT n, (SELECT array_agg(u.x + (random() - 0.5) * 0.4 ORDER BY i)
			FROM unnest(x) WITH ORDINALITY u(x, i) WHERE n = n) AS x
		FROM generate_series(1, 11020) n JOIN centres ON c = 1 + n % 200;
	CREATE FUNCTION signs(double precision[]) RETURNS text LANGUAGE sql IMMUTABLE AS
		$$ SELECT string_agg(CASE WHEN x > 0 THEN '1' ELSE '0' END, '' ORDER BY i) FROM unnest($1) WITH ORDINALITY u(x, i) $$;
	CREATE TABLE forms AS SELECT n, x[1:30]::vector(30) AS v, x[1:30]::halfvec(30) AS h,
			(SELECT array_agg(CASE WHEN abs(u.x) > 0.4 THEN u.x ELSE 0 END ORDER BY i) FROM unnest(x) WITH ORDINALITY u(x, i))
				::sparsevec(128) AS s, signs(x)::bit(128) AS b, signs(x)::binaryvec(128) AS y
		FROM numbers;
	CREATE TABLE queries AS SELECT * FROM forms WHERE n > 11000;

	-- the share of the k nearest that an index scan finds
	CREATE FUNCTION recall(col text, op text, k int) RETURNS numeric LANGUAGE plpgsql AS $$
	DECLARE
		result numeric;
	BEGIN
		SET LOCAL enable_seqscan = off;
		SET LOCAL enable_sort = off;
		EXECUTE format('SELECT avg(found) / %3$s FROM queries q, LATERAL (
				SELECT max(d) AS kth FROM (SELECT t.%1$I %2$s q.%1$I AS d FROM t ORDER BY (t.%1$I %2$s q.%1$I) + 0 LIMIT %3$s) e) e,
			LATERAL (SELECT count(*) FILTER (WHERE d <= kth + 1e-5 * abs(kth)) AS found
				FROM (SELECT t.%1$I %2$s q.%1$I AS d FROM t ORDER BY t.%1$I %2$s q.%1$I LIMIT %3$s) s) s', col, op, k) INTO result;
		RETURN round(result, 3);
	END $$;
SQL

sub check_class
{
	my ($method, $column, $class, $operator) = @_;
	my $recall = sub {
		my ($when) = @_;
		my $value = $node->safe_psql('postgres', "$settings{$method}; SELECT recall('$column', '$operator', 10)");
		cmp_ok($value, '>=', $WANTED, "$method $class: recall $when");
	};
	$node->safe_psql('postgres', "DROP TABLE IF EXISTS t; CREATE TABLE t AS SELECT n, $column FROM forms WHERE n <= 10000;
		CREATE INDEX t_index ON t USING $method ($column $class) WITH ($options{$method})");
	like($node->safe_psql('postgres', "SET enable_seqscan = off; EXPLAIN SELECT n FROM t ORDER BY $column $operator (SELECT $column FROM queries LIMIT 1) LIMIT 10"),
		qr/Index Scan using t_index/, "$method $class: the index is used");
	$recall->('after the build');
	$node->safe_psql('postgres', "INSERT INTO t SELECT n, $column FROM forms WHERE n BETWEEN 10001 AND 11000");
	$recall->('after inserts');
	$node->safe_psql('postgres', 'DELETE FROM t WHERE n % 5 = 0');
	$node->safe_psql('postgres', 'VACUUM t');
	$recall->('after deletes and VACUUM');
	# 300 copies of one row that is nearest to a query of its own
	$node->safe_psql('postgres', "INSERT INTO t SELECT 20000 + i, $column FROM forms, generate_series(1, 300) i WHERE n = 77;
		INSERT INTO t VALUES (30000, NULL)");
	$recall->('among duplicates');
	is($node->safe_psql('postgres', "SET enable_seqscan = off; $settings{$method}; SET hnsw.ef_search = 400;
			SELECT count(*) > 250 FROM (SELECT n FROM t ORDER BY $column $operator (SELECT $column FROM forms WHERE n = 77) LIMIT 290) s
			WHERE n > 20000 OR n = 77"), 't', "$method $class: duplicates are found") if $operator ne '<#>';
	is($node->safe_psql('postgres', "SELECT count(*) FROM ruvector_index_check('t_index') WHERE severity <> 'info'"), '0', "$method $class: the index is sound");
	return;
}

check_class(@$_) foreach @classes;
done_testing();
