# SPDX-License-Identifier: BSD-3-Clause
"""A lab for end-to-end tests: fogctl brings it up in a folder of its own under /tmp, tests talk to
it through fogctl --json, and it goes down however the test ends.

	def test_something(lab):
		job = lab.submit(["true"])
		check(lab.wait(job)["state"] == "succeeded", "it should succeed")

	if __name__ == "__main__":
		main([test_something], hosts=5)

Each test is a function of the lab; after the last one no money may be missing on any host. The last
line printed is "N passed, N failed"."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOGCTL = os.path.join(ROOT, "build", "controlplane", "cli", "fogctl")
CALL_TIMEOUT_S = 120
LOG_LINES_SHOWN = 12


class Failed(Exception):
    """A check did not hold."""


def check(condition, text):
    if not condition:
        raise Failed(text)


def until(what, seconds, predicate, interval_s=0.2):
    """The first true value of predicate(); Failed when it stays false for so long."""
    deadline = time.monotonic() + seconds
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise Failed(f"not within {seconds} s: {what}")
        time.sleep(interval_s)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def conserved(name, fogctl):
    """No money of this host is missing or too much: its own book, and the chain as it knows it."""
    book = sum(row["balance"] for row in fogctl("account", "list")["accounts"])
    check(book == 0, f"the book of {name} sums up to {book}, not to nothing")
    check(fogctl("ledger", "status")["conserved"], f"the shared ledger of {name} misses money")


class Lab:
    def __init__(self, hosts=7, mode="auto", io="auto", genesis=None):
        self.hosts_count = hosts
        self.genesis = genesis or {}
        self.wanted_mode = mode
        self.wanted_io = io
        self.dir = tempfile.mkdtemp(prefix="fog-e2e-")
        os.rmdir(self.dir)
        self.state = None
        self.children = []

    # ---- life ----------------------------------------------------------------------------

    def up(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as source:
            json.dump(self.genesis, source)
            source.flush()
            self.fogctl("lab", "up", "--hosts", str(self.hosts_count), "--mode", self.wanted_mode,
                    "--io", self.wanted_io, "--genesis", source.name)
        self.reload()

    def down(self):
        for child in self.children:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        self.children = []
        if os.path.exists(os.path.join(self.dir, "plan.json")):
            self.call("lab", "down")
        shutil.rmtree(self.dir, ignore_errors=True)

    def reload(self):
        with open(os.path.join(self.dir, "lab.json"), encoding="utf-8") as source:
            self.state = json.load(source)
        return self.state

    @property
    def netns(self):
        return self.state["mode"] == "netns"

    @property
    def names(self):
        return [host["name"] for host in self.state["hosts"]]

    def host(self, name):
        return next(host for host in self.reload()["hosts"] if host["name"] == name)

    def process(self, name, process):
        return next(p for p in self.host(name)["processes"] if p["name"] == process)

    # ---- fogctl --------------------------------------------------------------------------

    def call(self, *words, host=None, timeout=CALL_TIMEOUT_S):
        """(exit status, standard output, standard error) of fogctl on this lab."""
        command = [FOGCTL, "--lab", self.dir] + (["--host", host] if host else [])
        done = subprocess.run(command + list(words), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout,
                              check=False)
        return done.returncode, done.stdout, done.stderr

    def fogctl(self, *words, host=None, timeout=CALL_TIMEOUT_S):
        """Answer of fogctl --json; Failed when it failed."""
        status, out, err = self.call("--json", *words, host=host, timeout=timeout)
        text = out.decode("utf-8", "replace")
        if status != 0:
            raise Failed(f"fogctl {' '.join(words)} on {host}: {text.strip()} "
                         f"{err.decode('utf-8', 'replace').strip()}")
        return json.loads(text) if text.strip() else None

    def kill(self, host, process, signal_name="KILL"):
        self.fogctl("lab", "kill", host, "--process", process, "--signal", signal_name)

    def kill_and_wait(self, host, process):
        """kill -9; returns when the supervisor has started it again."""
        before = self.process(host, process)["restarts"]
        self.kill(host, process)
        until(f"{process} of {host} runs again", 15,
              lambda: (p := self.process(host, process))["restarts"] > before
              and p["state"] == "running")

    # ---- jobs, accounts, counters ---------------------------------------------------------

    def submit(self, argv, host=None, **options):
        words = ["job", "submit"]
        for key, value in options.items():
            words += [f"--{key}", str(value)]
        return self.fogctl(*words, "--", *argv, host=host)["id"]

    def job(self, job, host=None):
        return self.fogctl("job", "show", job, host=host)

    def wait(self, job, host=None, seconds=90):
        """The job when it has ended, well or not. Outlives a control plane that restarts."""
        def ended():
            try:
                answer = self.job(job, host)
            except Failed:
                return None
            return answer if answer["state"] in ("succeeded", "failed", "cancelled") else None
        return until(f"job {job} ends", seconds, ended)

    def output(self, job, host=None):
        status, out, err = self.call("job", "logs", job, host=host)
        check(status == 0, f"job logs: {err.decode()}")
        return out

    def accounts(self, host):
        rows = self.fogctl("account", "list", host=host)["accounts"]
        return {row["name"]: row["balance"] for row in rows}

    def conserved(self):
        """conserved() of every host whose control plane runs, in a moment when it answers."""
        def holds(name):
            try:
                conserved(name, lambda *words: self.fogctl(*words, host=name, timeout=20))
                return None
            except (Failed, subprocess.TimeoutExpired) as error:
                return error

        checked = 0
        for name in self.names:
            if self.process(name, "controlplane")["state"] != "running":
                continue
            wrong = holds(name)
            if wrong and "sums up" not in str(wrong) and "misses" not in str(wrong):
                time.sleep(5)  # it is on its way up again
                wrong = holds(name)
            check(wrong is None, f"money: {wrong}")
            checked += 1
        check(checked != 0, "money: no host is left to ask")

    def metrics(self, host):
        """{line without its value: value} of the Prometheus text."""
        status, out, err = self.call("metrics", host=host)
        check(status == 0, f"metrics of {host}: {err.decode()}")
        values = {}
        for line in out.decode().splitlines():
            name, _, value = line.rpartition(" ")
            if name and not line.startswith("#"):
                values[name] = float(value)
        return values

    def ids(self, host=None):
        """{node id: name} as one host knows them."""
        rows = self.fogctl("host", "list", host=host)["hosts"]
        return {row["node_id"]: row["name"] for row in rows}

    # ---- programs inside ------------------------------------------------------------------

    def inside(self, netns, argv):
        return ["ip", "netns", "exec", netns] + argv if self.netns and netns else argv

    def start(self, netns, argv, **options):
        """Start a program that down() ends."""
        child = subprocess.Popen(self.inside(netns, argv), stdin=subprocess.DEVNULL,
                                 start_new_session=True, **options)
        self.children.append(child)
        return child

    # ---- when something is wrong ----------------------------------------------------------

    def logs_show(self):
        for base, _, names in sorted(os.walk(self.dir)):
            for name in sorted(names):
                if not name.endswith(".log"):
                    continue
                with open(os.path.join(base, name), encoding="utf-8", errors="replace") as source:
                    lines = source.read().splitlines()[-LOG_LINES_SHOWN:]
                if lines:
                    print(f"---- {os.path.join(base, name)}")
                    print("\n".join(lines))


def interrupt(number, frame):
    raise KeyboardInterrupt


def main(tests, **options):
    """Run the tests on one lab, print what happened, exit."""
    signal.signal(signal.SIGTERM, interrupt)
    only = os.environ.get("FOG_TEST_ONLY")
    lab = Lab(**options)
    passed = 0
    failures = []
    try:
        started = time.monotonic()
        lab.up()
        print(f"lab in {lab.dir}, {lab.state['mode']}, {time.monotonic() - started:.1f} s",
              flush=True)
        for test in tests:
            if only and test.__name__ != only:
                continue
            started = time.monotonic()
            try:
                test(lab)
                passed += 1
                print(f"  {test.__name__}: passed, {time.monotonic() - started:.1f} s", flush=True)
            except Exception as error:  # a broken test must not keep the others from running
                failures.append(f"{test.__name__}: FAILED: {error}")
                print(f"  {failures[-1]}", flush=True)
                if not isinstance(error, Failed):
                    traceback.print_exc(file=sys.stdout)
        lab.conserved()
    except (Failed, OSError, subprocess.SubprocessError) as error:
        failures.append(f"the lab: {error}")
    except KeyboardInterrupt:
        failures.append("interrupted")
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if failures:
            lab.logs_show()
        lab.down()
    print("\n".join(failures))
    print(f"{passed} passed, {len(failures)} failed")
    sys.exit(1 if failures else 0)
