#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Turn published workload traces into the text that bench/trace.h describes.

    convert.py swf FILE CORES            one pool: HPC2N, Lublin
    convert.py metacentrum FILE MACHINES nodes of two clusters, constraints kept
    convert.py alibaba NODES PODS        nodes with accelerators, quality of service; one host of
                                         each kind per THIN, HASTE times as many pods a second"""

import csv
import re
import sys
from collections import Counter

THIN, HASTE = 100, 10


def swf_rows(path):
    """Fields of each record of a Standard Workload Format file."""
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if line.strip() and not line.startswith(";"):
                yield line.split()


def job(submit, run, request, user, members, cpu, memory, gpu, kind, place):
    print(f"j,{submit},{run},{max(request, run)},{user},{members},{cpu},{memory},{gpu},{kind},{place}")


def swf(path, cores):
    """Jobs that never ran (no run time) or want more than there is are left out."""
    users = {}
    print(f"h,1,{int(cores) * 1000},0,0,")
    for f in swf_rows(path):
        run, procs, request = int(float(f[3])), int(f[4]), int(float(f[8]))
        procs = procs if procs > 0 else int(f[7])
        if run <= 0 or not 0 < procs <= int(cores):
            continue
        user = users.setdefault(f[11], len(users))
        job(f[1], run, request, user, 1, procs * 1000, 0, 0, "B", "")


def metacentrum(path, machines):
    users, first = {}, None
    clusters = set()
    with open(machines, encoding="utf-8") as lines:
        for line in lines:
            _, name, count, cores, _, memory_kb = line.split()
            clusters.add(name)
            print(f"h,{count},{int(cores) * 1000},{int(memory_kb) // 1024},0,{name}")
    for f in sorted(swf_rows(path), key=lambda f: int(f[1])):
        submit, run, procs, request = int(f[1]), int(f[3]), int(f[4]), int(f[8])
        spec = f[20] if len(f) > 20 else ""
        nodes = re.match(r"(\d+):ppn=(\d+)", spec)
        members, ppn = (int(nodes[1]), int(nodes[2])) if nodes else (1, procs)
        if run <= 0 or members * ppn <= 0 or members > 64:
            continue
        first = submit if first is None else first
        place = next((c for c in clusters if f"cl_{c}" in re.split("[:#]", spec)), "")
        user = users.setdefault(f[11], len(users))
        memory = max(int(f[9]), 0) // members >> 20
        job(submit - first, run, request, user, members, ppn * 1000, memory, 0, "B", place)


def alibaba(nodes, pods):
    """Requests are the run times: the trace has none. LS and guaranteed pods are S and A."""
    kinds = Counter()
    classes = {"LS": "S", "Guaranteed": "A", "Burstable": "A", "BE": "B"}
    with open(nodes, encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            kinds[(row["cpu_milli"], row["memory_mib"], int(row["gpu"]) * 1000, row["model"])] += 1
    for (cpu, memory, gpu, model), count in sorted(kinds.items(), key=str):
        print(f"h,{max(1, round(count / THIN))},{cpu},{memory},{gpu},{model}")
    with open(pods, encoding="utf-8") as lines:
        rows = sorted(csv.DictReader(lines), key=lambda row: int(row["creation_time"]))
    for row in rows:
        submit = int(row["creation_time"])
        run = int(row["deletion_time"] or 0) - int(row["scheduled_time"] or submit)
        gpu = int(row["num_gpu"]) * int(row["gpu_milli"])
        if run > 0:
            job(submit // HASTE, run, run, 0, 1, row["cpu_milli"], row["memory_mib"], gpu,
                classes[row["qos"]], "")


if __name__ == "__main__":
    {"swf": swf, "metacentrum": metacentrum, "alibaba": alibaba}[sys.argv[1]](*sys.argv[2:])
