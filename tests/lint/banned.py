#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Calls we do not make, and why. (Arrays of run-time size are the compiler's to find: -Wvla.)"""

import re
import sys

import common

BANNED = {
    "strcpy": "no bound; use snprintf or memcpy with a checked length",
    "strcat": "no bound; use snprintf",
    "strncpy": "may leave the string open; use snprintf",
    "sprintf": "no bound; use snprintf",
    "vsprintf": "no bound; use vsnprintf",
    "gets": "no bound",
    "atoi": "no error; use strtoul with an end pointer",
    "atol": "no error; use strtoul with an end pointer",
    "atoll": "no error; use strtoull with an end pointer",
    "alloca": "the stack has no error path",
    "system": "a shell between us and the program; fork and exec",
    "popen": "a shell between us and the program; fork and exec",
    "tmpnam": "a race; use mkstemp",
    "mktemp": "a race; use mkstemp",
    "rand": "neither seeded by us nor unpredictable; take the randomness as a parameter",
    "strtok": "hidden state; use strtok_r or strcspn",
    "FOG_TODO_HANDLE": "finish it before it is merged",
}
CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")


def check(root):
    findings = []
    for path in common.files(root, ".c", ".h"):
        for number, line in enumerate(common.bare(common.read(root, path)).split("\n"), 1):
            match = CALL.search(line)
            if match:
                name = match.group(1)
                findings.append(f"{path}:{number}: {name}(): {BANNED[name]}")
    return findings


BAD = [("crypto/a.c", f"void f(void)\n{{\n\t{name}(x);\n}}\n", f"{name}():") for name in BANNED]
GOOD = [
    ("crypto/a.c", '/* strcpy() is bad */\nconst char *a = "gets(x)";\n'),
    ("crypto/a.c", "void f(void)\n{\n\tops->system(x);\n\tmy_rand();\n}\n"),
]

if __name__ == "__main__":
    common.main(sys.modules[__name__])
