#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every route of the control plane says what it takes and gives: FOG_DESCRIBE(..)."""

import re
import sys

import common

ROUTE = re.compile(r'\{\s*"(?:GET|POST|PUT|PATCH|DELETE)",\s*"(/[^"]*)",\s*\w+\s*(.)', re.DOTALL)


def check(root):
    findings = []
    for path in common.files(root, ".c"):
        text = common.read(root, path)
        if not path.startswith("controlplane/") or "struct fog_route " not in text:
            continue
        for match in ROUTE.finditer(text):
            if match.group(2) != ",":
                number = text.count("\n", 0, match.start()) + 1
                findings.append(f"{path}:{number}: {match.group(1)} is not described")
    return findings


TABLE = "static const struct fog_route routes[] = {{\n{}\n}};\n"
BAD = [
    ("controlplane/a.c", TABLE.format('\t{"GET", "/v1/x", x_get},'), "/v1/x is not described"),
    ("controlplane/a.c", TABLE.format('\t{"POST", "/v1/x",\n\t x_post}'), "is not described"),
]
GOOD = [
    ("controlplane/a.c", TABLE.format('\t{"GET", "/v1/x", x_get, FOG_DESCRIBE("X")},')),
    ("tests/a.c", TABLE.format('\t{"GET", "/v1/x", x_get},')),
]

if __name__ == "__main__":
    common.main(sys.modules[__name__])
