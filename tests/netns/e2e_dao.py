#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A proposal through its whole life on one control plane with a ledger of its own: what it changed
is what the host lives by. kill -9 in between; backup and restore. FOG_TEST_STORE says where the
store is."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

from lab import FOGCTL, ROOT, Failed, check, conserved, until

CONTROLPLANE = os.path.join(ROOT, "build", "controlplane", "fog-controlplane")
UFOG = 1000000


class Host:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="fog-dao-")
        self.env = dict(os.environ, FOG_SOCKET=f"{self.dir}/run/api.sock",
                        FOG_KEYS=f"{self.dir}/keys", FOG_WALLET=f"{self.dir}/wallet.json")
        self.process = None
        self.conf = f"{self.dir}/fog.conf"

    def configure(self, accounts):
        genesis = {"name": "dao test", "time_ms": int(time.time() * 1000), "treasury": 10 * UFOG,
                   "accounts": accounts,
                   "parameters": {"governance.delay_ms": 0, "governance.period_ms": 1000,
                                  "governance.timelock_ms": 300, "governance.extension_ms": 0,
                                  "ledger.unbonding_ms": 0}}
        with open(f"{self.dir}/genesis.json", "w", encoding="utf-8") as sink:
            json.dump(genesis, sink)
        with open(self.conf, "w", encoding="utf-8") as sink:
            sink.write(f"""host: {{ name = "dao"; run_dir = "{self.dir}/run";
                state_dir = "{self.dir}/state"; }};
                dataplane: {{ listen = "127.0.0.1:18811"; }};
                gateway: {{ listen = ""; }};
                control: {{ listen = "127.0.0.1:18812"; }};
                ledger: {{ chain = "solo"; genesis = "{self.dir}/genesis.json"; }};
                store: {{ url = "{os.environ.get('FOG_TEST_STORE', '')}"; }};""")

    def start(self):
        with open(f"{self.dir}/log", "ab") as log:
            self.process = subprocess.Popen([CONTROLPLANE, "--config", self.conf], stdout=log,
                                            stderr=log)
        until("the control plane answers", 10, lambda: self.call("ledger", "status")[0] == 0)

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(20)

    def call(self, *words):
        done = subprocess.run([FOGCTL, "--json"] + list(words), env=self.env, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        text = done.stdout.decode("utf-8", "replace")
        return done.returncode, json.loads(text) if text.strip().startswith("{") else text

    def do(self, *words):
        status, answer = self.call(*words)
        if status != 0:
            raise Failed(f"fogctl {' '.join(words)}: {answer}")
        return answer

    def refused(self, text, *words):
        status, answer = self.call(*words)
        check(status != 0 and text in json.dumps(answer), f"{words}: {answer}")

    def log(self):
        with open(f"{self.dir}/log", encoding="utf-8") as source:
            return source.read()


def test_life(host):
    keys = {name: host.do("account", "create", name)["account"] for name in ("ann", "ben", "cat")}
    host.configure([{"key": keys["ann"], "balance": 3000 * UFOG},
                    {"key": keys["ben"], "balance": 3000 * UFOG},
                    {"key": keys["cat"], "balance": 3000 * UFOG, "rank": "guardian"}])
    host.start()
    host.refused("fewer votes", "dao", "propose", "too early", "scheduler.queue_max=1",
                 "--account", "ann")
    for name in ("ann", "ben"):
        host.do("dao", "lock", "2000", "--account", name)
        host.do("dao", "delegate", name, "--account", name)
    host.refused("number from", "dao", "propose", "x", "scheduler.queue_max=0", "--account", "ann")
    host.do("dao", "propose", "one job at a time", "scheduler.queue_max=1",
            "--account", "ann")
    time.sleep(0.05)
    host.do("dao", "vote", "1", "for", "--account", "ann")
    host.refused("voted on this", "dao", "vote", "1", "against", "--account", "ann")
    host.refused("no votes", "dao", "vote", "1", "for", "--account", "cat")
    host.do("dao", "vote", "1", "for", "--account", "ben")
    check(host.do("dao", "show", "1")["for"] == 4000 * UFOG, "4000 fog voted for it")
    host.stop(signal.SIGKILL)  # what was answered is there again
    host.start()
    check(host.do("dao", "show", "1")["for"] == 4000 * UFOG, "votes are gone after kill -9")
    until("the vote is over", 10, lambda: host.do("dao", "show", "1")["state"] == "succeeded")
    host.do("dao", "queue", "1", "--account", "cat")
    host.refused("not in the state", "dao", "execute", "1", "--account", "cat")
    time.sleep(0.4)
    host.do("dao", "execute", "1", "--account", "cat")
    check(host.do("dao", "show", "1")["state"] == "executed", "it was executed")
    value = [p["value"] for p in host.do("dao", "parameters")["parameters"]
             if p["name"] == "scheduler.queue_max"]
    check(value == [1], f"the parameter is {value}")


def test_it_counts(host):
    """The engine refuses a second job: the vote is what this host lives by, after a restart too."""
    for _ in range(2):
        host.stop()
        host.start()
        first, _ = host.call("job", "submit", "--", "true")
        second, answer = host.call("job", "submit", "--", "true")
        check(second != 0, f"the queue takes more than the vote allows: {first} {answer}")
    check("parameter voted" in host.log(), "the log does not tell")


def test_cancel(host):
    host.refused("number from", "dao", "propose", "x", "quorum.profile=silver", "--account", "ann")
    host.do("dao", "propose", "no more", "quorum.profile=gold", "--account", "ann")
    motion = host.do("dao", "show", "2")["motions"][0]
    check(motion["parameter"] == "quorum.profile" and motion["value"] == 4, f"{motion}")
    host.refused("may not cancel", "dao", "cancel", "2", "--account", "ben")
    host.do("dao", "cancel", "2", "--account", "cat")
    check(host.do("dao", "show", "2")["state"] == "cancelled", "a guardian cancelled it")


def test_money(host):
    before = host.do("account", "show", "ben")
    check(before["proven"].startswith("yes"), "the proof does not hold")
    host.do("account", "transfer", "cat", "1.25", "--account", "ben")
    after = host.do("account", "show", "ben")
    check(before["balance"] - after["balance"] > 1250000, "the money did not move")
    host.refused("less than", "account", "transfer", "cat", "100000", "--account", "ben")
    check(host.do("ledger", "status")["conserved"], "money is missing")


def test_backup(host):
    host.do("store", "check")
    height = host.do("ledger", "status")["height"]
    host.do("store", "backup", f"{host.dir}/backup")
    host.do("account", "transfer", "cat", "1", "--account", "ben")
    host.refused("stop it first", "store", "restore", f"{host.dir}/backup", host.conf)
    host.stop()
    host.do("store", "restore", f"{host.dir}/backup", host.conf)
    host.start()
    check(host.do("ledger", "status")["height"] == height, "the backup is of another block")


def test_conserved(host):
    conserved("dao", host.do)


def main():
    host, passed, failed = Host(), 0, 0
    try:
        for test in (test_life, test_it_counts, test_cancel, test_money, test_backup,
                     test_conserved):
            try:
                test(host)
                passed += 1
                print(f"ok {test.__name__}")
            except Exception:  # pylint: disable=broad-except
                failed += 1
                traceback.print_exc()
                print(host.log()[-2000:] if os.path.exists(f"{host.dir}/log") else "")
    finally:
        if host.process is not None:
            host.process.kill()
            host.process.wait()
        shutil.rmtree(host.dir, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
