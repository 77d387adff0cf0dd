# SPDX-License-Identifier: BSD-3-Clause
"""What the lints share: the files of the tree, source without comments, and main().

A lint module has check(root) -> list of "path:line: what is wrong", and BAD, its self-test: a list
of (path, content, words) - a tree of that one file must yield a finding that contains the words -
and GOOD, a list of (path, content) that must yield none."""

import os
import re
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SOURCE_FOLDERS = ("crypto", "configs", "dataplane", "controlplane", "ebpf", "bench", "tests")
SPDX = "/* SPDX-License-Identifier: BSD-3-Clause */"
TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def files(root, *endings):
    """Paths below the source folders, relative to root, with one of the endings; sorted."""
    found = []
    for folder in SOURCE_FOLDERS:
        for base, folders, names in os.walk(os.path.join(root, folder)):
            folders[:] = [f for f in folders if f not in ("__pycache__", "vectors")]
            found += [os.path.relpath(os.path.join(base, name), root) for name in names
                      if not endings or name.endswith(endings)]
    return sorted(found)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as source:
        return source.read()


def blank(match):
    text = match.group(0)
    if text[0] in "\"'":
        return text[0] + re.sub(r"[^\n]", "_", text[1:-1]) + text[-1]
    return re.sub(r"[^\n]", " ", text)


def bare(text):
    """The same text with comments blanked and the insides of strings replaced: lines stay."""
    return TOKEN.sub(blank, text)


def self_test(module):
    """Number of cases the lint got wrong."""
    wrong = 0
    cases = [(path, content, words) for path, content, words in module.BAD]
    cases += [(path, content, None) for path, content in getattr(module, "GOOD", [])]
    for path, content, words in cases:
        with tempfile.TemporaryDirectory() as root:
            target = os.path.join(root, path)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "w", encoding="utf-8") as sink:
                sink.write(content)
            findings = module.check(root)
        if words is None and findings:
            print(f"{path}: found {findings} where nothing is wrong")
            wrong += 1
        if words is not None and not any(words in finding for finding in findings):
            print(f"{path}: did not find '{words}' but {findings}")
            wrong += 1
    print(f"{len(cases) - wrong} passed, {wrong} failed")
    return wrong


def main(module):
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(1 if self_test(module) else 0)
    findings = module.check(ROOT)
    for finding in findings:
        print(finding)
    sys.exit(1 if findings else 0)
