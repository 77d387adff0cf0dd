# SPDX-License-Identifier: BSD-3-Clause
"""What end-to-end tests run in the engines: a module, the archive of a bundle, a static program."""

import json
import os
import subprocess

from lab import ROOT

BUILD = os.path.join(ROOT, "build")
WASM = os.path.join(BUILD, "controlplane", "executor", "fog-wasm")
PROBE = os.path.join(BUILD, "tests", "unit", "controlplane", "executor", "exec_probe_static")

HELLO = """(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "hello from wasm\\n")
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 64))
    (i32.store (i32.const 4) (i32.const 16))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))))"""


def wasm_build(lab, key):
    with open(f"{lab.dir}/hello.wat", "w", encoding="ascii") as sink:
        sink.write(HELLO)
    subprocess.run(["wat2wasm", "hello.wat", "-o", "hello.wasm"], cwd=lab.dir, check=True)
    subprocess.run([WASM, "build", "--key", key, "hello.wasm", "hello.fogwasm"], cwd=lab.dir,
                   check=True)
    return f"{lab.dir}/hello.fogwasm"


def bundle_build(lab, argv):
    """A container of the static probe, started so."""
    tree = f"{lab.dir}/tree"
    os.makedirs(f"{tree}/rootfs/work")
    subprocess.run(["cp", PROBE, f"{tree}/rootfs/probe"], check=True)
    for name in ("proc", "dev", "tmp", "input"):
        os.mkdir(f"{tree}/rootfs/{name}")
    with open(f"{tree}/config.json", "w", encoding="ascii") as sink:
        json.dump({"ociVersion": "1.0.2", "process": {"args": argv},
                   "root": {"path": "rootfs"}}, sink)
    subprocess.run(["tar", "-C", tree, "-cf", f"{lab.dir}/bundle.tar", "."], check=True)
    return f"{lab.dir}/bundle.tar"
