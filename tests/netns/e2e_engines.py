#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A job on another host in every engine the machine has: a process, compiled WebAssembly, a
container, a virtual machine, a node of a cluster. What each host refuses is refused with a reason;
what a job tries against its host is contained and told."""

import json
import os
import shutil
import subprocess
import tempfile

from engines import PROBE, WASM, bundle_build, wasm_build
from lab import ROOT, check, main, until

WORKER = "elm"
SLURM = os.path.join(ROOT, "tests", "unit", "controlplane", "executor", "slurm_cluster")

def run(lab, argv, engine, inputs, **options):
    if inputs:
        options["input"] = ",".join(inputs)
    job = lab.submit(argv, host="ash", target=WORKER, engine=engine, **options)
    return lab.wait(job, "ash")


def shown(lab, done, engine, machine, output):
    check(done["state"] == "succeeded", json.dumps(done))
    check(lab.output(done["id"], "ash") == output, f"{engine}: {lab.output(done['id'], 'ash')}")
    sandbox = done["attempts"][-1]["sandbox"]
    check(sandbox["machine"].startswith(machine), f"{engine} ran on {sandbox}")


def test_wasm(lab):
    module = wasm_build(lab, f"{lab.dir}/builder.key")
    done = run(lab, ["hello.fogwasm"], "wasm", [module])
    shown(lab, done, "wasm", "process, compiled WebAssembly", b"hello from wasm\n")


def test_wasm_of_a_stranger(lab):
    subprocess.run([WASM, "key", f"{lab.dir}/stranger.key"], check=True,
                   stdout=subprocess.DEVNULL)
    done = run(lab, ["hello.fogwasm"], "wasm", [wasm_build(lab, f"{lab.dir}/stranger.key")])
    check(done["state"] == "failed", json.dumps(done))
    check("builder" in json.dumps(done), json.dumps(done))


def test_container(lab):
    if os.geteuid() != 0:
        return
    bundle = bundle_build(lab, ["/probe", "save", "/work/f"])
    done = run(lab, ["bundle.tar"], "oci", [bundle])
    shown(lab, done, "oci", "crun container", b"saved 5 errno 0\n")


def test_machine(lab):
    done = run(lab, ["/input/exec_probe_static", "save", "/work/f"], "microvm", [PROBE],
               memory="256M", wall="80s")
    shown(lab, done, "microvm", "qemu microvm, ", b"saved 5 errno 0\n")


def test_unknown_engine(lab):
    job = lab.submit(["true"], host="ash", target=WORKER, engine="slurm")
    until("the refusal is told", 30,
          lambda: "does not run" in json.dumps(lab.job(job, "ash")))
    lab.fogctl("job", "cancel", job, host="ash")


def beside(lab, argv):
    """In the worker's network, and with our mounts: slurmd wants its control groups."""
    netns = lab.host(WORKER)["netns"]
    return ["nsenter", f"--net=/run/netns/{netns}", *argv] if lab.netns and netns else argv


def configure(lab, before, after):
    conf = os.path.join(lab.host(WORKER)["run_dir"], "fog.conf")
    with open(conf, encoding="utf-8") as source:
        text = source.read()
    check(before in text, f"no {before} in {conf}")
    with open(conf, "w", encoding="utf-8") as out:
        out.write(text.replace(before, after))
    lab.kill_and_wait(WORKER, "controlplane")


def test_cluster(lab):
    """A one-machine cluster on the worker's loopback; the control plane was started with its
    configuration in SLURM_CONF."""
    if os.geteuid() != 0 or shutil.which("slurmctld") is None:
        print("  (no cluster here: it wants root and slurm-wlm)")
        return
    subprocess.run(beside(lab, [SLURM, "up", CLUSTER]), check=True)
    try:
        until("the cluster takes jobs", 60, lambda: subprocess.run(
            beside(lab, ["timeout", "5", "srun", "--quiet", "--immediate=3", "true"]),
            capture_output=True, check=False).returncode == 0)
        configure(lab, "engines = [", 'engines = ["slurm", ')
        done = run(lab, ["sh", "-c", "echo on a node"], "slurm", [])
        shown(lab, done, "slurm", "slurm node", b"on a node\n")
    finally:
        subprocess.run(beside(lab, [SLURM, "down", CLUSTER]), check=True)


# What a job does, and how the host says it ended.
HOSTILE = [
    ("fork bomb", ":(){ :|:& };:; sleep 1; echo alive", {"wall": "20s"},
     ("exited", "oom", "signaled", "timeout")),
    ("disk", "for i in 1 2 3 4 5 6 7 8; do head -c 4000000 /dev/zero > /work/$i; done; sleep 60",
     {}, ("disk",)),
    ("time", "sleep 1000", {"wall": "2s"}, ("timeout",)),
    ("memory", "head -c 300000000 /dev/zero | tail -c 299999999 | wc -c", {"memory": "32M"},
     ("oom", "signaled", "exited")),
]
LOOKS = "cat /etc/shadow; cat /proc/1/environ; echo x > /etc/x; exec 3<>/dev/tcp/192.0.2.1/9"


def test_contained(lab):
    configure(lab, "engines = [", "job_disk_mb = 16; engines = [")
    for name, script, limits, ends in HOSTILE:
        done = run(lab, ["bash", "-c", script], "native", [], **limits)
        outcome = done["attempts"][-1]["outcome"]
        check(outcome in ends, f"{name}: {outcome} {json.dumps(done)[:600]}")
    done = run(lab, ["bash", "-c", LOOKS], "native", [])
    check(done["state"] != "succeeded", json.dumps(done))
    check(b"root:" not in lab.output(done["id"], "ash"), "it has read /etc/shadow")
    done = run(lab, ["echo", "well"], "native", [])
    check(lab.output(done["id"], "ash") == b"well\n", "the worker has suffered")


if __name__ == "__main__":
    CLUSTER = tempfile.mkdtemp(prefix="fog-e2e-slurm-")
    os.environ["SLURM_CONF"] = os.path.join(CLUSTER, "slurm.conf")
    main([test_wasm, test_wasm_of_a_stranger, test_container, test_machine, test_unknown_engine,
          test_contained, test_cluster], hosts=5)
