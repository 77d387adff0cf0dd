#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A job on another host in every engine the machine has: a process, compiled WebAssembly, a
container, a virtual machine. What each host refuses is refused with a reason."""

import json
import os
import subprocess

from lab import ROOT, check, main, until

BUILD = os.path.join(ROOT, "build")
WASM = os.path.join(BUILD, "controlplane", "executor", "fog-wasm")
PROBE = os.path.join(BUILD, "tests", "unit", "controlplane", "executor", "exec_probe_static")
WORKER = "elm"

HELLO = """(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "hello from wasm\\n")
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 64))
    (i32.store (i32.const 4) (i32.const 16))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))))"""


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


def wasm_build(lab, key):
    with open(f"{lab.dir}/hello.wat", "w", encoding="ascii") as sink:
        sink.write(HELLO)
    subprocess.run(["wat2wasm", "hello.wat", "-o", "hello.wasm"], cwd=lab.dir, check=True)
    subprocess.run([WASM, "build", "--key", key, "hello.wasm", "hello.fogwasm"], cwd=lab.dir,
                   check=True)
    return f"{lab.dir}/hello.fogwasm"


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
    tree = f"{lab.dir}/tree"
    os.makedirs(f"{tree}/rootfs/work")
    subprocess.run(["cp", PROBE, f"{tree}/rootfs/probe"], check=True)
    for name in ("proc", "dev", "tmp", "input"):
        os.mkdir(f"{tree}/rootfs/{name}")
    with open(f"{tree}/config.json", "w", encoding="ascii") as sink:
        json.dump({"ociVersion": "1.0.2", "process": {"args": ["/probe", "save", "/work/f"]},
                   "root": {"path": "rootfs"}}, sink)
    subprocess.run(["tar", "-C", tree, "-cf", f"{lab.dir}/bundle.tar", "."], check=True)
    done = run(lab, ["bundle.tar"], "oci", [f"{lab.dir}/bundle.tar"])
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
