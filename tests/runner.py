#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Build Fog in every way we support and run every test; docs/TESTING.md explains the steps.

Each step yields results of named tests. The last line of the output is the sum over all of them,
"N passed, N failed", alone; the exit status is 0 exactly when nothing failed."""

import argparse
import concurrent.futures
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SUMMARY = re.compile(r"^(\d+) passed, (\d+) failed$")
NOT_TRIED = 77  # exit status, as Automake's and Meson's
OUTPUT_LINES_MAX = 80  # of a failed test; the rest is in its log
LOGS = os.path.join(ROOT, "build", "test-logs")
TIMEOUT_DEFAULT_S = 120  # at least: what ends a test that hangs, not one on a busy disk
BUILD_TIMEOUT_S = 900

ASAN_ENV = {
    "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
}
TSAN_ENV = {"TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1"}


@dataclass
class Test:
    """One program. Tests that are not parallel run alone, after the others."""

    name: str
    command: list
    timeout_s: float = TIMEOUT_DEFAULT_S
    env: dict = field(default_factory=dict)
    parallel: bool = True
    cwd: str = ROOT


@dataclass
class Result:
    name: str
    passed: int
    failed: int
    seconds: float
    output: str = ""


def say(text):
    print(text, flush=True)


def terminate(process):
    """End a test and all it started: each test leads its own process group."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            continue


def counts(output, status):
    """Tests passed and failed by one program: its last line, or one for the whole program."""
    lines = output.rstrip().splitlines()
    match = SUMMARY.match(lines[-1].strip()) if lines else None
    if match is None:
        return (1, 0) if status == 0 else (0, 1)
    passed, failed = int(match.group(1)), int(match.group(2))
    if status == NOT_TRIED and passed == 0 and failed == 0:
        return 0, 0  # it said what this machine lacks
    if status == 0 and passed == 0 and failed == 0:
        return 0, 1
    if status != 0 and failed == 0:
        failed = 1  # it died after its summary: a leak, a crash at exit
    return passed, failed


def run_test(test):
    started = time.monotonic()
    log = os.path.join(LOGS, re.sub(r"[^\w.-]+", "-", test.name) + ".log")
    timed_out = False
    with open(log, "wb") as sink:
        process = subprocess.Popen(
            test.command, cwd=test.cwd, env={**os.environ, **test.env}, stdin=subprocess.DEVNULL,
            stdout=sink, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            process.wait(timeout=test.timeout_s)
        except subprocess.TimeoutExpired:
            timed_out = True
        finally:
            terminate(process)
            process.wait()
    with open(log, "rb") as source:
        output = source.read().decode("utf-8", "replace")
    if timed_out:
        output += f"\n{test.name}: still running after {test.timeout_s:.0f} s, killed\n"
        passed, failed = 0, 1
    else:
        passed, failed = counts(output, process.returncode)
        if process.returncode < 0:
            output += f"\n{test.name}: died of {signal.Signals(-process.returncode).name}\n"
    return Result(test.name, passed, failed, time.monotonic() - started, output)


def report(result):
    word = "ok  " if result.failed == 0 else "FAIL"
    say(f"  {word} {result.name:<58} {result.passed:>4} passed {result.seconds:7.1f} s"
        + (f", {result.failed} failed" if result.failed else ""))
    if result.failed:
        lines = result.output.rstrip().splitlines()
        for line in lines[-OUTPUT_LINES_MAX:]:
            say(f"       | {line}")


def run_tests(tests, jobs):
    """Run the parallel ones on `jobs` threads, the others after them one by one."""
    results = []
    with concurrent.futures.ThreadPoolExecutor(max_workers=jobs) as pool:
        for future in concurrent.futures.as_completed(
                [pool.submit(run_test, t) for t in tests if t.parallel]):
            results.append(future.result())
            report(results[-1])
    for test in tests:
        if not test.parallel:
            results.append(run_test(test))
            report(results[-1])
    return results


class Build:
    """One meson build folder."""

    def __init__(self, folder, setup, env=None):
        self.folder = folder
        self.path = os.path.join(ROOT, folder)
        self.setup = setup
        self.env = env or {}

    def configure(self):
        """Set up, or bring up to date what meson knows of the tests."""
        stamp = os.path.join(self.path, "fog-options")
        wanted = " ".join(self.setup)
        if os.path.exists(os.path.join(self.path, "build.ninja")):
            with contextlib.suppress(OSError), open(stamp, encoding="utf-8") as source:
                if source.read() == wanted:
                    return self.call(["ninja", "--quiet", "-C", self.folder, "build.ninja"])
            done = self.call(["meson", "configure", self.folder] + self.setup)
        else:
            done = self.call(["meson", "setup", self.folder] + self.setup)
        if done.returncode == 0:
            with open(stamp, "w", encoding="utf-8") as sink:
                sink.write(wanted)
        return done

    def call(self, command):
        return subprocess.run(command, cwd=ROOT, env={**os.environ, **self.env},
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=BUILD_TIMEOUT_S, text=True,
                              errors="replace", check=False)

    def introspect(self, what):
        text = subprocess.run(["meson", "introspect", what, self.folder], cwd=ROOT,
                              stdout=subprocess.PIPE, check=True, text=True).stdout
        return json.loads(text)

    def tests(self):
        return self.introspect("--tests")

    def make(self, targets):
        """Configure and build. Returns a result only when that failed: a broken build is a
        failed test, a good one is no test at all."""
        started = time.monotonic()
        done = self.configure()
        if done.returncode == 0:
            wanted = targets(self.tests()) if targets else ["all"]
            if wanted:
                done = self.call(["ninja", "--quiet", "-C", self.folder] + wanted)
        seconds = time.monotonic() - started
        if done.returncode == 0:
            say(f"  ok   {'build of ' + self.folder:<58}             {seconds:7.1f} s")
            return []
        start = done.stdout.find("FAILED:")  # before it meson may have talked
        result = Result(f"build of {self.folder}", 0, 1, seconds, done.stdout[max(start, 0):])
        report(result)
        return [result]


def program_targets(build, tests):
    """Ninja targets of the programs of these tests, and all they need at run time."""
    files = {target["id"]: target["filename"] for target in build.introspect("--targets")}
    wanted = set()
    for test in tests:
        paths = [os.path.join(build.path, word) for word in test["cmd"]]
        paths += [path for target in test["depends"] for path in files.get(target, [])]
        wanted |= {os.path.relpath(path, build.path) for path in paths
                   if path.startswith(build.path + os.sep)}
    built = {os.path.relpath(path, build.path) for paths in files.values() for path in paths}
    return sorted(wanted & built)


def meson_tests(build, options, chosen, env, slow_factor):
    tests = []
    for entry in build.tests():
        name = f"{build.folder}: {entry['name']}"
        if not chosen(entry) or options.match not in name:
            continue
        timeout_s = max(entry["timeout"], TIMEOUT_DEFAULT_S) * slow_factor
        tests.append(Test(name, entry["cmd"], timeout_s,
                          {**entry["env"], **env}, entry.get("is_parallel", True),
                          entry["workdir"] or build.path))
    return tests


def suites(entry):
    return {name.rpartition(":")[2] for name in entry["suite"]}


def run_build(build, options, chosen=lambda entry: True, env=None, slow_factor=1, whole=False):
    def targets(tests):
        return program_targets(build, [entry for entry in tests if chosen(entry)])

    results = build.make(None if whole else targets)
    if results:
        return results
    tests = meson_tests(build, options, chosen, env or {}, slow_factor)
    return run_tests(tests, options.jobs)


def step_lint(options):
    folder = os.path.join(ROOT, "tests", "lint")
    scripts = sorted(name for name in os.listdir(folder)
                     if name.endswith(".py") and name != "common.py")
    tests = []
    for script in scripts:
        command = [sys.executable, os.path.join(folder, script)]
        tests.append(Test(f"lint: {script[:-3]}", command))
        tests.append(Test(f"lint: {script[:-3]} finds what is wrong", command + ["--self-test"]))
    return run_tests([t for t in tests if options.match in t.name], options.jobs)


def step_gcc(options):
    return run_build(Build("build", ["-Dbuildtype=debugoptimized"]), options, whole=True)


def step_clang(options):
    build = Build("build-clang", ["-Dwerror=true", "-Dbuildtype=debugoptimized"], {"CC": "clang"})
    return run_build(build, options, chosen=lambda e: not suites(e) & {"slow", "shm", "sim"},
                     whole=True)


def step_asan(options):
    # Sanitizers' own code paths make GCC warn of what cannot be; the other builds have -Werror.
    build = Build("build-asan", ["-Db_sanitize=address,undefined", "-Db_lundef=false",
                                 "-Dwerror=false"])
    return run_build(build, options, chosen=lambda e: not suites(e) & {"netns", "nosan"},
                     env=ASAN_ENV, slow_factor=4)


def without_randomisation(test):
    """The ThreadSanitizer of GCC 12 wants its shadow at fixed addresses; kernels with more bits of
    address randomisation than it knows break it."""
    command = ["setarch", os.uname().machine, "-R"]
    if shutil.which("setarch") and subprocess.run(
            command + ["true"], stderr=subprocess.DEVNULL, check=False).returncode == 0:
        test.command = command + test.command
    return test


def step_tsan(options):
    build = Build("build-tsan", ["-Db_sanitize=thread", "-Db_lundef=false", "-Dwerror=false"])

    def chosen(entry):
        return bool(suites(entry) & {"shm", "threaded"})

    def targets(tests):
        return program_targets(build, [entry for entry in tests if chosen(entry)])

    results = build.make(targets)
    if results:
        return results
    tests = meson_tests(build, options, chosen, TSAN_ENV, 10)
    return run_tests([without_randomisation(test) for test in tests], options.jobs)


def step_netns(options):
    """End to end on a real lab. One after the other: each lab wants the whole machine."""
    results = Build("build", ["-Dbuildtype=debugoptimized"]).make(None)
    if results:
        return results
    folder = os.path.join(ROOT, "tests", "netns")
    tests = []
    for script in sorted(os.listdir(folder)):
        if script.startswith("e2e_") and script.endswith(".py"):
            tests.append(Test(f"netns: {script[:-3]}",
                              [sys.executable, os.path.join(folder, script)],
                              timeout_s=300, parallel=False))
    return run_tests([t for t in tests if options.match in t.name], 1)


STEPS = {
    "lint": step_lint,
    "gcc": step_gcc,
    "netns": step_netns,
    "asan": step_asan,
    "tsan": step_tsan,
    "clang": step_clang,
}


def parse_options():
    parser = argparse.ArgumentParser(prog="tests/run", description=__doc__.splitlines()[0])
    parser.add_argument("--match", default="", metavar="TEXT",
                        help="only tests whose name contains TEXT")
    parser.add_argument("--only", default=",".join(STEPS), metavar="STEP,..",
                        help="steps to run, of: " + ", ".join(STEPS))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1,
                        help="tests at once (default: processors)")
    options = parser.parse_args()
    options.only = options.only.split(",")
    unknown = [step for step in options.only if step not in STEPS]
    if unknown:
        parser.error(f"no step named {', '.join(unknown)}")
    return options


def main():
    options = parse_options()
    os.makedirs(LOGS, exist_ok=True)
    started = time.monotonic()
    results = []
    for step in options.only:
        say(f"{step}:")
        try:
            results += STEPS[step](options)
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            results.append(Result(f"step {step}", 0, 1, 0, str(error)))
            report(results[-1])
    passed = sum(result.passed for result in results)
    failed = sum(result.failed for result in results)
    if passed + failed == 0:
        results.append(Result(f"no test matches '{options.match}'", 0, 1, 0))
        report(results[-1])
        failed = 1
    bad = [result.name for result in results if result.failed]
    if bad:
        say("failed: " + "; ".join(bad))
    say(f"{time.monotonic() - started:.0f} s; logs in {os.path.relpath(LOGS, ROOT)}")
    say(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
