#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""embed.py FILE HEADER NAME: write the bytes of FILE as a C array."""

import sys


def main():
    source, header, name = sys.argv[1:]
    with open(source, "rb") as f:
        data = f.read()
    rows = [", ".join(str(b) for b in data[i:i + 20]) for i in range(0, len(data), 20)]
    with open(header, "w", encoding="ascii") as f:
        f.write(f"static const _Alignas(8) unsigned char {name}[] = {{\n\t"
                + ",\n\t".join(rows) + "\n};\n")


main()
