# ruvector_check and the TOAST reader find what is broken on purpose: each invariant TAM-1 .. TAM-6
# of tableam/README.md is broken in a table of its own, by editing the bytes of its files.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use constant { PAGE => 8192, HEADER => 24, LP_UNUSED => 0, LP_NORMAL => 1 };

my $node = PostgreSQL::Test::Cluster->new('tam_check');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION ruvector');

my @tables = qw(sound toast_am relid vartag sizes missing number surplus short compressed twice);
for my $table (@tables)
{
	# three rows, of values with three chunks each: 1996, 1996 and 1024 bytes
	$node->safe_psql(
		'postgres', qq{
		CREATE TABLE $table (id int, v bytea) USING ruvector_tam WITH (toast_tuple_target = 128);
		ALTER TABLE $table ALTER v SET STORAGE EXTERNAL;
		INSERT INTO $table SELECT i, decode(repeat(md5(i::text), 313), 'hex') || '\\x0102030405060708'::bytea
			FROM generate_series(1, 3) i;
		VACUUM FREEZE $table;});
	is($node->safe_psql('postgres', "SELECT count(*) FROM ruvector_check('$table')"),
		'0', "$table is sound at first");
}

# value id of a row, by the order in which the values were written
sub value_id
{
	my ($table, $id) = @_;
	my $toast = $node->safe_psql('postgres',
		"SELECT reltoastrelid::regclass FROM pg_class WHERE oid = '$table'::regclass");
	return (split /\n/,
		$node->safe_psql('postgres', "SELECT DISTINCT chunk_id FROM $toast ORDER BY 1"))[ $id - 1 ];
}

my (%heap_file, %toast_file, %value);
for my $table (@tables)
{
	$heap_file{$table} =
	  $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('$table')");
	$toast_file{$table} = $node->data_dir . '/'
	  . $node->safe_psql('postgres',
		"SELECT pg_relation_filepath(reltoastrelid) FROM pg_class WHERE oid = '$table'::regclass");
	$value{$table} = [ undef, map { value_id($table, $_) } 1 .. 3 ];
}

# Calls $edit->(\$page, $data, $item) for each row of the file: $data is the offset of the row's
# first column in the page, $item that of its line pointer.
sub edit_rows
{
	my ($file, $edit) = @_;
	my $bytes = PostgreSQL::Test::Utils::slurp_file($file);
	for (my $start = 0; $start < length $bytes; $start += PAGE)
	{
		my $page = substr($bytes, $start, PAGE);
		my $lower = unpack('v', substr($page, 12, 2));
		for (my $item = HEADER; $item < $lower; $item += 4)
		{
			my $pointer = unpack('V', substr($page, $item, 4));
			next if (($pointer >> 15) & 3) != LP_NORMAL;
			my $row = $pointer & 0x7fff;
			$edit->(\$page, $row + unpack('C', substr($page, $row + 22, 1)), $item);
		}
		substr($bytes, $start, PAGE) = $page;
	}
	open my $out, '+<:raw', $file or die "$file: $!";
	print $out $bytes;
	close $out;
	return;
}

# Edits the heap row with that id: (int4 id, pointer: tag bytes, rawsize, extinfo, valueid, relid)
sub edit_pointer
{
	my ($table, $id, $offset, $new) = @_;
	edit_rows(
		$heap_file{$table},
		sub {
			my ($page, $data) = @_;
			substr($$page, $data + 4 + $offset, length $new) = $new
			  if unpack('V', substr($$page, $data, 4)) == $id;
		});
	return;
}

# Edits chunk $seq of the value of row $id: (oid, int4 seq, varlena), or its line pointer
sub edit_chunk
{
	my ($table, $id, $seq, $edit) = @_;
	edit_rows(
		$toast_file{$table},
		sub {
			my ($page, $data, $item) = @_;
			my ($value, $number) = unpack('V2', substr($$page, $data, 8));
			$edit->($page, $data, $item) if $value == $value{$table}[$id] && $number == $seq;
		});
	return;
}

$node->safe_psql(
	'postgres', q{SET allow_system_table_mods = on;
	UPDATE pg_class SET relam = (SELECT oid FROM pg_am WHERE amname = 'heap')
	WHERE oid = (SELECT reltoastrelid FROM pg_class WHERE relname = 'toast_am')});
$node->stop;
edit_pointer('relid',  2, 14, pack('V', 1259));
edit_pointer('vartag', 2, 1,  pack('C', 1));
edit_pointer('sizes',  2, 2,  pack('V', 3));
edit_pointer('twice',  2, 10, pack('V', $value{twice}[1]));
edit_chunk('missing', 2, 1, sub { my ($p, $d, $i) = @_; substr($$p, $i, 4) = pack('V', LP_UNUSED) });
edit_chunk('number', 2, 1, sub { my ($p, $d) = @_; substr($$p, $d + 4, 4) = pack('V', 9) });
edit_pointer('surplus', 2, 2, pack('V2', 1996 + 4, 1996));
edit_chunk('short', 2, 2, sub { my ($p, $d) = @_; substr($$p, $d + 8, 4) = pack('V', 1000 << 2) });
edit_chunk('compressed', 2, 0, sub { my ($p, $d) = @_; substr($$p, $d + 8, 1) = pack('C', 2) });
$node->start;

my %finding = (
	sound => [],
	toast_am => ['TAM-1||'],
	relid => ['TAM-2|(0,2)|v'],
	vartag => ['TAM-2|(0,2)|v'],
	sizes => ['TAM-3|(0,2)|v'],
	missing => ['TAM-4|(0,2)|v'],
	number => ['TAM-4|(0,2)|v'],
	surplus => ['TAM-4|(0,2)|v'],
	short => ['TAM-5|(0,2)|v'],
	compressed => ['TAM-5|(0,2)|v'],
	twice => ['TAM-6||']);
for my $table (@tables)
{
	is( $node->safe_psql('postgres', "SELECT invariant, tid, attribute FROM ruvector_check('$table')"),
		join("\n", @{ $finding{$table} }),
		"$table: the finding and no other");
	note $node->safe_psql('postgres', "SELECT detail FROM ruvector_check('$table')");
}
like(
	$node->safe_psql('postgres', "SELECT detail FROM ruvector_check('missing')"),
	qr/^value $value{missing}[2] has chunk 2 where 1 of 3 is expected$/,
	'the detail names the value');

# what a reader gets: an error that names the value and the relation, and the other rows all the same
my %message = (
	missing => qr/unexpected chunk number 2 \(expected 1, last 2\) for toast value/,
	number => qr/unexpected chunk number 9 \(expected 1, last 2\) for toast value/,
	surplus => qr/unexpected chunk number 1 \(expected 1, last 0\) for toast value/,
	short => qr/unexpected size 996 \(expected 1024\) of chunk 2 for toast value/,
	compressed => qr/unreadable row in place of chunk 0 for toast value/);
for my $table (sort keys %message)
{
	my ($status, $out, $error) = $node->psql('postgres',
		"\\set VERBOSITY verbose\nSELECT md5(v) FROM $table WHERE id = 2");
	like($error, qr/ERROR:  XX001: $message{$table} $value{$table}[2] in pg_toast_/,
		"$table: reading the value fails");
	like($error, qr/DETAIL:  Block \d+, offset \d+ of the TOAST relation breaks invariant TAM-[45]/,
		"$table: the detail names block, offset and invariant");
	is( $node->safe_psql('postgres',
			"SELECT count(*) FROM $table WHERE id <> 2 AND substr(v, 1, 5008) =
			decode(repeat(md5(id::text), 313), 'hex')"),
		'2', "$table: the other values are read");
}
is($node->safe_psql('postgres', "SELECT encode(substr(v, 5009), 'hex') FROM missing WHERE id = 2"),
	'0102030405060708', 'missing: a slice that needs other chunks is read');
my ($status, $out, $error) =
  $node->psql('postgres', 'SELECT substr(v, 2000, 10) FROM missing WHERE id = 2');
like($error, qr/missing chunk number 1 for toast value $value{missing}[2] in pg_toast_/,
	'missing: a slice of the missing chunk is not');

# who may check
$node->safe_psql(
	'postgres', q{
	CREATE ROLE owner_role; CREATE ROLE reader IN ROLE pg_read_all_data; CREATE ROLE other;
	ALTER TABLE sound OWNER TO owner_role;
	GRANT EXECUTE ON FUNCTION ruvector_check(regclass) TO owner_role, other;
	CREATE TABLE parted (id int) PARTITION BY LIST (id);
	CREATE TABLE plain (id int); CREATE VIEW seen AS SELECT 1;});
for my $case (
	[ 'owner_role', 'sound', qr/^$/, 'the owner may' ],
	[ 'reader', 'sound', qr/^$/, 'a member of pg_read_all_data may' ],
	[ 'other', 'sound', qr/must be owner of table sound/, 'another role may not' ],
	[ 'owner_role', 'missing', qr/must be owner of table missing/, 'an owner of another table may not' ],
	[ 'reader', 'plain', qr/"plain" is not a table of access method ruvector_tam/, 'heap table' ],
	[ 'reader', 'parted', qr/HINT:  Check its partitions one by one/, 'partitioned table' ],
	[ 'reader', 'seen', qr/"seen" is not a table of access method ruvector_tam/, 'view' ])
{
	my ($role, $table, $pattern, $name) = @$case;
	($status, $out, $error) =
	  $node->psql('postgres', "SET ROLE $role; SELECT * FROM ruvector_check('$table')");
	like($error, $pattern, $name);
}
$node->safe_psql('postgres', 'REVOKE ALL ON FUNCTION ruvector_check(regclass) FROM other');
($status, $out, $error) =
  $node->psql('postgres', "SET ROLE other; SELECT * FROM ruvector_check('sound')");
like($error, qr/permission denied for function ruvector_check/, 'PUBLIC may not even call it');

$node->stop;
done_testing();
