# RuvectorTest.pm
#     What the TAP tests of ruvector share, over PostgreSQL::Test::Cluster.
#
# Run through `tools/run_tests tap`, which sets the environment that PostgreSQL's own modules want.
# Nothing here decides by time: waits have a limit ($PG_TEST_TIMEOUT_DEFAULT, 180 s), and running
# into it is a failure.

package RuvectorTest;

use strict;
use warnings;

use Exporter 'import';
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

our @EXPORT = qw(
  new_node
  new_primary_and_standby
  crash
  crash_and_restart
  wait_until
  wait_for_standby
  run_in_background
  background_is_running
  finish_in_background
  load_sample
  recall
  index_is_used
  index_check_is_clean
  index_is_uncorrupted
  same_answer
  sample_file
  sample_text
  oracle
);

=pod

=head1 NODES

=over

=item new_node($name, conf => "...", extension => 0)

An initialised and started server (UTF8, C locale, checksums) with the extension created in
database C<postgres>. C<conf> is appended to postgresql.conf; C<extension =E<gt> 0> leaves the
extension out.

=cut

sub new_node
{
	my ($name, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(
		extra            => [ '--encoding=UTF8', '--no-locale', '--data-checksums' ],
		allows_streaming => $options{streaming} // 0);
	$node->append_conf('postgresql.conf', $options{conf}) if defined $options{conf};
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION ruvector') if $options{extension} // 1;
	return $node;
}

=pod

=item new_primary_and_standby(conf => "...")

A primary with the extension and a streaming standby that has caught up. Both replay with
C<wal_consistency_checking = 'all'>: the standby stops with a FATAL error when a page it replayed
differs from the primary's.

=cut

sub new_primary_and_standby
{
	my (%options) = @_;
	my $conf = "wal_consistency_checking = 'all'\nmax_wal_size = 1GB\nshared_buffers = 32MB\n"
	  . "max_connections = 20\n"
	  . ($options{conf} // '');
	my $primary = new_node('primary', streaming => 1, conf => $conf);

	$primary->backup('base');
	my $standby = PostgreSQL::Test::Cluster->new('standby');
	$standby->init_from_backup($primary, 'base', has_streaming => 1);
	$standby->start;
	wait_for_standby($primary, $standby);
	return ($primary, $standby);
}

=pod

=item wait_for_standby($primary, $standby)

Returns when the standby has replayed all that the primary has written; fails the test run when the
standby has died on the way.

=cut

sub wait_for_standby
{
	my ($primary, $standby) = @_;

	# what ends without a transaction id of its own (vacuum, index maintenance) leaves its last
	# records in WAL buffers: a commit that has one writes them out
	$primary->safe_psql('postgres', 'SELECT pg_current_xact_id()');
	my $target = $primary->lsn('write');

	wait_until(
		sub {
			my ($status, $replayed) =
			  $standby->psql('postgres', "SELECT pg_last_wal_replay_lsn() >= '$target'::pg_lsn");
			BAIL_OUT('the standby is gone: ' . _tail($standby)) if $status != 0;
			return $replayed eq 't';
		},
		"the standby to replay up to $target");
	return;
}

=pod

=back

=head1 CRASHES

=over

=item crash($node)

Kills every process of the server with SIGKILL and returns when the last one is gone. Killing the
postmaster alone would not be a crash: a backend that computes does not notice, finishes its statement
and may even commit it.

=cut

sub crash
{
	my ($node) = @_;
	my $postmaster = $node->{_pid};

	# stopped first, so that no child is born while they are listed
	kill 'STOP', $postmaster;
	my @children = _children($postmaster);
	$node->kill9;
	kill 'KILL', @children;
	wait_until(sub { !grep { _alive($_) } $postmaster, @children },
		'the processes of the killed server to leave');

	# A new postmaster takes the old one's zombie for a running server. The machine's first process
	# reaps it soon; in a container without one it stays for ever, and the lock file has to go.
	for (1 .. 250)
	{
		return unless kill 0, $postmaster;
		usleep(20_000);
	}
	unlink $node->data_dir . '/postmaster.pid';
	return;
}

=pod

=item crash_and_restart($node)

C<crash>, then start: recovery has run when it returns.

=cut

sub crash_and_restart
{
	my ($node) = @_;

	crash($node);
	$node->start;
	return;
}

# Processes whose parent is $pid, from /proc (no `ps` on a minimal machine).
sub _children
{
	my ($pid) = @_;
	my @found;

	foreach my $stat (glob '/proc/[0-9]*/stat')
	{
		my ($child, $state, $parent) = _proc_stat($stat) or next;
		push @found, $child if $parent == $pid;
	}
	return @found;
}

# A zombie that nobody has reaped yet holds neither memory nor files: it counts as gone.
sub _alive
{
	my ($pid) = @_;
	my (undef, $state) = _proc_stat("/proc/$pid/stat") or return 0;

	return $state ne 'Z' && $state ne 'X';
}

sub _proc_stat
{
	my ($path) = @_;

	open my $file, '<', $path or return;
	my $line = <$file>;
	close $file;
	return unless defined $line;
	# the command's name stands in parentheses and may hold anything
	return $line =~ /^(\d+) \(.*\) (\S) (\d+)/s ? ($1, $2, $3) : ();
}

sub _tail
{
	my ($node) = @_;
	my @lines = split /\n/, slurp_file($node->logfile);

	splice @lines, 0, @lines - 15 if @lines > 15;
	return join "\n", @lines;
}

=pod

=back

=head1 WAITING AND BACKGROUND SESSIONS

=over

=item wait_until($condition, $what)

Calls C<$condition> every 20 ms until it is true; dies, naming C<$what>, after the time limit.

=cut

sub wait_until
{
	my ($condition, $what) = @_;
	my $limit = time() + $PostgreSQL::Test::Utils::timeout_default;

	until ($condition->())
	{
		die "waited in vain for $what" if time() > $limit;
		usleep(20_000);
	}
	return;
}

=pod

=item run_in_background($node, $sql, @psql_options)

Starts psql on database C<postgres> with C<$sql> as its script and returns at once with a handle for
the two functions below. ON_ERROR_STOP is set. For a dialogue use C<< $node->background_psql >>.

=cut

sub run_in_background
{
	my ($node, $sql, @options) = @_;
	my $session = { out => '', err => '' };
	my $script = PostgreSQL::Test::Utils::tempdir('script') . '/script.sql';

	append_to_file($script, $sql);
	$session->{run} = IPC::Run::start(
		[
			$node->installed_command('psql'), '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d',
			$node->connstr('postgres'), @options, '-f', $script
		],
		'<', '/dev/null', '>', \$session->{out}, '2>', \$session->{err});
	return $session;
}

sub background_is_running
{
	my ($session) = @_;

	$session->{run}->pump_nb if $session->{run}->pumpable;
	return $session->{run}->pumpable;
}

=pod

=item finish_in_background($session)

Waits for the end; returns (exit status, output, messages). Status 2 is psql's word for a lost
connection, 3 for an error of the server.

=cut

sub finish_in_background
{
	my ($session) = @_;

	eval { $session->{run}->finish; 1 } or diag("background session: $@");
	return ($session->{run}->result(0), $session->{out}, $session->{err});
}

=pod

=back

=head1 VECTORS

=over

=item load_sample($node, $table, using => 'heap', rows => 5000)

Creates C<$table(id int, word text, embedding vector(100))> and fills it with the first C<rows> rows of
the sample of real word vectors in tests/data.

=cut

sub sample_file
{
	return "$ENV{RV_ROOT}/tests/data/words_5000.tsv.gz";
}

# The sample as COPY text: number, word, vector.
sub sample_text
{
	my $file = sample_file();
	my $text = '';

	IPC::Run::run([ 'gzip', '-dc', $file ], '>', \$text) or die "cannot read $file";
	return $text;
}

sub load_sample
{
	my ($node, $table, %options) = @_;
	my $using = $options{using} // 'heap';
	my $rows  = $options{rows}  // 5000;
	my $file  = sample_file();

	$node->safe_psql('postgres', <<"SQL");
		CREATE TABLE $table (id int, word text, embedding vector(100)) USING $using;
		CREATE TEMP TABLE copied_sample (LIKE $table);
		\\copy copied_sample FROM PROGRAM 'gzip -dc $file'
		INSERT INTO $table SELECT * FROM copied_sample WHERE id <= $rows ORDER BY id;
SQL
	return;
}

# A session-local function that counts, for every query vector, how many of the rows that the index
# returns are as near as the k-th nearest row of a sequential scan. Equal distances count alike.
my $RECALL = <<'SQL';
CREATE FUNCTION pg_temp.rv_recall(rel regclass, col text, op text, k int, queries text)
RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	query vector;
	kth float8;
	rows_due int;
	hits int;
	due bigint := 0;
	found bigint := 0;
BEGIN
	FOR query IN EXECUTE queries LOOP
		SET LOCAL enable_indexscan = off;
		SET LOCAL enable_seqscan = on;
		EXECUTE format('SELECT max(d), count(*) FROM (SELECT %1$I %2$s $1 AS d FROM %3$s '
			'WHERE %1$I IS NOT NULL ORDER BY %1$I %2$s $1 LIMIT %4$s) s', col, op, rel, k)
			INTO kth, rows_due USING query;
		SET LOCAL enable_indexscan = on;
		SET LOCAL enable_seqscan = off;
		EXECUTE format('SELECT count(*) FILTER (WHERE d <= $2) FROM (SELECT %1$I %2$s $1 AS d '
			'FROM %3$s ORDER BY %1$I %2$s $1 LIMIT %4$s) s', col, op, rel, k)
			INTO hits USING query, kth + abs(kth) * 1e-6;
		due := due + rows_due;
		found := found + hits;
	END LOOP;
	RETURN round(found::numeric / NULLIF(due, 0), 4);
END $$;
SQL

=pod

=item recall($node, $table, op => '<->', k => 10, queries => "SELECT ...", ef => 40)

Recall@k of the index on C<$table.embedding> that serves C<op>, against a sequential scan of the same
snapshot's rows. C<queries> yields one vector a row.

=cut

sub recall
{
	my ($node, $table, %options) = @_;
	my $op  = $options{op}     // '<->';
	my $k   = $options{k}      // 10;
	my $ef  = $options{ef}     // 40;
	my $col = $options{column} // 'embedding';
	my $db  = $options{db}     // 'postgres';

	return $node->safe_psql($db, <<"SQL");
		SET client_min_messages = warning;
		$RECALL
		SET hnsw.ef_search = $ef;
		SELECT pg_temp.rv_recall('$table', '$col', '$op', $k, \$q\$$options{queries}\$q\$);
SQL
}

=pod

=item oracle($node, @options)

Runs build/oracle/oracle (tests/oracle) against database C<postgres>; returns (exit status, output).
Both are in the log.

=cut

sub oracle
{
	my ($node, @options) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run(
		[ "$ENV{RV_ROOT}/build/oracle/oracle", '--conn', $node->connstr('postgres'), @options ],
		'>', \$out, '2>', \$err);
	my $status = $? >> 8;
	note("oracle @options\n$out$err");
	return ($status, $out);
}

=pod

=item index_is_used($node, $query, $index)

Test: the plan of C<$query> without sequential scans is an index scan on C<$index>. A recall of 1 means
nothing when the planner has sorted the table.

=cut

sub index_is_used
{
	my ($node, $query, $index) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $plan =
	  $node->safe_psql('postgres', "SET enable_seqscan = off; EXPLAIN (COSTS OFF) $query");

	return like($plan, qr/Index Scan using \Q$index\E /, "a k-NN query scans $index");
}

=pod

=item index_check_is_clean($node, $index, $name), index_is_uncorrupted($node, $index, $name)

Test: ruvector_index_check reports nothing for C<$index>; nothing but warnings. A warning is a node that
searches may miss, which a crash in the middle of an insert can leave until the next index vacuum.

=cut

sub index_check_is_clean
{
	my ($node, $index, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($status, $out, $err) =
	  $node->psql('postgres', "SELECT * FROM ruvector_index_check('$index')");

	return is("$status|$out|$err", '0||', "$name: ruvector_index_check($index) is clean");
}

sub index_is_uncorrupted
{
	my ($node, $index, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($status, $out, $err) =
	  $node->psql('postgres', "SELECT * FROM ruvector_index_check('$index')");

	note("ruvector_index_check: $out");
	return is("$status|" . join("\n", grep { !/^warning/ } split /\n/, $out) . "|$err",
		'0||', "$name: ruvector_index_check($index) finds no corruption");
}

=pod

=item same_answer($first, $second, $query, $name)

Test: two nodes answer a query with the same rows.

=cut

sub same_answer
{
	my ($first, $second, $query, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $expected = $first->safe_psql('postgres', $query);

	isnt($expected, '', "$name: there is an answer");
	return is($second->safe_psql('postgres', $query), $expected, $name);
}

1;

=pod

=back

=cut
