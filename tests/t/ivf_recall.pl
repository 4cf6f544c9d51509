# ivf_recall.pl
#     Recall of ivfflat: every operator class on 10,000 clustered rows, after the build and after deletes,
#     vacuum, inserts and duplicates; and lists that follow the data.

use strict;
use warnings;

use RuvectorTest;
use Test::More;

my $node = new_node('ivf_recall', conf => "autovacuum = off\nshared_buffers = 256MB\nmaintenance_work_mem = 128MB\njit = off\n");

# 200 clusters, cluster c about c-dependent centres; rows and queries come from the same clusters
$node->safe_psql('postgres', <<'SQL');
	CREATE FUNCTION number(i int, d int) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
		$$ SELECT (hashint4extended(i, d) & 1048575) / 524288.0 - 1 $$;
	CREATE TABLE points AS SELECT i AS id, i % 200 AS cluster, x.x::real[]::vector(32) AS v, x.x::real[]::vector::halfvec(32) AS h,
		(SELECT string_agg(CASE WHEN number(i % 200, d + 1000) + 0.7 * number(i, d + 2000) > 0 THEN '1' ELSE '0' END, '' ORDER BY d)
			FROM generate_series(1, 256) d)::bit(256) AS b
		FROM generate_series(1, 10200) i, LATERAL (SELECT array_agg(number(i % 200, d) + 0.6 * number(i, d + 100) + 0.3 ORDER BY d) AS x
			FROM generate_series(1, 32) d) x;
	ALTER TABLE points ADD COLUMN bin binaryvec(256);
	UPDATE points SET bin = b::binaryvec(256);
	CREATE TABLE queries AS SELECT * FROM points WHERE id > 10000;
	CREATE TABLE items AS SELECT * FROM points WHERE id <= 10000;
	ALTER TABLE items ALTER v SET NOT NULL;
SQL

# Recall@10: rows of the index no further than the tenth of a sequential scan. Ties count alike.
my $judge = <<'SQL';
CREATE FUNCTION pg_temp.judge(rel text, col text, op text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	kth float8;
	hits int;
	total int := 0;
	found int := 0;
	q record;
BEGIN
	FOR q IN EXECUTE format('SELECT %I AS x FROM queries', col) LOOP
		SET LOCAL enable_indexscan = off;
		SET LOCAL enable_seqscan = on;
		EXECUTE format('SELECT max(d) FROM (SELECT %1$I %2$s $1 AS d FROM %3$s ORDER BY 1 LIMIT 10) s', col, op, rel) INTO kth USING q.x;
		SET LOCAL enable_indexscan = on;
		SET LOCAL enable_seqscan = off;
		EXECUTE format('SELECT count(*) FILTER (WHERE d <= $2) FROM (SELECT %1$I %2$s $1 AS d FROM %3$s ORDER BY %1$I %2$s $1 LIMIT 10) s',
			col, op, rel) INTO hits USING q.x, kth + abs(kth) * 1e-9;
		found := found + hits;
		total := total + 10;
	END LOOP;
	RETURN round(found::numeric / total, 4);
END $$;
SQL

sub recall_of
{
	my ($rel, $col, $op, $probes) = @_;

	return $node->safe_psql('postgres', "SET client_min_messages = warning; $judge SET ivfflat.probes = $probes;
		SELECT pg_temp.judge('$rel', '$col', '$op')");
}

my @classes = (
	[ 'v', 'vector_l2_ops', '<->' ], [ 'v', 'vector_ip_ops', '<#>' ], [ 'v', 'vector_cosine_ops', '<=>' ],
	[ 'h', 'halfvec_l2_ops', '<->' ], [ 'h', 'halfvec_ip_ops', '<#>' ], [ 'h', 'halfvec_cosine_ops', '<=>' ],
	[ 'b', 'bit_hamming_ops', '<~>' ], [ 'bin', 'binaryvec_hamming_ops', '<~>' ]);

foreach my $class (@classes)
{
	my ($col, $name, $op) = @$class;

	$node->safe_psql('postgres', "CREATE INDEX items_$name ON items USING ivfflat ($col $name) WITH (lists = 50)");
	index_is_used($node, "SELECT id FROM items ORDER BY $col $op (SELECT $col FROM queries LIMIT 1) LIMIT 10", "items_$name");
	cmp_ok(recall_of('items', $col, $op, 12), '>=', 0.95, "$name: recall@10 with 12 of 50 lists, as built");
}
$node->safe_psql('postgres', 'DELETE FROM items WHERE id % 3 = 0');
$node->safe_psql('postgres', 'VACUUM items');
$node->safe_psql('postgres', 'INSERT INTO items SELECT * FROM points WHERE id % 3 = 0 AND id <= 10000');
$node->safe_psql('postgres', 'INSERT INTO items SELECT * FROM points WHERE id % 25 = 0 AND id <= 10000') for 1 .. 3;
foreach my $class (@classes)
{
	my ($col, $name, $op) = @$class;

	cmp_ok(recall_of('items', $col, $op, 12), '>=', 0.95, "$name: after deletes, vacuum, inserts and duplicates");
	index_check_is_clean($node, "items_$name", $name);
	$node->safe_psql('postgres', "DROP INDEX items_$name");
}

# A tenth of the clusters, the index, then the rest of them, then maintenance: as good as a fresh index.
# VACUUM does the same as the function.
foreach my $how ("SELECT ruvector_index_maintenance('drift_idx')", 'VACUUM drift')
{
	foreach my $op ('<->', '<=>')
	{
		my $class = { '<->' => 'vector_l2_ops', '<=>' => 'vector_cosine_ops' }->{$op};

		$node->safe_psql('postgres', <<"SQL");
			DROP TABLE IF EXISTS drift;
			CREATE TABLE drift AS SELECT id, v FROM points WHERE cluster < 20 AND id <= 10000;
			CREATE INDEX drift_idx ON drift USING ivfflat (v $class) WITH (lists = 50);
			INSERT INTO drift SELECT id, v FROM points WHERE cluster >= 20 AND id <= 10000;
SQL
		my $crowded = $node->safe_psql('postgres', "SELECT largest FROM ruvector_ivfflat_stats('drift_idx')");
		$node->safe_psql('postgres', $how);
		index_check_is_clean($node, 'drift_idx', "$how, $op");
		cmp_ok($node->safe_psql('postgres', "SELECT largest FROM ruvector_ivfflat_stats('drift_idx')"), '<', $crowded,
			"$how, $op: the largest list is smaller");
		my %maintained = map { $_ => recall_of('drift', 'v', $op, $_) } 3, 8;
		$node->safe_psql('postgres', 'REINDEX INDEX drift_idx');
		foreach my $probes (sort keys %maintained)
		{
			my $fresh = recall_of('drift', 'v', $op, $probes);
			cmp_ok($maintained{$probes}, '>=', $fresh - 0.02,
				"$how, $op: recall with $probes probes is $maintained{$probes}, of a fresh index $fresh");
		}
	}
}

done_testing();
