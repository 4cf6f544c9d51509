#!/usr/bin/env python3
"""Checks tools/layers.txt against the sources.

R1: a folder includes of another folder only its public header, and only from lower layers.
R2: engine/core never includes postgres.h or anything outside engine/core.
R4: functions listed under `only` are called in the listed files alone.
Exits 1 and names file:line for each breach.
"""
import fnmatch
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
SOURCE = (".c", ".h", ".y", ".l")
GENERATED = {"cypher/cy_gram.c", "cypher/cy_gram.h", "cypher/cy_scan.c"}


def read_rules():
    layers, core, only = {}, [], []
    with open(os.path.join(ROOT, "tools/layers.txt"), encoding="utf-8") as rules:
        for line in rules:
            words = line.split("#")[0].split()
            if not words:
                continue
            if words[0] == "layer":
                layers[words[2]] = (int(words[1]), words[3])
            elif words[0] == "core":
                core.append((words[1], words[2]))
            elif words[0] == "only":
                only.append((words[1], words[2:]))
            else:
                sys.exit("tools/layers.txt: unknown rule: " + line.strip())
    return layers, core, only


def sources():
    for base, dirs, files in os.walk(ROOT):
        rel = os.path.relpath(base, ROOT)
        dirs[:] = [d for d in dirs if not d.startswith(".")
                   and os.path.join(rel, d).lstrip("./") not in ("build", "tests", "bench", "tools")]
        for name in files:
            path = os.path.normpath(os.path.join(rel, name))
            if name.endswith(SOURCE) and path not in GENERATED:
                yield path


def folder_of(path):
    return os.path.dirname(path) or "."


def check_core_include(path, target, core):
    order = [folder for folder, _ in core]
    public = {header: folder for folder, header in core}
    here = folder_of(path)
    if folder_of(target) == here:
        return None
    if not target.startswith("engine/core/"):
        return "engine/core includes %s" % target
    if target not in public:
        return "%s is not a public header" % target
    if here in order and order.index(public[target]) <= order.index(here):
        return "include of %s goes up" % target
    return None


def check_glue_include(path, target, layers, core):
    here, there = folder_of(path), folder_of(target)
    if target.startswith("engine/core/"):
        if target not in {header for _, header in core}:
            return "%s is not a public header" % target
        return None
    if there not in layers or here == there:
        return None
    if here not in layers:
        return "folder %s is not in tools/layers.txt" % here
    if target != layers[there][1]:
        return "%s is not the public header of %s" % (target, there)
    if layers[there][0] >= layers[here][0]:
        return "include of %s goes up or sideways" % target
    return None


def main():
    layers, core, only = read_rules()
    breaches = []
    count = 0
    for path in sorted(sources()):
        count += 1
        with open(os.path.join(ROOT, path), encoding="utf-8") as source:
            for number, line in enumerate(source, 1):
                found = INCLUDE.match(line)
                if found:
                    target = os.path.normpath(found.group(1))
                    if path.startswith("engine/core/"):
                        error = check_core_include(path, target, core)
                    elif os.path.exists(os.path.join(ROOT, target)) or "rv" in target:
                        error = check_glue_include(path, target, layers, core)
                    else:
                        error = None
                    if error:
                        breaches.append("%s:%d: %s" % (path, number, error))
                for function, allowed in only:
                    if re.search(r"\b%s\s*\(" % function, line) and not any(
                            fnmatch.fnmatch(path, pattern) for pattern in allowed):
                        breaches.append("%s:%d: only %s may call %s" % (
                            path, number, " ".join(allowed), function))
    for breach in breaches:
        print(breach)
    print("layers: %d files, %d breaches" % (count, len(breaches)))
    sys.exit(1 if breaches else 0)


if __name__ == "__main__":
    main()
