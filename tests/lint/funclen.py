#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Functions of at most 70 lines, signature and braces included. The rows of a table of cases in a
test do not count: a long table is easy to read, a long function is not."""

import re
import sys

import common

LINES_MAX = 70

# (path, function): why it may be longer. Nothing may, so far.
ALLOWED = {}

NAME = re.compile(r"(\w+)\s*\(")


def functions(text):
    """(name, first line, lines) of every function: our layout has both braces in column 0."""
    lines = common.bare(text).split("\n")
    start = None
    for number, line in enumerate(lines):
        if line.startswith("{") and start is None:
            start = number
            while start > 0 and lines[start - 1].strip() and lines[start - 1][0] not in "}#":
                start -= 1
            signature = " ".join(lines[start:number])
            match = NAME.search(signature)
            if match is None:
                start = None  # an initialiser or a struct
                continue
            name = match.group(1)
        elif line.startswith("}") and start is not None:
            yield name, start + 1, number - start + 1
            start = None


TABLE = re.compile(r"^\t(?:\}|static |const )[^\n]*\[\] = \{\n(.*?)^\t\};", re.M | re.S)


def without_tables(text):
    return TABLE.sub("", text)


def check(root):
    findings = []
    for path in common.files(root, ".c", ".h"):
        text = common.read(root, path)
        if path.startswith("tests/"):
            text = without_tables(text)
        for name, line, count in functions(text):
            if count > LINES_MAX and (path, name) not in ALLOWED:
                findings.append(f"{path}:{line}: {name}() has {count} lines, more than "
                                f"{LINES_MAX}")
    return findings


def sample(lines):
    return "static int long_one(int a,\n\t\t    int b)\n{\n" + "\ta++;\n" * lines + "}\n"


BAD = [("crypto/a.c", sample(67), "long_one() has 71 lines")]
GOOD = [("crypto/a.c", sample(66)),
        ("tests/a_test.c", sample(60).replace("{\n", "{\n\tstruct {\n\t\tint a;\n\t} cases[] = {\n"
                                              + "\t\t{1},\n" * 30 + "\t};\n", 1)),
        ("crypto/a.c", "static const int table[] =\n{\n" + "\t1,\n" * 90 + "};\n")]

if __name__ == "__main__":
    common.main(sys.modules[__name__])
