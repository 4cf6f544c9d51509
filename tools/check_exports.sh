#!/bin/sh
# The library may export only what PostgreSQL looks up: _PG_init, the magic block, the pg_finfo_*
# records and the SQL functions they describe, and the entries of parallel workers (rv_*_worker).
set -eu
lib=${1:-ruvector.so}
[ -f "$lib" ] || { echo "check_exports: $lib is not built" >&2; exit 1; }
nm -D --defined-only "$lib" | awk '{print $3}' | sort >"${TMPDIR:-/tmp}/rv_exports.$$"
trap 'rm -f "${TMPDIR:-/tmp}/rv_exports.$$"' EXIT
bad=$(awk '
    { name[$1] = 1 }
    END {
        for (n in name) {
            if (n == "_PG_init" || n == "Pg_magic_func" || n ~ /^pg_finfo_/ || n ~ /^rv_[a-z_]*_worker$/) continue
            if (("pg_finfo_" n) in name) continue
            print n
        }
    }' "${TMPDIR:-/tmp}/rv_exports.$$" | sort)
if [ -n "$bad" ]; then
    echo "exported without need:"
    echo "$bad"
    exit 1
fi
echo "symbols: $(grep -c '^pg_finfo_' "${TMPDIR:-/tmp}/rv_exports.$$" || true) SQL functions, nothing else exported"
