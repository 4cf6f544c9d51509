"""The bars of the vector search issue, judged over the rows of one run.

A ratio compares two systems at equal recall: of each the cheapest measured setting that reaches the
recall, never a value between two settings. A bar that names a data set is judged on that data set;
the same figure of a smaller set is shown for orientation, without a verdict.
"""


def wanted_recall(data):
    """The recall@10 at which search times of a data set are compared."""
    return 0.96 if data == "gen768-200k" else 0.95


def pick(rows, **wanted):
    return [row for row in rows if all(row.get(name) == value for name, value in wanted.items())]


def cheapest(rows, recall):
    """The row with the lowest in-server p50 of those that reach the recall, or None."""
    good = [row for row in rows if row.get("recall_10", 0) >= recall and "p50_us" in row]
    return min(good, key=lambda row: row["p50_us"]) if good else None


class Judgement:
    """Collects the lines of the table for one data set."""

    def __init__(self, rows, data):
        self.rows, self.data, self.lines = pick(rows, data=data), data, []

    def add(self, bar, measured, met, note=""):
        self.lines.append({"data": self.data, "bar": bar, "measured": measured, "note": note,
                           "verdict": "not measured" if met is None else "met" if met else "missed"})

    def info(self, what, measured, note=""):
        self.lines.append({"data": self.data, "bar": what, "measured": measured, "note": note, "verdict": "-"})

    def ratio(self, bar, limit, mine, theirs, note):
        """limit None: shown without a verdict."""
        if mine is None or theirs is None:
            if limit is not None:
                self.add(bar, "-", None, note)
            return
        text = "%.2fx" % (mine / theirs)
        if limit is None:
            self.info(bar, text, note)
        else:
            self.add(bar, text, mine / theirs <= limit, note)

    def search(self):
        limit = {"words": 0.6, "gen768-200k": 0.5}.get(self.data)
        recall = wanted_recall(self.data)
        mine = cheapest(pick(self.rows, measure="search", system="ruvector"), recall)
        for system in ("faiss", "faiss-avx2"):
            found = pick(self.rows, measure="search", system=system)
            if not found:
                continue
            theirs = cheapest(found, recall)
            bar = "search at recall@10 >= %.2f vs %s%s" % (recall, system, " <= %.1fx" % limit if limit else "")
            note = "%s us (ef %s) vs %s us (ef %s)" % (
                *((mine["p50_us"], mine["ef"]) if mine else ("-", "-")),
                *((theirs["p50_us"], theirs["ef"]) if theirs else ("-", "-")))
            self.ratio(bar, limit, mine and mine["p50_us"], theirs and theirs["p50_us"], note)
        if self.data == "gen768-1m":
            good = [row for row in pick(self.rows, measure="search", system="ruvector") if row["recall_10"] >= recall]
            row = min(good, key=lambda r: (r["p50_us"], r["p99_us"])) if good else None
            self.add("search at recall@10 >= 0.95: p50 < 1 ms, p99 < 4 ms",
                     "%.2f / %.2f ms" % (row["p50_us"] / 1e3, row["p99_us"] / 1e3) if row else "-",
                     row and row["p50_us"] < 1000 and row["p99_us"] < 4000)

    def build(self):
        builds = pick(self.rows, measure="build", system="ruvector", workers=1)
        for system in ("faiss", "faiss-avx2"):
            theirs = pick(self.rows, measure="build", system=system)
            if theirs:
                mine = builds[0]["seconds"] if builds else None
                self.ratio("build, 2 processes, vs %s, 2 threads <= 0.25x" % system,
                           0.25 if self.data in ("words", "gen768-200k", "gen768-1m") else None, mine,
                           theirs[0]["seconds"], "%s s vs %s s%s" % (
                               mine, theirs[0]["seconds"], ", taken from the cache" if theirs[0]["cached"] else ""))
        limit = {"words": 150, "gen768-200k": 350}.get(self.data)
        if builds:
            size = builds[0]["index_bytes"] / 1e6
            if limit:
                self.add("index <= %d MB" % limit, "%.0f MB" % size, size <= limit)
            else:
                self.info("index size", "%.0f MB" % size)

    def maintenance(self):
        built = pick(self.rows, measure="build", system="ruvector", workers=1)
        for row in pick(self.rows, measure="vacuum", system="ruvector"):
            self.ratio("vacuum after 10 % deletes vs building anew <= 0.1x", 0.1, row["seconds"],
                       built[0]["seconds"] if built else None,
                       "%.2f s vs %.2f s" % (row["seconds"], built[0]["seconds"]) if built else "")
            drop = max(row["recall_10_before_delete"], row["recall_10_deleted"]) - row["recall_10_vacuumed"]
            self.add("recall@10 drop by deletes and vacuum <= .005", "%.4f" % drop, drop <= 0.005,
                     "ef %d: %.4f, %.4f after deletes, %.4f after vacuum" % (
                         row["ef"], row["recall_10_before_delete"], row["recall_10_deleted"],
                         row["recall_10_vacuumed"]))
        wide = self.data.startswith("gen768")
        for row in pick(self.rows, measure="insert", system="ruvector"):
            drop = row["recall_10_before"] - row["recall_10_after"]
            note = "single-row INSERTs %.0f/s, COPY %.0f/s; recall@10 %.4f, before %.4f" % (
                row["single_rows_per_s"], row["copy_rows_per_s"], row["recall_10_after"], row["recall_10_before"])
            if wide:
                self.add("bulk insert into the index >= 1,000 rows/s, recall kept", "%.0f/s" % row["copy_rows_per_s"],
                         row["copy_rows_per_s"] >= 1000 and drop <= 0.005, note)
            else:
                self.info("bulk insert into the index", "%.0f/s" % row["copy_rows_per_s"], note)
        for row in pick(self.rows, measure="copy-index", system="ruvector"):
            if wide:
                self.add("COPY, then index > 10,000 rows/s", "%.0f/s" % row["rows_per_s"], row["rows_per_s"] > 10000)
            else:
                self.info("COPY, then index", "%.0f/s" % row["rows_per_s"])

    def filters(self):
        plain = cheapest(pick(self.rows, measure="search", system="ruvector"), 0.95)
        for name, what in (("r10", "10 %"), ("r100", "1 %"), ("c10", "10 % along the data"),
                           ("c100", "1 % along the data")):
            rows = pick(self.rows, measure="filter", system="ruvector", filter=name)
            exact = pick(rows, plan_kind="exact")
            if not rows or not plain or not exact:
                continue
            limit = min(2 * plain["p50_us"], exact[0]["p50_us"])
            best = cheapest(pick(rows, plan_kind="chosen"), 0.95)
            top = max(row["recall_10"] for row in pick(rows, plan_kind="chosen"))
            # the exact plan itself, chosen: its two measurements differ by noise only
            if best and best["plan"] == exact[0]["plan"]:
                best = min(best, exact[0], key=lambda row: row["p50_us"])
            self.add("filter %s: recall@10 >= .95 in <= %.0f us" % (what, limit),
                     "%.0f us" % best["p50_us"] if best else "recall %.3f" % top,
                     best is not None and best["p50_us"] <= limit,
                     "2 x %.0f us unfiltered, exact %.0f us%s" % (
                         plain["p50_us"], exact[0]["p50_us"], "; " + best["plan"] if best else ""))

    def others(self):
        """The other extension, at the same recall: information, there is no bar."""
        recall = wanted_recall(self.data)
        mine = cheapest(pick(self.rows, measure="search", system="ruvector"), recall)
        names = {row["system"] for row in pick(self.rows, measure="search")}
        for system in sorted(names - {"ruvector", "faiss", "faiss-avx2", "exact"}):
            theirs = cheapest(pick(self.rows, measure="search", system=system), recall)
            if mine and theirs:
                self.info("search at recall@10 >= %.2f vs %s" % (recall, system),
                          "%.2fx" % (mine["p50_us"] / theirs["p50_us"]),
                          "%.0f us vs %.0f us" % (mine["p50_us"], theirs["p50_us"]))


def judge(rows, names):
    lines = []
    for name in names:
        judgement = Judgement(rows, name)
        if not pick(judgement.rows, measure="search", system="ruvector"):
            continue
        for part in (judgement.search, judgement.build, judgement.maintenance, judgement.filters, judgement.others):
            part()
        lines += judgement.lines
    missing = {"words", "gen768-200k", "gen768-1m"} - set(names)
    if missing:
        lines.append({"data": ", ".join(sorted(missing)), "bar": "every bar that names these", "measured": "-",
                      "note": "SCALE=full or DATA=%s" % ",".join(sorted(missing)), "verdict": "not in this run"})
    lines.append({"data": "10k rows", "bar": "every type x metric x method: recall >= .95", "measured": "-",
                  "note": "a test, not a benchmark: tests/t", "verdict": "not in this run"})
    return lines


def show(lines):
    widths = [max(len(line[name]) for line in lines) for name in ("data", "bar", "measured", "verdict")]
    print("\nThe bars, at equal recall in this run")
    for line in lines:
        print("  ".join(line[name].ljust(width) for name, width in
                        zip(("data", "bar", "measured", "verdict"), widths)) + "  " + line["note"])
