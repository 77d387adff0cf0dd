#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What `make run ONCE=1` runs: as the user of this test, and as an unprivileged one."""

import os
import shutil
import subprocess
import sys
import tempfile

from lab import FOGCTL, ROOT, Failed, check

NOBODY = 65534
PROGRAMS = ("controlplane/cli/fogctl", "controlplane/fog-controlplane",
            "controlplane/executor/fog-exec", "dataplane/fog-dataplane", "dataplane/edge/fog-edge")
STEPS = ("hosts are up", "submitted", "circuit", "accepted", "sandbox", "hello from inside the fog",
         "Ed25519 verified here", "paid", "reputation")


def run(command, folder):
    done = subprocess.run(command + ["--lab", folder], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=200, check=False)
    check(done.returncode == 0, f"exit status {done.returncode}:\n{done.stdout}")
    for step in STEPS:
        check(step in done.stdout, f"the account lacks '{step}':\n{done.stdout}")


def test_as_we_are(folder):
    run([FOGCTL, "lab", "run", "--once"], os.path.join(folder, "a"))


def test_unprivileged(folder):
    """Copies of the programs, because the build folder may be out of that user's reach."""
    if os.geteuid() != 0:
        return
    for program in PROGRAMS:
        shutil.copy(os.path.join(ROOT, "build", program), folder)
    os.mkdir(os.path.join(folder, "home"))
    os.chown(os.path.join(folder, "home"), NOBODY, NOBODY)
    run(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
         os.path.join(folder, "fogctl"), "lab", "run", "--once"],
        os.path.join(folder, "home", "b"))


def test_failure_is_told(folder):
    """Without its programs the lab says what is missing, and the exit status says so, too."""
    alone = os.path.join(folder, "alone")
    os.mkdir(alone)
    shutil.copy(FOGCTL, alone)
    done = subprocess.run([os.path.join(alone, "fogctl"), "lab", "run", "--once", "--lab",
                           os.path.join(folder, "c")], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
                          check=False)
    check(done.returncode == 1, f"exit status {done.returncode}")
    check("fog-dataplane is not beside fogctl" in done.stdout, done.stdout)


def main():
    passed, failures = 0, []
    folder = tempfile.mkdtemp(prefix="fog-run-")
    os.chmod(folder, 0o755)
    try:
        for test in (test_as_we_are, test_unprivileged, test_failure_is_told):
            try:
                test(folder)
                passed += 1
                print(f"  {test.__name__}: passed", flush=True)
            except (Failed, OSError, subprocess.SubprocessError) as error:
                failures.append(f"{test.__name__}: FAILED: {error}")
                print(f"  {failures[-1]}", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{passed} passed, {len(failures)} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
