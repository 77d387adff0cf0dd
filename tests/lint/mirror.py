#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Unit tests lie where the source lies: tests/unit/F/x_test.c tests F/x.c (or F/x.h)."""

import os
import sys

import common

# Tests of no single source, and why.
ALLOWED = {
    "tests/unit/crypto/constant_time_test.c": "a property of several sources, under valgrind",
}


def check(root):
    findings = []
    for path in common.files(root, ".c", ".h"):
        if not path.startswith("tests/unit/") or path in ALLOWED or path.endswith("/fog_test.h"):
            continue
        folder = os.path.relpath(os.path.dirname(path), "tests/unit")
        if not os.path.isdir(os.path.join(root, folder)):
            findings.append(f"{path}:1: there is no folder {folder}/ that it could test")
            continue
        if not path.endswith("_test.c"):
            continue
        source = os.path.join(folder, os.path.basename(path)[:-len("_test.c")])
        if not any(os.path.exists(os.path.join(root, source + end)) for end in (".c", ".h", "")):
            findings.append(f"{path}:1: tests neither {source}.c nor {source}.h nor {source}/")
    return findings


BAD = [
    ("tests/unit/nowhere/x_test.c", "int a;\n", "there is no folder nowhere/"),
    ("tests/unit/tests/x_test.c", "int a;\n", "tests neither tests/x.c"),
]

if __name__ == "__main__":
    common.main(sys.modules[__name__])
