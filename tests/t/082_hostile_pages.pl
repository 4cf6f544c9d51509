# 082_hostile_pages.pl
#     Random damage to the pages of hnsw indexes: whatever searches, inserts, VACUUM,
#     ruvector_index_check and the inspection functions meet, they end with an answer or a clean error. No
#     crash, no hang, no row that fails a query's WHERE, no harm to the table; REINDEX puts it right.
#
# Each round stops the server, damages the files of many small indexes of all kinds of codes (checksums
# are off here), starts it and uses each index in a session of its own. What is done depends on the seed
# alone: RV_FUZZ_SEED (default 82) and RV_FUZZ_ROUNDS (default 5) make longer runs. hnsw_check.pl breaks
# each invariant on purpose; this test breaks what nobody thought of.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use constant { PAGE => 8192, COPIES => 8 };

my $seed   = $ENV{RV_FUZZ_SEED}   // 82;
my $rounds = $ENV{RV_FUZZ_ROUNDS} // 5;
my %kinds = (
	v => [ 'vector(8)', 'vector_l2_ops', '<->', '[1,2,3,4,5,6,7,8]' ],
	h => [ 'halfvec(300)', 'halfvec_cosine_ops', '<=>', '[' . join(',', map { $_ % 7 - 3 } 1 .. 300) . ']' ],
	w => [ 'vector(40)', 'vector_l1_ops', '<+>', '[' . join(',', map { $_ % 5 } 1 .. 40) . ']' ],
	s => [ 'sparsevec(90)', 'sparsevec_ip_ops', '<#>', '{1:1,5:2,20:3,77:-4}/90' ],
	b => [ 'bit(70)', 'bit_jaccard_ops', '<%>', '10' x 35 ]);
srand($seed);

my $node = PostgreSQL::Test::Cluster->new('hostile_pages');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nstatement_timeout = 20s\nshared_buffers = 16MB\n"
	  . "max_parallel_maintenance_workers = 0\nrestart_after_crash = on\njit = off\n");
$node->start;
$node->safe_psql('postgres', <<'SQL');
	CREATE EXTENSION ruvector;
	CREATE FUNCTION row_text(kind text, i int) RETURNS text LANGUAGE sql AS $$
		SELECT CASE kind
			WHEN 's' THEN (SELECT '{' || string_agg(n || ':' || 1 + (i * n) % 13, ',' ORDER BY n) || '}/90'
				FROM generate_series(1 + i % 5, 90, 6 + i % 4) n)
			WHEN 'b' THEN (SELECT string_agg(((hashint4extended(i, n) >> 7) & 1)::text, '' ORDER BY n) FROM generate_series(1, 70) n)
			ELSE (SELECT '[' || string_agg(((hashint4extended(i, n) & 65535) / 32768.0 - 1)::text, ',' ORDER BY n) || ']'
				FROM generate_series(1, CASE kind WHEN 'v' THEN 8 WHEN 'h' THEN 300 ELSE 40 END) n)
			END
	$$;
SQL
my @tables;
foreach my $kind (sort keys %kinds)
{
	my ($type, $class) = @{ $kinds{$kind} };

	foreach my $copy (1 .. COPIES)
	{
		push @tables, { name => "$kind$copy", kind => $kind };
		$node->safe_psql('postgres', <<"SQL");
			CREATE TABLE $kind$copy (id int, v $type);
			INSERT INTO $kind$copy SELECT i, row_text('$kind', i)::$type FROM generate_series(1, 90) i;
			CREATE INDEX $kind${copy}_v ON $kind$copy USING hnsw (v $class) WITH (m = 4, ef_construction = 16);
SQL
	}
}

# Rows inserted and removed through the index: duplicates, free slots, edges chosen late.
sub settle
{
	$node->safe_psql('postgres', join '', map { <<"SQL" } @tables);
		DELETE FROM $_->{name} WHERE id > 90;
		INSERT INTO $_->{name} SELECT id + 1000, v FROM $_->{name} WHERE id % 9 = 0;
		INSERT INTO $_->{name} SELECT i, row_text('$_->{kind}', i)::$kinds{$_->{kind}}[0] FROM generate_series(91, 100) i;
		DELETE FROM $_->{name} WHERE id % 17 = 16;
		VACUUM $_->{name};
		INSERT INTO $_->{name} SELECT i, row_text('$_->{kind}', i)::$kinds{$_->{kind}}[0] FROM generate_series(1, 90) i
			WHERE NOT EXISTS (SELECT FROM $_->{name} WHERE id = i);
SQL
	return;
}

my @values = (0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7F800000, 0x7FC00000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF);

# Damages bytes in one of several ways; returns what it did.
sub damage
{
	my ($bytes) = @_;
	my $pages = length($$bytes) / PAGE;
	my $page  = int rand $pages;
	my $from  = $page * PAGE;
	my $how   = rand;

	# mostly where something is: the page's array, not the hole behind it
	my $lower = unpack 'v', substr($$bytes, $from + 12, 2);
	my $at = $from + 24 + int rand($lower > 24 && $lower <= PAGE ? $lower - 24 : PAGE - 24);
	if ($how < 0.30)
	{
		vec($$bytes, $at, 8) ^= 1 << int rand 8;
		return "bit at $at";
	}
	if ($how < 0.50)
	{
		vec($$bytes, $at, 8) = int rand 256;
		return "byte at $at";
	}
	if ($how < 0.80)
	{
		$at -= $at % 4;
		substr($$bytes, $at, 4) = pack 'V', rand() < 0.7 ? $values[ rand @values ] : int rand 200;
		return "word at $at";
	}
	if ($how < 0.86)
	{
		$at = rand() < 0.5 ? $from + int(rand 24) : $from + PAGE - 1 - int(rand 8);
		vec($$bytes, $at, 8) = int rand 256;
		return "header or special space at $at";
	}
	if ($how < 0.90)
	{
		my $length = 1 + int rand 300;
		$length = length($$bytes) - $at if $at + $length > length $$bytes;
		substr($$bytes, $at, $length) = join '', map { chr int rand 256 } 1 .. $length;
		return "$length bytes at $at";
	}
	if ($how < 0.94)
	{
		my $other = int rand $pages;
		substr($$bytes, $from, PAGE) = substr($$bytes, $other * PAGE, PAGE);
		return "page $other over page $page";
	}
	if ($how < 0.97)
	{
		substr($$bytes, $from, PAGE) = "\0" x PAGE;
		return "page $page zero";
	}
	$$bytes = substr $$bytes, 0, $from if $page > 0;
	return "nothing from page $page";
}

# Errors that say something about the damage. All else, above all internal errors, is a failure.
sub is_clean
{
	my ($state, $text) = @_;

	# data or index corrupted, another version, another dimension
	return $state =~ /^(XX001|XX002|0A000|22000)$/
	  # a TID that leads far beyond the table
	  || $text =~ /^could not open file .*: previous segment is only \d+ blocks/
	  # the executor's word for a distance that was not the lower bound it was said to be
	  || $state eq 'XX000' && $text eq 'index returned tuples in wrong order';
}

sub use_index
{
	my ($table) = @_;
	my ($type, undef, $operator, $query) = @{ $kinds{ $table->{kind} } };
	my $name = $table->{name};
	my $nearest = "ORDER BY v $operator '$query'";
	my ($out, $err) = ('', '');
	my $script = <<"SQL";
		\\set VERBOSITY verbose
		SET enable_seqscan = off;
		SELECT 'filtered', id FROM $name WHERE id % 7 = 3 $nearest;
		SELECT count(*) FROM (SELECT id FROM $name $nearest LIMIT 10) s;
		SET hnsw.iterative_scan = relaxed_order;
		SELECT 'filtered', id FROM $name WHERE id % 7 = 3 $nearest;
		SET ruvector.optimistic_reads = off;
		SET hnsw.iterative_scan = strict_order;
		SELECT 'filtered', id FROM $name WHERE id % 7 = 3 $nearest LIMIT 5;
		SELECT count(*) FROM ruvector_index_check('${name}_v');
		SELECT count(*) FROM ruvector_hnsw_stats('${name}_v');
		SELECT count(*) FROM ruvector_hnsw_meta('${name}_v');
SQL
	$script .= "SELECT count(*) FROM ruvector_hnsw_page_stats('${name}_v', $_); SELECT count(*) FROM ruvector_hnsw_page_items('${name}_v', $_);\n"
	  for 0 .. $table->{pages} - 1;
	$script .= <<"SQL";
		INSERT INTO $name SELECT id + 2000, v FROM $name WHERE id = 5;
		INSERT INTO $name VALUES (3001, row_text('$table->{kind}', 3001)::$type), (3002, row_text('$table->{kind}', 3002)::$type);
		DELETE FROM $name WHERE id % 6 = 1;
		VACUUM $name;
		INSERT INTO $name VALUES (3003, row_text('$table->{kind}', 3003)::$type);
		SELECT count(*) FROM (SELECT id FROM $name $nearest LIMIT 50) s;
		SELECT count(*) FROM ruvector_index_check('${name}_v');
		VACUUM $name;
SQL
	IPC::Run::run([ $node->installed_command('psql'), '-XAtq', '-d', $node->connstr('postgres') ], '<', \$script, '>', \$out, '2>', \$err);
	my $status = $? >> 8;

	my @unclean;
	while ($err =~ /^(?:psql:.*?: )?(ERROR|FATAL|PANIC):  (\w+): (.*)/mg)
	{
		my ($level, $state, $text) = ($1, $2, $3);

		next if $level eq 'ERROR' && is_clean($state, $text);
		push @unclean, "$level $state $text";
	}
	push @unclean, 'the server is gone' if $status == 2 || $err =~ /server closed the connection|connection to server/;
	push @unclean, "row $_, which the query does not want" foreach grep { $_ % 7 != 3 } $out =~ /^filtered\|(\d+)$/mg;
	return @unclean;
}

my $used = 0;
foreach my $round (1 .. $rounds)
{
	settle();
	my %file = map { split /\|/ } split /\n/, $node->safe_psql('postgres',
		"SELECT relname, pg_relation_filepath(oid) FROM pg_class WHERE relkind = 'i'");
	$_->{file} = $node->data_dir . '/' . $file{"$_->{name}_v"} foreach @tables;
	$node->stop;
	foreach my $table (@tables)
	{
		my $bytes = slurp_file($table->{file});

		$table->{done} = join ', ', map { damage(\$bytes) } 0 .. int(rand 1.4)**2 + int rand 3;
		$table->{pages} = length($bytes) / PAGE;
		open my $out, '>:raw', $table->{file} or die "$table->{file}: $!";
		print $out $bytes;
		close $out;
	}
	$node->start;
	foreach my $table (@tables)
	{
		my @unclean = use_index($table);

		$used++;
		fail("seed $seed, round $round, $table->{name}: $table->{done}: $_") foreach @unclean;
		while ($node->psql('postgres', 'SELECT 1') != 0 && @unclean)
		{
			sleep 1;
		}
	}
	my $found = $node->safe_psql('postgres', join '', map { <<"SQL" } @tables);
		REINDEX TABLE $_->{name};
		SELECT '$_->{name}', (SELECT count(*) FROM ruvector_index_check('$_->{name}_v')),
			count(DISTINCT id) FROM $_->{name} WHERE id <= 90 AND id % 6 <> 1;
SQL
	is($found, join("\n", map { "$_->{name}|0|75" } @tables), "round $round: REINDEX makes all sound, and no table lost a row");
}
is($used, $rounds * @tables, "$used damaged indexes were used, and the server lives");
is($node->safe_psql('postgres', 'SELECT 1'), '1', 'still');

done_testing();
