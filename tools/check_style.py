#!/usr/bin/env python3
"""Checks what CONTRIBUTING.md asks of every C source file.

A header comment that names the file; at most 800 lines a file, 100 lines a function (60 is the
aim) and 7 parameters a function. A function whose parameter list PostgreSQL dictates carries the
words "PostgreSQL callback" in the comment above it. No trailing white space, no spaces as
indentation. Exits 1 and names file:line for each breach.
"""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FILE_LIMIT, FUNCTION_LIMIT, PARAMETER_LIMIT = 800, 100, 7
NAME = re.compile(r"^(\w+)\s*\(")


def sources():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.c", "*.h", "*.y", "*.l"],
                            cwd=ROOT, capture_output=True, text=True, check=True)
    return sorted(p for p in listed.stdout.split() if os.path.exists(os.path.join(ROOT, p)))


def parameters(lines, start):
    """Number of parameters in the list that opens on line `start`."""
    text, depth = "", 0
    for line in lines[start:start + 20]:
        for char in line:
            depth += {"(": 1, ")": -1}.get(char, 0)
            text += char
            if depth == 0 and "(" in text:
                inner = text[text.index("(") + 1:-1]
                flat, level = "", 0
                for c in inner:
                    level += {"(": 1, ")": -1}.get(c, 0)
                    flat += c if level == 0 else ""
                return 0 if inner.strip() in ("", "void") else flat.count(",") + 1
    return 0


def comment_above(lines, start):
    above = []
    for line in reversed(lines[max(0, start - 40):start]):
        if line.startswith("}") or line.startswith("#"):
            break
        above.append(line)
    return "\n".join(above)


def check_functions(path, lines):
    opened = None
    for number, line in enumerate(lines):
        if line.startswith("{"):
            opened = number
        elif line.startswith("}") and opened is not None:
            if number - opened - 1 > FUNCTION_LIMIT:
                yield "%s:%d: function of %d lines" % (path, opened + 1, number - opened - 1)
            opened = None
        found = NAME.match(line)
        if found and number > 0 and not line.rstrip().endswith(";") and path.endswith(".c"):
            count = parameters(lines, number)
            if count > PARAMETER_LIMIT and "PostgreSQL callback" not in comment_above(lines, number):
                yield "%s:%d: %s has %d parameters" % (path, number + 1, found.group(1), count)


def check_file(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as source:
        lines = source.read().split("\n")
    if not any(os.path.basename(path) in line for line in lines[:8]):
        yield "%s:1: no header comment with the file's name" % path
    if len(lines) > FILE_LIMIT:
        yield "%s:1: %d lines" % (path, len(lines))
    for number, line in enumerate(lines, 1):
        if line.rstrip() != line:
            yield "%s:%d: trailing white space" % (path, number)
        if line.startswith("    ") and path.endswith((".c", ".h")):
            yield "%s:%d: indented with spaces" % (path, number)
    if path.endswith((".c", ".h")):
        yield from check_functions(path, lines)


def main():
    breaches = [breach for path in sources() for breach in check_file(path)]
    for breach in breaches:
        print(breach)
    print("style: %d files, %d breaches" % (len(sources()), len(breaches)))
    sys.exit(1 if breaches else 0)


if __name__ == "__main__":
    main()
