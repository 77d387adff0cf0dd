#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Seven validators agree on the ledger while processes are killed, stopped and cut off: nothing
that was acknowledged is lost, nothing is acknowledged without a quorum, and all end with one
ledger."""

import contextlib
import json
import os
import subprocess
import threading
import time

from lab import FOGCTL, Failed, check, main, until

COMMITTEE = 7
JOINER = "host8"  # follows at first, joins in the end
CLIENTS = ["ash", "birch", "cedar"]  # never killed: their clients wait for answers
VICTIMS = ["holly", "larch"]         # two of seven: less than a third


def key(number):
    return f"{number:064x}"


class Clients:
    """Transfers to ever new accounts; remembers what was acknowledged."""

    def __init__(self, lab, hosts, first):
        self.lab, self.hosts = lab, hosts
        self.acknowledged, self.longest = {}, 0.0
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(host, first + 100000 * i))
                        for i, host in enumerate(hosts)]

    def run(self, host, number):
        while not self.stop.is_set():
            started = time.monotonic()
            status, _, _ = self.lab.call("account", "transfer", key(number), "0.001",
                                         "--account", "host", host=host)
            if status == 0:
                self.acknowledged[number] = host
                self.longest = max(self.longest, time.monotonic() - started)
            number += 1

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()


def quorum(lab, host):
    return lab.fogctl("quorum", "status", host=host)


def caught_up(lab, hosts):
    """All hosts answer and are at most two blocks apart."""
    try:
        heights = [quorum(lab, host)["executed"] for host in hosts]
    except Failed:
        return False
    return max(heights) - min(heights) <= 2


def agreeing(lab):
    try:
        return all(quorum(lab, host)["quorum"] for host in lab.names)
    except Failed:
        return False


def nothing_lost(lab, clients, hosts):
    until("all hosts are at one height", 60, lambda: caught_up(lab, hosts))
    check(len(clients.acknowledged) > 0, "no transfer was acknowledged at all")
    sample = sorted(clients.acknowledged)
    for host in hosts:
        for number in sample[:: max(1, len(sample) // 4)] + sample[-1:]:
            answer = lab.fogctl("account", "show", key(number), host=host)
            check(answer["balance"] == 1000,
                  f"{host} does not have the acknowledged transfer {number}")
        check(lab.fogctl("ledger", "status", host=host)["conserved"], f"{host}: money is missing")
    chains = {quorum(lab, host)["chain"] for host in hosts}
    check(len(chains) == 1, "the hosts are on different chains")
    print(f"    {len(sample)} acknowledged, the slowest after {clients.longest:.2f} s", flush=True)


def test_agreement(lab):
    until("everybody hears everybody", 30,
          lambda: all(v["heard"] for v in quorum(lab, "ash")["validators"]))
    state = quorum(lab, "ash")
    check(state["quorum"] and len(state["validators"]) == COMMITTEE, str(state))
    with Clients(lab, CLIENTS, 1000000) as clients:
        time.sleep(2)
    nothing_lost(lab, clients, lab.names)
    lab.fogctl("quorum", "verify-proof", key(sorted(clients.acknowledged)[0]), host="elm")


def test_kill(lab):
    with Clients(lab, CLIENTS, 2000000) as clients:
        for _ in range(2):
            for victim in VICTIMS:
                lab.kill(victim, "controlplane")
            time.sleep(1.5)
    nothing_lost(lab, clients, lab.names)
    check(clients.longest < 10, f"a transfer took {clients.longest:.1f} s")


def test_draws(lab):
    """The first block of an epoch is everybody's beacon, and bonds count in draws."""
    def agreed():
        states = [lab.fogctl("vrf", "status", host=host) for host in lab.names]
        return (all(s["beacon_source"] == "quorum" for s in states)
                and len({(s["epoch"], s["beacon"]) for s in states}) == 1)
    until("all draw from one beacon of the quorum", 120, agreed)

    def drawn():
        try:
            draw = lab.fogctl("vrf", "draw", "committee", host="ash")
        except Failed:  # no lot of this beacon was checked yet
            return None
        return draw if draw["beacon_source"] == "quorum" else None
    draw = until("lots of the quorum's beacon are known", 420, drawn)
    check(draw["beacon_source"] == "quorum", f"{draw}")
    check(draw["weight"] > 50000, "the bond of a validator does not count in its draw")


def test_everybody_killed(lab):
    """All at once: what was acknowledged is on disks, not only in memories."""
    with Clients(lab, CLIENTS, 3000000) as clients:
        time.sleep(1)
        for name in lab.names:
            lab.kill(name, "controlplane")
        until("a quorum again", 60, lambda: agreeing(lab))
        time.sleep(1)
    nothing_lost(lab, clients, lab.names)


def test_pause(lab):
    pid = lab.process("larch", "controlplane")["pid"]
    with Clients(lab, CLIENTS, 4000000) as clients:
        os.kill(pid, 19)
        time.sleep(3)
        os.kill(pid, 18)
        time.sleep(1)
    nothing_lost(lab, clients, lab.names)
    check(clients.longest < 5, f"a transfer took {clients.longest:.1f} s")


@contextlib.contextmanager
def cut_off(lab, hosts):
    spaces = [lab.host(name)["netns"] for name in hosts]
    for space in spaces:
        subprocess.run(["ip", "-n", space, "link", "set", "eth0", "down"], check=True)
    try:
        yield
    finally:
        for space in spaces:
            subprocess.run(["ip", "-n", space, "link", "set", "eth0", "up"], check=True)


def test_minority_cut_off(lab):
    if not lab.netns:
        return
    with Clients(lab, CLIENTS, 5000000) as clients, cut_off(lab, VICTIMS):
        time.sleep(3)
        check(not quorum(lab, "larch")["quorum"], "one of two alone believes in a quorum")
    nothing_lost(lab, clients, lab.names)


def consensus(lab, host, seconds):
    """(answer, seconds it took) of one proposal put before the quorum."""
    started = time.monotonic()
    body = json.dumps({"proposal": {"n": started}, "timeout_seconds": seconds})
    out = subprocess.run(["curl", "-sS", "--max-time", "60", "--unix-socket",
                          lab.host(host)["api"], "-H", "Content-Type: application/json",
                          "-d", body, "http://fog/v1/fog/quorum/consensus"],
                         stdout=subprocess.PIPE, check=True).stdout
    return json.loads(out)["data"], time.monotonic() - started


def test_no_quorum(lab):
    """Four of seven are no quorum: nothing may be acknowledged, and it is said why."""
    if not lab.netns:
        return
    with cut_off(lab, ["fir"] + VICTIMS):
        until("the loss is noticed", 20, lambda: not quorum(lab, "ash")["quorum"])
        before = quorum(lab, "ash")["height"]
        check("weight" in quorum(lab, "ash")["why"], str(quorum(lab, "ash")["why"]))
        waiting = subprocess.Popen([FOGCTL, "--lab", lab.dir, "--host", "ash", "account",
                                    "transfer", key(6000000), "0.001", "--account", "host"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(2)
        check(waiting.poll() is None, "a transfer was answered without a quorum")
        answer, took = consensus(lab, "birch", 1)
        check(not answer["consensus_reached"], "consensus without a quorum")
        check(took < 10, f"timeout_seconds 1 took {took:.1f} s")
        check(quorum(lab, "ash")["height"] <= before + 1, "blocks became final without a quorum")
    check(waiting.wait(60) == 0, "the transfer was not made when the quorum was back")
    answer, _ = consensus(lab, "birch", 30)
    check(answer["consensus_reached"], f"no consensus with a quorum: {answer['reason']}")
    until("all hosts are at one height", 60, lambda: caught_up(lab, lab.names))


def members(lab, host):
    return {v["node_id"] for v in quorum(lab, host)["validators"]}


def test_join_and_leave(lab):
    """A follower registers and bonds; the next epoch takes it in, and another one lets it go."""
    check(quorum(lab, JOINER)["role"] == "follower", "it votes already")
    status, _, err = lab.call("quorum", "join", "0.5", host=JOINER)
    check(status == 1 and b"at least" in err, f"a bond too small: {err}")
    lab.fogctl("quorum", "join", "1000", "--commission", "5", host=JOINER)
    until("the joiner votes", 60, lambda: quorum(lab, JOINER)["role"] == "validator")
    node = lab.fogctl("account", "show", "host", host=JOINER)["account"]
    until("all know it", 30, lambda: all(node in members(lab, name) for name in lab.names))
    until("all hear it", 30,
          lambda: all(v["heard"] for v in quorum(lab, "ash")["validators"]))
    state = quorum(lab, "ash")
    check(len(state["validators"]) == COMMITTEE + 1 and state["quorum"], str(state))
    entry = next(v for v in state["validators"] if v["node_id"] == node)
    check(entry["country"] != "" and entry["operator"] != "", f"no attributes: {entry}")
    with Clients(lab, CLIENTS, 7000000) as clients:
        for victim in VICTIMS:  # two of eight
            lab.kill(victim, "controlplane")
        time.sleep(1)
    nothing_lost(lab, clients, lab.names)
    shown = lab.fogctl("account", "show", "host", "--verify", host=JOINER)
    check(shown["proven"].startswith("yes, by a quorum"), str(shown))
    lab.fogctl("quorum", "leave", host=JOINER)
    until("it follows again", 60, lambda: quorum(lab, JOINER)["role"] == "follower")
    until("all let it go", 30, lambda: all(node not in members(lab, n) for n in lab.names))
    status, _, err = lab.call("account", "show", "host", "--genesis", "/etc/hostname", host=JOINER)
    check(status == 1, f"verified from no genesis: {err}")


if __name__ == "__main__":
    main([test_agreement, test_kill, test_draws, test_everybody_killed, test_pause,
          test_minority_cut_off, test_no_quorum, test_join_and_leave], hosts=COMMITTEE + 1,
         genesis={"epoch_ms": 10000})
