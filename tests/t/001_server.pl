# 001_server.pl
#     The extension in a server of its own: without and with preloading, after a crash, and on a
#     standby. It also shows that the helpers of RuvectorTest.pm do what the other tests rely on.

use strict;
use warnings;

use RuvectorTest;
use Test::More;

my $version = qr/^0\.1\.0$/;
my $installed = "SELECT extversion FROM pg_extension WHERE extname = 'ruvector'";

my $node = new_node('plain', conf => "restart_after_crash = off\n");
like($node->safe_psql('postgres', $installed), $version, 'created without preloading');
is($node->safe_psql('postgres', "LOAD 'ruvector'; SHOW hnsw.ef_search"), '40', 'its settings exist');

# a crash in the middle of a transaction takes every process of the server with it
$node->safe_psql('postgres', 'CREATE TABLE t (n int); INSERT INTO t VALUES (1)');
my $session = run_in_background($node, "BEGIN; INSERT INTO t VALUES (2); SELECT 'in'; SELECT pg_sleep(600);\n");
wait_until(sub { background_is_running($session); $session->{out} =~ /in/ }, 'the open transaction');
crash_and_restart($node);
my ($status, undef, $message) = finish_in_background($session);
is($status, 2, 'the open session has lost its connection');
like($message, qr/server closed the connection|terminating connection/, 'and says so');
is($node->safe_psql('postgres', 'SELECT array_agg(n) FROM t'), '{1}', 'only committed rows are left');
$node->stop;

my $preloaded = new_node('preloaded', conf => "shared_preload_libraries = 'ruvector'\n");
like($preloaded->safe_psql('postgres', $installed), $version, 'created with preloading');
is($preloaded->safe_psql('postgres', 'SHOW hnsw.ef_search'), '40', 'settings are there at once');
$preloaded->stop;

my ($primary, $standby) = new_primary_and_standby();
$primary->safe_psql('postgres', 'CREATE TABLE t AS SELECT generate_series(1, 1000) AS n');
wait_for_standby($primary, $standby);
same_answer($primary, $standby, 'SELECT count(*), sum(n) FROM t', 'the standby follows');
like($standby->safe_psql('postgres', $installed), $version, 'the extension is there too');

done_testing();
