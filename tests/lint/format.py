#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""clang-format decides layout; `make fmt` mends what this finds."""

import os
import re
import shutil
import subprocess
import sys

import common

STYLE = os.path.join(common.ROOT, ".clang-format")
WARNING = re.compile(r"^([^:\n]+):(\d+):\d+: .*clang-formatted", re.MULTILINE)


def check(root):
    paths = common.files(root, ".c", ".h")
    tool = shutil.which("clang-format")
    if tool is None:
        return ["clang-format is not installed"]
    if not paths:
        return []
    done = subprocess.run([tool, f"--style=file:{STYLE}", "--dry-run", "--Werror"] + paths,
                          cwd=root, stderr=subprocess.PIPE, text=True, check=False)
    places = {}
    for path, line in WARNING.findall(done.stderr):
        places.setdefault(path, []).append(line)
    findings = [f"{path}:{lines[0]}: {len(lines)} places are not as clang-format lays them out"
                for path, lines in sorted(places.items())]
    if done.returncode != 0 and not findings:
        findings.append(done.stderr)
    return findings


BAD = [("crypto/a.c", "int  a ( void ) { return 1; }\n", "crypto/a.c:1")]
GOOD = [("crypto/a.c", "int a(void)\n{\n\treturn 1;\n}\n")]

if __name__ == "__main__":
    common.main(sys.modules[__name__])
