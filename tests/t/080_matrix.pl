# 080_matrix.pl
#     Every type with every metric of every access method: recall against a sequential scan, order of the
#     returned distances, and ruvector_index_check: after the build, after inserts, after a tenth was
#     deleted and vacuumed away, with a fifth of duplicates, and (one class a type) as built with them.
#     Iterative scans return all rows of a small table.
#
# What there is to test is asked of the catalog: an access method or operator class that comes later is
# tested without a change here. What must be there is listed.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use RuvectorTest;
use Test::More;

use constant { ROWS => 10_000, MORE => 2_000, QUERIES => 12, CENTRES => 100, SMALL => 300 };
use constant { MINIMUM => 0.95, EF => 100 };

# What an access method needs beside its name; one that is not installed is left out.
my %methods = (
	hnsw => { with => '', set => 'SET hnsw.ef_search = ' . EF, classes => 16 },
	ivfflat => { with => 'WITH (lists = 50)', set => 'SET ivfflat.probes = 15', classes => 1 });

srand(80);

sub gauss { return sqrt(-2 * log(1 - rand())) * cos(6.283185307179586 * rand()); }

# Each generator returns a function that makes the text of one value, near one of CENTRES centres.
sub dense
{
	my ($dim) = @_;
	my @centres = map { [ map { gauss() } 1 .. $dim ] } 1 .. CENTRES;

	return sub {
		my $centre = $centres[ rand @centres ];
		return '[' . join(',', map { sprintf '%.4f', $_ + 0.4 * gauss() } @$centre) . ']';
	};
}

sub sparse
{
	my ($dim, $count) = @_;
	my @centres = map { { map { 1 + int(rand $dim) => 1 + rand } 1 .. $count } } 1 .. CENTRES;

	return sub {
		my $centre = $centres[ rand @centres ];
		my %x = map { $_ => $centre->{$_} + 0.3 * gauss() } grep { rand() < 0.9 } keys %$centre;
		$x{ 1 + int(rand $dim) } = gauss() for 1 .. 3;
		return '{' . join(',', map { sprintf '%d:%.4f', $_, $x{$_} || 1 } sort { $a <=> $b } keys %x) . "}/$dim";
	};
}

sub bits
{
	my ($dim) = @_;
	my @centres = map { [ map { rand() < 0.4 ? 1 : 0 } 1 .. $dim ] } 1 .. CENTRES;

	return sub {
		my $centre = $centres[ rand @centres ];
		return join('', map { rand() < 0.1 ? 1 - $_ : $_ } @$centre);
	};
}

my %types = (
	vector => [ 'vector(64)', dense(64) ],
	halfvec => [ 'halfvec(48)', dense(48) ],
	sparsevec => [ 'sparsevec(1000)', sparse(1000, 24) ],
	bit => [ 'bit(128)', bits(128) ],
	binaryvec => [ 'binaryvec(200)', bits(200) ]);

my $node = new_node('matrix', conf => "maintenance_work_mem = 256MB\nshared_buffers = 128MB\njit = off\nautovacuum = off\n");

$node->safe_psql('postgres', <<'SQL');
	-- "recall, rows that came out of order, rows returned" of the index on rel's column v that serves op
	CREATE FUNCTION measured(rel regclass, op text, setting text, k int DEFAULT 10) RETURNS text
	LANGUAGE plpgsql AS $$
	DECLARE
		item record;
		column_type text := (SELECT format_type(atttypid, atttypmod) FROM pg_attribute
			WHERE attrelid = rel AND attname = 'v');
		nearest text;
		exact float8[];
		got float8[];
		hits bigint := 0;
		due bigint := 0;
		returned bigint := 0;
		unordered bigint := 0;
	BEGIN
		nearest := format('SELECT array(SELECT (v %1$s $1::%2$s)::float8 FROM %3$s ORDER BY v %1$s $1::%2$s LIMIT %4$s)',
			op, column_type, rel, k);
		EXECUTE setting;
		FOR item IN EXECUTE format('SELECT v::text AS x FROM %s_queries', split_part(rel::text, '_', 1)) LOOP
			SET LOCAL enable_indexscan = off;
			SET LOCAL enable_seqscan = on;
			EXECUTE nearest INTO exact USING item.x;
			SET LOCAL enable_indexscan = on;
			SET LOCAL enable_seqscan = off;
			EXECUTE nearest INTO got USING item.x;
			due := due + cardinality(exact);
			returned := returned + cardinality(got);
			hits := hits + (SELECT count(*) FROM unnest(got) g
				WHERE g <= exact[cardinality(exact)] + abs(exact[cardinality(exact)]) * 1e-6);
			unordered := unordered + (SELECT count(*) FROM generate_series(2, cardinality(got)) i WHERE got[i] < got[i - 1]);
		END LOOP;
		RETURN format('%s %s %s', round(hits::numeric / due, 4), unordered, due - returned);
	END $$;
SQL

# A type's tables: <type>_t to be indexed, <type>_more to come later, <type>_queries.
sub make_tables
{
	my ($type) = @_;
	my ($declared, $value) = @{ $types{$type} };
	my $file = PostgreSQL::Test::Utils::tempdir("matrix_$type") . '/rows';
	my $text = '';

	$text .= "$_\t" . $value->() . "\n" for 1 .. ROWS + MORE + QUERIES;
	append_to_file($file, $text);
	chmod 0644, $file;
	my ($more, $queries) = (ROWS, ROWS + MORE);
	$node->safe_psql('postgres', <<"SQL");
		CREATE TABLE ${type}_t (id int, v $declared);
		CREATE TEMP TABLE all_rows (LIKE ${type}_t);
		\\copy all_rows FROM '$file'
		INSERT INTO ${type}_t SELECT * FROM all_rows WHERE id <= $more;
		CREATE TABLE ${type}_more AS SELECT * FROM all_rows WHERE id > $more AND id <= $queries;
		CREATE TABLE ${type}_queries AS SELECT * FROM all_rows WHERE id > $queries
			UNION ALL SELECT * FROM all_rows WHERE id % 5000 = 1;
SQL
	return;
}

# [ operator class, operator ] for each class of the method that indexes the type.
sub classes_of
{
	my ($method, $type) = @_;

	return map { [ split /\|/ ] } split /\n/, $node->safe_psql('postgres', <<"SQL");
		SELECT c.opcname, o.oprname FROM pg_opclass c JOIN pg_am a ON a.oid = c.opcmethod
			JOIN pg_amop p ON p.amopfamily = c.opcfamily AND p.amoppurpose = 'o' AND p.amoplefttype = c.opcintype
			JOIN pg_operator o ON o.oid = p.amopopr
		WHERE a.amname = '$method' AND c.opcintype = '$type'::regtype ORDER BY 1
SQL
}

sub judge
{
	my ($type, $method, $operator, $class, $when) = @_;
	my ($recall, $unordered, $missing, $breaches) = split /[ |]/, $node->safe_psql('postgres', <<"SQL");
		SELECT measured('${type}_t', '$operator', '$methods{$method}{set}'),
			(SELECT count(*) FROM ruvector_index_check('${type}_$class'))
SQL

	cmp_ok($recall, '>=', MINIMUM, "$method $class, $when: recall@10");
	is($unordered, 0, "$method $class, $when: distances do not decrease");
	is($missing, 0, "$method $class, $when: ten rows each");
	is($breaches, 0, "$method $class, $when: ruvector_index_check finds nothing");
	return;
}

# All of a small table, in both iterative orders.
sub iterate
{
	my ($type, $class, $operator) = @_;
	my ($declared, $small, $all) = ($types{$type}[0], SMALL, SMALL + SMALL / 10);

	# duplicates among them
	$node->safe_psql('postgres', <<"SQL");
		CREATE TABLE ${type}_small (id int, v $declared);
		INSERT INTO ${type}_small SELECT id, v FROM ${type}_more ORDER BY id LIMIT $small;
		INSERT INTO ${type}_small SELECT -id, v FROM ${type}_small ORDER BY id LIMIT $small / 10;
		CREATE INDEX ${type}_small_v ON ${type}_small USING hnsw (v $class);
SQL
	foreach my $order ('strict_order', 'relaxed_order')
	{
		my $result = $node->safe_psql('postgres', <<"SQL");
			SET enable_seqscan = off; SET hnsw.ef_search = 20; SET hnsw.iterative_scan = $order;
			WITH returned AS MATERIALIZED (SELECT s.id, s.v $operator (SELECT v FROM ${type}_queries ORDER BY id LIMIT 1) AS d
				FROM ${type}_small s ORDER BY s.v $operator (SELECT v FROM ${type}_queries ORDER BY id LIMIT 1)),
			numbered AS (SELECT d, lag(d) OVER (ORDER BY n) AS before FROM (SELECT d, row_number() OVER () AS n FROM returned) r)
			SELECT (SELECT count(*) || ' ' || count(DISTINCT id) FROM returned),
				(SELECT count(*) FROM numbered WHERE d < before);
SQL
		my ($rows, $unordered) = split /\|/, $result;
		if ($order eq 'relaxed_order')
		{
			is($rows, "$all $all", "$class, $order: every row of a small table, once");
			next;
		}

		# a row that a later batch finds too late for its place is dropped (README-hnsw.md, Scans)
		my ($count, $distinct) = split / /, $rows;
		is($distinct, $count, "$class, $order: no row twice");
		cmp_ok($count, '>=', $all * 0.98, "$class, $order: all rows of a small table but the rare late one");
		is($unordered, 0, "$class, $order: in order");
	}
	$node->safe_psql('postgres', "DROP TABLE ${type}_small");
	return;
}

# One type with all classes of a method.
sub test_type
{
	my ($method, $type, @classes) = @_;
	my ($table, $with) = ("${type}_t", $methods{$method}{with});
	my %step = (
		'1 built' => join(';', map { "CREATE INDEX ${type}_$_->[0] ON $table USING $method (v $_->[0]) $with" } @classes),
		'2 after inserts' => "INSERT INTO $table SELECT * FROM ${type}_more",
		'3 after delete and vacuum' => "DELETE FROM $table WHERE id % 10 = 3",
		'4 with duplicates' => "INSERT INTO $table SELECT id + 100000, v FROM $table WHERE id % 5 = 1",
		'5 built with duplicates' => "REINDEX INDEX ${type}_$classes[0][0]");

	make_tables($type);
	foreach my $when (sort keys %step)
	{
		$node->safe_psql('postgres', $step{$when});
		$node->safe_psql('postgres', "VACUUM ANALYZE $table") if $when =~ /vacuum/;
		my ($name) = $when =~ /^\d (.*)/;
		foreach my $class ($name =~ /built with/ ? $classes[0] : @classes)
		{
			index_is_used($node, "SELECT * FROM $table ORDER BY v $class->[1] (SELECT v FROM ${type}_queries LIMIT 1) LIMIT 10",
				"${type}_$class->[0]") if $name eq 'built';
			judge($type, $method, $class->[1], $class->[0], $name);
		}
	}
	if ($method eq 'hnsw')
	{
		iterate($type, @$_) foreach @classes;
	}
	$node->safe_psql('postgres', "DROP TABLE $table, ${type}_more, ${type}_queries");
	return;
}

foreach my $method (sort keys %methods)
{
	my $there = $node->safe_psql('postgres', "SELECT count(*) FROM pg_am WHERE amname = '$method'");
	my $count = 0;

	if (!$there && $method ne 'hnsw')
	{
		note("there is no access method $method");
		next;
	}
	foreach my $type (sort keys %types)
	{
		my @classes = classes_of($method, $type);

		$count += @classes;
		test_type($method, $type, @classes) if @classes;
	}
	cmp_ok($count, '>=', $methods{$method}{classes}, "$method: its operator classes were tested");
}

done_testing();
