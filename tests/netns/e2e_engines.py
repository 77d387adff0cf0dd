#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A job on another host in every engine the machine has: a process, compiled WebAssembly, a
container, a virtual machine. What each host refuses is refused with a reason."""

import json
import os
import subprocess

from engines import PROBE, WASM, bundle_build, wasm_build
from lab import check, main, until

WORKER = "elm"

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


if __name__ == "__main__":
    main([test_wasm, test_wasm_of_a_stranger, test_container, test_machine, test_unknown_engine],
         hosts=5)
