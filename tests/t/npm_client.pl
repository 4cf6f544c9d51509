# npm_client.pl
#     An application's JavaScript client, unchanged: npm's `pgvector` over node-postgres (tests/npm/client.js),
#     against a database that has the extension vector only, and one that has ruvector too.
#
# The packages are fetched with npm into the test's folder under build/. Without npm, or without a
# registry to fetch from, there is nothing to test: the file is skipped and says so.

use strict;
use warnings;

use File::Copy qw(copy);
use IPC::Run ();
use RuvectorTest;
use Test::More;

my $dir = "$ENV{TESTDIR}/client";
my @npm = (qw(npm install --no-audit --no-fund --ignore-scripts --loglevel=error), "--cache=$ENV{TESTDIR}/cache");

plan skip_all => 'npm and node are not installed' if system('(command -v npm && command -v node) >/dev/null 2>&1') != 0;
mkdir $dir or die "$dir: $!";
copy("$ENV{RV_ROOT}/tests/npm/$_", $dir) or die "$_: $!" foreach qw(package.json client.js);
chdir $dir or die "$dir: $!";

# npm asks for the settings of the user's home, which is not this user's here
my $log = '';
if (!IPC::Run::run([ 'env', "HOME=$dir", @npm ], '>&', \$log, IPC::Run::timeout(300)))
{
	note($log);
	plan skip_all => 'npm could not fetch the packages pg and pgvector';
}

my @checks = ('extension', 'registerTypes', 'table', 'insert as text', 'read as text', 'distances',
	'array parameters', 'insert in binary', 'read in binary', 'hnsw and ivfflat');
my $node = new_node('client', extension => 0);
$node->safe_psql('postgres', 'CREATE DATABASE alone');
$node->safe_psql('postgres', 'CREATE DATABASE beside');
$node->safe_psql('beside', 'CREATE EXTENSION ruvector');

foreach my $db (qw(alone beside))
{
	local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGUSER => scalar getpwuid($>), PGDATABASE => $db);
	my ($out, $err);
	my $ok = IPC::Run::run([ 'node', 'client.js' ], '>', \$out, '2>', \$err, IPC::Run::timeout(180));
	ok($ok, "$db: the client's run succeeds") or diag($err);
	is($out, join('', map { "passed $_\n" } @checks), "$db: every check passed");
}
done_testing();
