#!/bin/bash
# Shell functions shared by the tools: packages, the private PostgreSQL tree, its server.
# Sourced by bash with ROOT set.

PGMAJOR=15
BUILD=$ROOT/build
PGTREE=${RV_PGTREE:-$BUILD/pg}
PGBIN=$PGTREE/usr/lib/postgresql/$PGMAJOR/bin
PGLIB=$PGTREE/usr/lib/postgresql/$PGMAJOR/lib
PGXSDIR=$PGLIB/pgxs
PG_CONFIG=$PGBIN/pg_config
PGDATA=$BUILD/cluster
PORT=${RV_PORT:-5915}
JOBS=$(nproc 2>/dev/null || echo 2)

if [ "$(id -u)" = 0 ]; then RUN_USER=${RV_USER:-postgres}; else RUN_USER=$(id -un); fi

# a socket path is limited to 107 bytes, so it lives under /tmp, named after this checkout
SOCKDIR=/tmp/ruvector-$(printf '%s' "$ROOT" | cksum | cut -d' ' -f1)

PACKAGES="gcc make flex bison check pkg-config postgresql-$PGMAJOR postgresql-server-dev-$PGMAJOR \
libipc-run-perl perl python3 util-linux wordnet-base g++ libfaiss-dev libopenblas-dev libpq-dev"

if [ -t 1 ]; then BOLD=$'\033[1m' PLAIN=$'\033[0m'; else BOLD="" PLAIN=""; fi
say() { printf '%s==> %s%s\n' "$BOLD" "$*" "$PLAIN"; }
die() { printf 'ruvector: %s\n' "$*" >&2; exit 1; }

# Runs a command as the unprivileged user (PostgreSQL refuses to run as root).
as_user() {
    if [ "$(id -u)" = 0 ]; then
        runuser -u "$RUN_USER" -- env HOME="$BUILD" ${RV_LD_PRELOAD:+LD_PRELOAD="$RV_LD_PRELOAD"} "$@"
    else
        env ${RV_LD_PRELOAD:+LD_PRELOAD="$RV_LD_PRELOAD"} "$@"
    fi
}

# A folder the server's user may write; the path is made by root.
user_dir() {
    mkdir -p "$@"
    if [ "$(id -u)" = 0 ]; then chown -R "$RUN_USER" "$@"; fi
}

# What is checked out, for reports.
commit_name() {
    local name
    name=$(git -C "$ROOT" describe --always --dirty 2>/dev/null) || name=unknown
    echo "${RV_COMMIT:-$name}"
}

# A checkout that the server's user cannot reach (under /root, say) is copied to /var/tmp, and the
# command goes on there.
stage_if_unreachable() {
    [ "$(id -u)" = 0 ] || return 0
    id "$RUN_USER" >/dev/null 2>&1 || return 0
    if runuser -u "$RUN_USER" -- test -r "$ROOT/Makefile" -a -x "$ROOT"; then return 0; fi
    local stage
    stage=/var/tmp/ruvector-$(printf '%s' "$ROOT" | cksum | cut -d' ' -f1)
    say "user $RUN_USER cannot read $ROOT: working in $stage instead" >&2
    RV_COMMIT=${RV_COMMIT:-$(commit_name)}
    export RV_COMMIT
    mkdir -p "$stage"
    (cd "$ROOT" && tar -cf - --exclude=./build --exclude=./.git .) | tar -xf - -C "$stage"
    chmod 755 "$stage"
    cd "$stage" || exit 1
    exec "$stage/tools/private" "$@"
}

missing_packages() { # missing_packages <package>...
    local p
    for p in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || echo "$p"
    done
}

install_packages() { # install_packages <package>...
    local missing sudo="" installed pins=""
    missing=$(missing_packages "$@" | tr '\n' ' ')
    [ -n "$missing" ] || return 0
    say "installing packages: $missing"
    command -v apt-get >/dev/null || die "missing: $missing(no apt-get here: install them by hand)"
    if [ "$(id -u)" != 0 ]; then
        sudo -n true 2>/dev/null || die "missing packages; run as root: apt-get install $missing"
        sudo=sudo
    fi
    sudo="$sudo env DEBIAN_FRONTEND=noninteractive"
    $sudo apt-get update -qq || die "apt-get update failed: is a Debian mirror reachable?"
    # a server that is already there keeps its version, so that nothing of it is restarted
    installed=$(dpkg-query -W -f '${Version}' "postgresql-$PGMAJOR" 2>/dev/null || true)
    if [ -n "$installed" ]; then
        pins="postgresql-server-dev-$PGMAJOR=$installed libpq-dev=$installed libpq5=$installed"
    fi
    if ! $sudo apt-get install -y -qq --no-install-recommends \
            --no-remove $missing $pins >"$BUILD/apt.log" 2>&1; then
        $sudo apt-get install -y -qq --no-install-recommends \
            $missing >>"$BUILD/apt.log" 2>&1 || die "could not install: $missing (see $BUILD/apt.log)"
    fi
}

# build/pg: a relocated copy of the packaged PostgreSQL, made anew when the package changes.
copy_postgres() {
    local version stamp=$PGTREE/.version
    version=$(dpkg-query -W -f '${Version}' "postgresql-$PGMAJOR" 2>/dev/null) ||
        die "PostgreSQL $PGMAJOR is not installed"
    [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$version" ] && return 0
    say "copying PostgreSQL $version to build/pg"
    rm -rf "$PGTREE"
    mkdir -p "$PGTREE/usr/lib/postgresql" "$PGTREE/usr/share/postgresql" "$PGTREE/usr/include"
    cp -a "/usr/lib/postgresql/$PGMAJOR" "$PGTREE/usr/lib/postgresql/"
    cp -a "/usr/share/postgresql/$PGMAJOR" "$PGTREE/usr/share/postgresql/"
    ln -s /usr/include/postgresql "$PGTREE/usr/include/postgresql"
    rm -rf "$PGLIB/bitcode"
    echo "$version" >"$stamp"
}

setup() {
    mkdir -p "$BUILD"
    install_packages $PACKAGES
    id "$RUN_USER" >/dev/null 2>&1 || die "there is no user $RUN_USER; set RV_USER to an unprivileged one"
    # the package that brings the user may have come just now
    stage_if_unreachable ${RV_COMMAND:-setup}
    copy_postgres
}

build() {
    setup
    say "building"
    make -C "$ROOT" --no-print-directory -j"$JOBS" all PG_CONFIG="$PG_CONFIG" >"$BUILD/build.log" 2>&1 || {
        grep -E '(error|warning): |undefined reference|\*\*\* ' "$BUILD/build.log" | head -40 || true
        die "the build failed (see $BUILD/build.log)"
    }
    make -C "$ROOT" --no-print-directory install-compat PG_CONFIG="$PG_CONFIG" >>"$BUILD/build.log" 2>&1 ||
        die "installing into build/pg failed (see $BUILD/build.log)"
}

# build/oracle/oracle: exact neighbours by FAISS, for recall figures.
build_oracle() {
    make -C "$ROOT/tests/oracle" --no-print-directory OUT="$BUILD/oracle" >"$BUILD/oracle.log" 2>&1 || {
        grep -E 'error|undefined' "$BUILD/oracle.log" | head -10 || true
        die "the recall oracle does not build (see $BUILD/oracle.log)"
    }
}

server_running() {
    [ -f "$PGDATA/postmaster.pid" ] && as_user "$PGBIN/pg_ctl" -D "$PGDATA" status >/dev/null 2>&1
}

server_start() {
    user_dir "$SOCKDIR"
    if [ ! -f "$PGDATA/PG_VERSION" ]; then
        say "creating the private cluster build/cluster"
        user_dir "$PGDATA"
        as_user "$PGBIN/initdb" -D "$PGDATA" -U "$RUN_USER" -A trust -E UTF8 --locale=C.UTF-8 \
            --data-checksums >"$BUILD/initdb.log" 2>&1 || die "initdb failed (see $BUILD/initdb.log)"
        cat >>"$PGDATA/postgresql.conf" <<E2
listen_addresses = ''
unix_socket_directories = '$SOCKDIR'
port = $PORT
shared_buffers = 1GB
maintenance_work_mem = 1GB
max_wal_size = 4GB
E2
    fi
    if server_running; then
        # a running server keeps the library it has loaded
        as_user "$PGBIN/pg_ctl" -D "$PGDATA" -w -m fast stop >/dev/null
    fi
    as_user "$PGBIN/pg_ctl" -D "$PGDATA" -w -l "$PGDATA/server.log" start >/dev/null ||
        { tail -5 "$PGDATA/server.log" >&2; die "the private server did not start"; }
}

server_stop() {
    if [ -x "$PGBIN/pg_ctl" ] && server_running; then
        as_user "$PGBIN/pg_ctl" -D "$PGDATA" -w -m fast stop
    fi
}
