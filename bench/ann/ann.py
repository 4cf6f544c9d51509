#!/usr/bin/env python3
"""Vector search side by side: ruvector, the exact scan, FAISS and another extension.

Called by bench/ann/run, which starts the server. README.md says what is measured and how; the
choices come from the environment: RV_BENCH_..., which `make bench-ann` sets for SCALE, DATA,
SYSTEMS, EXTENSION and PARTS. Every figure is printed as a row when it is taken and is in
bench/results/ann.json afterwards.
"""
import json
import os
import re
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import ann_bars
import ann_plot
import ann_sets

ENV = os.environ
FULL = ENV.get("RV_BENCH_SCALE") == "full"
SEED = int(ENV.get("RV_BENCH_SEED", "1"))
M = int(ENV.get("RV_BENCH_M", "16"))
EF_CONSTRUCTION = int(ENV.get("RV_BENCH_EF_CONSTRUCTION", "200"))
ROUNDS = int(ENV.get("RV_BENCH_ROUNDS", "3" if FULL else "2"))
QPS_MS = int(ENV.get("RV_BENCH_QPS_MS", "2000" if FULL else "300"))
CLIENTS = ENV.get("RV_BENCH_CLIENTS", "1,2,8,32")
EF = ENV.get("RV_BENCH_EF", "10,20,30,40,50,60,80,100,120,140,160,180,200,250,300,400,800" if FULL
             else "10,20,40,80,160,320")
PARTS = set((ENV.get("RV_BENCH_PARTS") or "search,build,maintenance,filter,ivfflat").split(","))
RESULTS = ENV.get("RV_BENCH_RESULTS", os.path.join(HERE, "..", "results"))
BUILD = ENV["RV_BENCH_BUILD"]
PROGRAM = os.path.join(BUILD, "bench_ann")
OPERATORS = {"cosine": ("<=>", "vector_cosine_ops"), "l2": ("<->", "vector_l2_ops")}
# one process for each search; one plan for all of them
SETUP = "SET plan_cache_mode = force_generic_plan; SET max_parallel_workers_per_gather = 0; "

ROWS = []
CHILDREN = []


class Failed(Exception):
    """A measurement that could not be made; the message is the program's."""


def emit(**row):
    """Keeps and prints one raw row."""
    ROWS.append(row)
    words = []
    for name, value in row.items():
        if isinstance(value, dict):
            value = ",".join("%s:%g" % pair for pair in value.items())
        words.append(str(value) if name in ("measure", "data", "system") else "%s=%s" % (name, value))
    print("  ".join(words), flush=True)


def run(command, **options):
    child = subprocess.Popen(command, text=True, stdout=subprocess.PIPE, **options)
    CHILDREN.append(child)
    out, errors = child.communicate()
    CHILDREN.remove(child)
    if child.returncode != 0:
        raise Failed((errors or "").strip() or "%s: status %d" % (command[0], child.returncode))
    return out


def program(command, quiet=False, **options):
    """Runs the benchmark's program; returns the objects that it prints."""
    words = [PROGRAM, command]
    for name, value in options.items():
        words += ["--" + name.replace("_", "-"), str(value)]
    return [json.loads(line) for line in
            run(words, stderr=subprocess.PIPE if quiet else None).splitlines()]


class Database:
    """A database of the benchmark's server with one extension and the tables of one data set."""

    def __init__(self, system, extension):
        self.system, self.extension = system, extension
        self.name = "ann_" + re.sub(r"\W", "_", system)
        self.conn = "%s dbname=%s" % (ENV["RV_BENCH_CONN"], self.name)
        self.setup = SETUP + ENV.get("RV_BENCH_SET_" + system.upper(), "")
        self.sql("DROP DATABASE IF EXISTS " + self.name, "CREATE DATABASE " + self.name, database="postgres")
        self.sql("CREATE EXTENSION " + extension)

    def sql(self, *statements, database=None):
        words = [ENV["RV_BENCH_PSQL"], "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d",
                 "%s dbname=%s" % (ENV["RV_BENCH_CONN"], database or self.name)]
        for statement in statements:
            words += ["-c", statement]
        quiet = dict(ENV, PGOPTIONS="-cclient_min_messages=warning")
        return run(words, stderr=subprocess.PIPE, env=quiet).strip()

    def statement(self, sql, setup="", quiet=False):
        return program("statement", quiet=quiet, conn=self.conn, sql=sql, setup=setup)[0]

    def has_method(self, method, opclass):
        return self.sql("SELECT count(*) FROM pg_opclass c JOIN pg_am a ON a.oid = c.opcmethod "
                        "WHERE a.amname = '%s' AND c.opcname = '%s'" % (method, opclass)) == "1"


# ---------------------------------------------------------------- FAISS

def measure_faiss(data, system):
    options = dict(data.judge(), kernels="avx2" if system == "faiss-avx2" else "packaged", m=M,
                   ef_construction=EF_CONSTRUCTION, build_threads=2, ef=EF, rounds=ROUNDS, qps_ms=QPS_MS,
                   clients=CLIENTS)
    if ENV.get("RV_BENCH_FAISS_CACHE"):
        options["cache"] = data.path("%s-m%d-ef%d" % (system, M, EF_CONSTRUCTION))
    for row in program("faiss", **options):
        emit(measure=row.pop("kind"), data=data.name, system=system, **row)


# ---------------------------------------------------------------- tables and indexes

def load(db, data):
    """The tables of the data set, checked; returns the seconds of the COPY."""
    columns = "id int NOT NULL, v vector(%d) NOT NULL, r10 int, r100 int, c10 int, c100 int" % data.dim
    db.sql("DROP TABLE IF EXISTS ann_base, ann_query", "CREATE TABLE ann_base (%s)" % columns,
           "CREATE TABLE ann_query (%s)" % columns, "ALTER TABLE ann_query ALTER v SET STORAGE PLAIN")
    copied = program("load", conn=db.conn, table="ann_base", base=data.base, rows=data.rows,
                     columns=data.columns)[0]
    program("load", conn=db.conn, table="ann_query", base=data.query, columns=data.query_columns)
    db.sql("VACUUM (ANALYZE) ann_base, ann_query", "CHECKPOINT")
    found = db.sql("SELECT count(*), count(DISTINCT id), min(id), max(id) FROM ann_base")
    if found != "%d|%d|0|%d" % (data.rows, data.rows, data.rows - 1):
        raise Failed("the table holds %s instead of %d rows" % (found, data.rows))
    emit(measure="copy", data=data.name, system=db.system, rows=data.rows, seconds=copied["seconds"],
         rows_per_s=copied["rows_per_s"], table_bytes=int(db.sql("SELECT pg_table_size('ann_base')")))
    return copied["seconds"]


def build_index(db, data, method, options, workers, columns=""):
    """Builds ann_idx and emits what it took."""
    opclass = OPERATORS[data.metric][1]
    db.sql("DROP INDEX IF EXISTS ann_idx", "CHECKPOINT")
    took = db.statement("CREATE INDEX ann_idx ON ann_base USING %s (v %s%s) WITH (%s)" % (
        method, opclass, columns, options), setup="SET max_parallel_maintenance_workers = %d" % workers)
    size = int(db.sql("SELECT pg_relation_size('ann_idx')"))
    row = dict(measure="build", data=data.name, system=system_name(db, method), workers=workers,
               seconds=took["seconds"], cpu_seconds=took["cpu_seconds"], processes=took["processes"],
               peak_mb=took["peak_mb"], private_mb=took["private_mb"], wal_bytes=took["wal_bytes"], index_bytes=size)
    if columns:
        row["columns"] = columns.strip(", ")
        row["measure"] = "build-filter"
    emit(**row)
    return took["seconds"]


def system_name(db, method):
    return db.system if method == "hnsw" else "%s-%s" % (db.system, method)


def knn(data, condition=""):
    return "SELECT id FROM ann_base %s ORDER BY v %s $1 LIMIT" % (condition, OPERATORS[data.metric][0])


def search(db, data, setting, **options):
    """One setting; returns the program's row."""
    words = dict(data.judge(), conn=db.conn, setup=db.setup + setting, knn=knn(data), rounds=ROUNDS)
    words.update(options)
    row = program("search", **words)[0]
    row.pop("kind")
    return row


def sweep(db, data, method):
    """Recall, times and throughput over the values of ef_search or probes."""
    name, values = ("hnsw.ef_search", EF) if method == "hnsw" else ("ivfflat.probes", data.probes())
    short = name.split(".")[1].replace("ef_search", "ef")
    found = []
    for value in map(int, values.split(",")):
        # a planner that takes the scan of a small table would measure something else
        row = search(db, data, "SET enable_seqscan = off; SET %s = %d" % (name, value),
                     expect="Index Scan using ann_idx", qps_ms=QPS_MS, clients=CLIENTS, recall_100=1)
        found.append({short: value, **row})
        emit(measure="search", data=data.name, system=system_name(db, method), **{short: value}, **row)
    return found


def measure_exact(db, data):
    """The sequential scan of the same table, on as few queries as the time allows."""
    row = search(db, data, "", expect="Seq Scan", queries=data.exact_queries(), rounds=1)
    if row["recall_10"] < 0.9999:
        raise Failed("the exact scan has recall %s: the truth or the data are wrong" % row["recall_10"])
    emit(measure="search", data=data.name, system="exact", **row)


# ---------------------------------------------------------------- deletes, vacuum, inserts

def measure_maintenance(db, data, ef):
    """A tenth deleted and vacuumed, then put back: half row by row (at most 10,000), the rest by COPY."""
    setting = "SET enable_seqscan = off; SET hnsw.ef_search = %d" % ef
    options = dict(expect="Index Scan using ann_idx", rounds=0)
    common = dict(data=data.name, system=db.system)
    whole = search(db, data, setting, **options)["recall_10"]
    db.sql("DELETE FROM ann_base WHERE id % 10 = 3", "CHECKPOINT")
    left = dict(options, **data.judge(4))
    before = search(db, data, setting, **left)
    vacuum = db.statement("VACUUM (INDEX_CLEANUP ON) ann_base")
    after = search(db, data, setting, **left)
    emit(measure="vacuum", **common, ef=ef, deleted=len(range(3, data.rows, 10)),
         seconds=vacuum["seconds"], cpu_seconds=vacuum["cpu_seconds"],
         wal_bytes=vacuum["wal_bytes"], peak_mb=vacuum["peak_mb"], recall_10_before_delete=whole,
         recall_10_deleted=before["recall_10"], recall_10_vacuumed=after["recall_10"],
         index_bytes=int(db.sql("SELECT pg_relation_size('ann_idx')")))

    gone = len(range(3, data.rows, 10))
    single = min(gone // 2, 10000)
    source = dict(conn=db.conn, table="ann_base", base=data.base, rows=data.rows, columns=data.columns, gone=1)
    wal = "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint"
    start = int(db.sql(wal))
    inserted = program("insert", limit=single, **source)[0]
    middle = int(db.sql(wal))
    copied = program("load", skip=single, **source)[0]
    db.sql("ANALYZE ann_base")
    kept = search(db, data, setting, **options)["recall_10"]
    emit(measure="insert", **common, ef=ef, single_rows=inserted["rows"], single_rows_per_s=inserted["rows_per_s"],
         single_wal_bytes=middle - start, copy_rows=copied["rows"], copy_rows_per_s=copied["rows_per_s"],
         rows_per_s=round(gone / (inserted["seconds"] + copied["seconds"]), 1), recall_10_before=whole,
         recall_10_after=kept, index_bytes=int(db.sql("SELECT pg_relation_size('ann_idx')")))
    if db.sql("SELECT count(*), count(DISTINCT id) FROM ann_base") != "%d|%d" % (data.rows, data.rows):
        raise Failed("not every deleted row is back")
    if db.sql("SELECT to_regprocedure('ruvector_index_check(regclass)') IS NOT NULL") == "t":
        breaches = db.sql("SELECT * FROM ruvector_index_check('ann_idx') LIMIT 3")
        if breaches:
            raise Failed("the index is not sound: " + breaches)


# ---------------------------------------------------------------- filters

FILTERS = (("r10", 0, "10 %, at random"), ("r100", 1, "1 %, at random"), ("c10", 2, "10 %, along the data"),
           ("c100", 3, "1 %, along the data"))


def build_filter_index(db, data):
    """An index with the columns in it, if the access method takes them; returns those that it took."""
    columns = "".join(", " + name for name, _, _ in FILTERS)
    opclass = OPERATORS[data.metric][1]
    db.sql("CREATE TABLE ann_try (LIKE ann_base)")
    for wanted in (columns, ", r10"):
        try:
            db.statement("CREATE INDEX ON ann_try USING hnsw (v %s%s)" % (opclass, wanted), quiet=True)
            break
        except Failed as error:
            wanted, reason = "", str(error).splitlines()[0]
    db.sql("DROP TABLE ann_try")
    if not wanted:
        emit(measure="filter-columns", data=data.name, system=db.system, supported=False, reason=reason)
        return []
    build_index(db, data, "hnsw", "m = %d, ef_construction = %d" % (M, EF_CONSTRUCTION), 1, wanted)
    return wanted.strip(", ").split(", ")


def search_filtered(db, data, **words):
    """A walk that has to see most of the index for an answer is shown by a few queries only."""
    first = search(db, data, rounds=0, queries=20, **words)
    quick = first["first_mean_us"] < 20000
    return search(db, data, queries=data.filtered_queries(FULL) if quick else 20, **words)


def measure_filters(db, data):
    """WHERE column = value: the index alone, the exact plan, and the plan that the planner chooses.

    The exact plan and the choice have a btree on the column at hand. Where the choice is a plan
    without the vector index, ef_search does not matter and one row says it.
    """
    indexed = build_filter_index(db, data)
    iterative = db.sql("SELECT '[1]'::vector <-> '[1]' >= 0 AND "
                       "current_setting('hnsw.iterative_scan', true) IS NOT NULL").endswith("t")
    more = "; SET hnsw.iterative_scan = strict_order" if iterative else ""
    common = dict(measure="filter", data=data.name, system=db.system, index_columns=" ".join(indexed),
                  iterative_scan=iterative)

    def options(name, column):
        return dict(data.judge(column), knn=knn(data, "WHERE %s = $2" % name), filter=name)

    for name, column, _ in FILTERS:
        for ef in data.filter_ef(FULL):
            words = dict(options(name, column), expect="Index Scan using ann_idx",
                         setting="SET enable_seqscan = off; SET hnsw.ef_search = %d%s" % (ef, more))
            row = search_filtered(db, data, **words)
            emit(**common, filter=name, plan_kind="index", ef=ef, **row)
    db.sql(*["CREATE INDEX ON ann_base (%s)" % name for name, _, _ in FILTERS], "VACUUM (ANALYZE) ann_base")
    for name, column, _ in FILTERS:
        row = search(db, data, "SET enable_indexscan = off",
                     **dict(options(name, column), queries=data.filtered_queries(FULL)))
        if row["recall_10"] < 0.9999:
            raise Failed("the exact filtered plan has recall %s" % row["recall_10"])
        emit(**common, filter=name, plan_kind="exact", **row)
        for ef in data.filter_ef(FULL):
            words = dict(options(name, column), setting="SET hnsw.ef_search = %d%s" % (ef, more))
            row = search_filtered(db, data, **words)
            emit(**common, filter=name, plan_kind="chosen", ef=ef, **row)
            if "ann_idx" not in row["plan"]:
                break


# ---------------------------------------------------------------- a database with everything

def measure_database(db, data, exact):
    copy_seconds = load(db, data)
    if exact:
        measure_exact(db, data)
    if db.system != "exact-only" and db.has_method("hnsw", OPERATORS[data.metric][1]):
        options = "m = %d, ef_construction = %d" % (M, EF_CONSTRUCTION)
        for workers in ((0, 1) if "build" in PARTS else (1,)):
            seconds = build_index(db, data, "hnsw", options, workers)
        emit(measure="copy-index", data=data.name, system=db.system, rows=data.rows,
             rows_per_s=round(data.rows / (copy_seconds + seconds), 1))
        found = sweep(db, data, "hnsw") if "search" in PARTS else []
        good = [row["ef"] for row in found if row["recall_10"] >= ann_bars.wanted_recall(data.name)]
        if "maintenance" in PARTS:
            measure_maintenance(db, data, min(good) if good else 100)
        if "filter" in PARTS:
            measure_filters(db, data)
    if db.system != "exact-only" and "ivfflat" in PARTS and db.has_method("ivfflat", OPERATORS[data.metric][1]):
        build_index(db, data, "ivfflat", "lists = %d" % data.lists(), 1)
        sweep(db, data, "ivfflat")
    db.sql("DROP TABLE ann_base, ann_query")


def available(extension):
    out = run([ENV["RV_BENCH_PSQL"], "-X", "-A", "-t", "-d", ENV["RV_BENCH_CONN"] + " dbname=postgres", "-c",
               "SELECT count(*) FROM pg_available_extensions WHERE name = '%s'" % extension.replace("'", "''")])
    return out.strip() == "1"


def measure_data(data, systems, extension):
    print("\n== %s: %s" % (data.name, data.title), flush=True)
    data.prepare(program)
    for system in systems:
        if system in ("faiss", "faiss-avx2"):
            if data.with_faiss(system):
                measure_faiss(data, system)
    names = [s for s in systems if s in ("ruvector", "extension")] or (["exact-only"] if "exact" in systems else [])
    for number, system in enumerate(names):
        control = extension if system == "extension" else "ruvector"
        db = Database(control if system == "extension" and extension != "ruvector" else system, control)
        measure_database(db, data, "exact" in systems and number == 0)
        db.sql("DROP DATABASE " + db.name, database="postgres")


# ---------------------------------------------------------------- the run

def setting(name):
    return run([ENV["RV_BENCH_PSQL"], "-X", "-A", "-t", "-d", ENV["RV_BENCH_CONN"] + " dbname=postgres", "-c",
                "SHOW " + name]).strip()


def machine():
    cpu = re.search(r"model name\s*: (.*)", open("/proc/cpuinfo", encoding="utf-8").read())
    flags = set(re.search(r"flags\s*: (.*)", open("/proc/cpuinfo", encoding="utf-8").read()).group(1).split())
    memory = int(re.search(r"MemTotal:\s*(\d+)", open("/proc/meminfo", encoding="utf-8").read()).group(1))
    return {
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "commit": ENV["RV_BENCH_COMMIT"],
        "cpu": cpu.group(1) if cpu else "unknown", "cpus": os.cpu_count(), "memory_gb": round(memory / 2**20, 1),
        "simd": " ".join(sorted(flags & {"avx2", "fma", "avx512f", "avx512bw", "avx512_vnni", "avx_vnni"})),
        "kernel": os.uname().release, "load": open("/proc/loadavg", encoding="utf-8").read().split()[:3],
        "postgresql": setting("server_version"), "faiss": program("version")[0]["faiss"], "seed": SEED,
        "m": M, "ef_construction": EF_CONSTRUCTION, "rounds": ROUNDS, "qps_ms": QPS_MS, "clients": CLIENTS,
        "settings": {name: setting(name) for name in (
            "shared_buffers", "maintenance_work_mem", "work_mem", "max_wal_size", "fsync", "synchronous_commit",
            "autovacuum", "jit", "huge_pages", "data_checksums")},
    }


def write_results(about, names):
    """Writes ann.json and ann.svg from the rows so far; returns the table of the bars."""
    os.makedirs(RESULTS, exist_ok=True)
    about["load_at_end"] = open("/proc/loadavg", encoding="utf-8").read().split()[:3]
    bars = ann_bars.judge(ROWS, names)
    with open(os.path.join(RESULTS, "ann.json"), "w", encoding="utf-8") as out:
        json.dump({"about": about, "rows": ROWS, "bars": bars}, out, indent=1)
        out.write("\n")
    with open(os.path.join(RESULTS, "ann.svg"), "w", encoding="utf-8") as out:
        out.write(ann_plot.draw(ROWS, about))
    return bars


def finish(about, names):
    ann_bars.show(write_results(about, names))
    print("\nwritten: %s and ann.svg" % os.path.normpath(os.path.join(RESULTS, "ann.json")))


def main():
    names = ENV.get("RV_BENCH_DATA") or ("words,gen768-200k,gen768-1m,mnist" if FULL else "words-50k,gen768-20k,mnist")
    systems = (ENV.get("RV_BENCH_SYSTEMS") or "ruvector,exact,faiss,faiss-avx2,extension").split(",")
    extension = ENV.get("RV_BENCH_EXTENSION", "")
    known = {"ruvector", "exact", "faiss", "faiss-avx2", "extension"}
    if set(systems) - known:
        sys.exit("bench/ann: SYSTEMS are %s" % ", ".join(sorted(known)))
    if "extension" in systems and not (extension and available(extension)):
        if extension:
            print("note        extension %s is not installed in the private tree (build/pg): left out" % extension)
        systems.remove("extension")
    sets = [ann_sets.DataSet(name, BUILD, ENV["RV_BENCH_FETCH"], SEED) for name in names.split(",")]
    about = machine()
    for name, value in about.items():
        print("%-15s %s" % (name, value))
    failed = False
    for data in sets:
        try:
            measure_data(data, systems, extension)
        except (Failed, OSError, ValueError, subprocess.CalledProcessError) as error:
            failed = True
            emit(measure="failed", data=data.name, reason=str(error))
        write_results(about, [each.name for each in sets])
    finish(about, [data.name for data in sets])
    sys.exit(1 if failed else 0)


def stop(*_):
    for child in CHILDREN:
        child.terminate()
    sys.exit("bench/ann: interrupted")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    main()
