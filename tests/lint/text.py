#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""File length, line length, licence line, white space, and the purpose comment of headers."""

import sys

import common

LINES_MAX = 1000
COLUMNS_MAX = 100
TAB = 8
# The kernel loads some helpers only for programs that are also under its licence.
KERNEL_SPDX = "/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */"
SCRIPT_SPDX = "# SPDX-License-Identifier: BSD-3-Clause"


def check_lines(path, lines):
    findings = []
    for number, line in enumerate(lines, 1):
        columns = len(line.expandtabs(TAB))
        if columns > COLUMNS_MAX and "://" not in line and not path.endswith(".def"):
            findings.append(f"{path}:{number}: {columns} columns, more than {COLUMNS_MAX}")
        if line != line.rstrip():
            findings.append(f"{path}:{number}: white space at the end of the line")
    if len(lines) > LINES_MAX:
        findings.append(f"{path}:{LINES_MAX}: {len(lines)} lines, more than {LINES_MAX}")
    return findings


def check_head(path, lines):
    if path.endswith((".c", ".h", ".def")):
        if not lines or lines[0] not in (common.SPDX, KERNEL_SPDX):
            return [f"{path}:1: first line is not {common.SPDX}"]
        if path.endswith((".h", ".def")) and not (len(lines) > 1 and lines[1].startswith("/*")):
            return [f"{path}:2: header without a comment that says its purpose"]
    elif SCRIPT_SPDX not in lines[:2]:
        return [f"{path}:1: no line '{SCRIPT_SPDX}'"]
    return []


def check(root):
    findings = []
    for path in common.files(root, ".c", ".h", ".def", ".py"):
        text = common.read(root, path)
        if not text.endswith("\n"):
            findings.append(f"{path}: does not end with a line feed")
        lines = text.split("\n")[:-1]
        findings += check_head(path, lines) + check_lines(path, lines)
    return findings


BAD = [
    ("crypto/a.c", "int a;\n", "first line is not"),
    ("crypto/a.h", common.SPDX + "\n#ifndef A\n#endif\n", "header without a comment"),
    ("crypto/a.c", common.SPDX + "\n" + "int a; " * 15 + "\n", "columns, more than 100"),
    ("crypto/a.c", common.SPDX + "\n" + "\t" * 13 + "\n", "columns, more than 100"),
    ("crypto/a.c", common.SPDX + "\nint a; \n", "white space at the end"),
    ("crypto/a.c", common.SPDX + "\n" + "int a;\n" * 1000, "lines, more than 1000"),
    ("crypto/a.c", common.SPDX + "\nint a;", "does not end with a line feed"),
    ("tests/a.py", "import os\n", "no line"),
]
GOOD = [("crypto/a.h", common.SPDX + "\n/* What it is for. */\n" + "int a;\n" * 998)]

if __name__ == "__main__":
    common.main(sys.modules[__name__])
