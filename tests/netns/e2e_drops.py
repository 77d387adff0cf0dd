#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Hostile datagrams at a data plane's port: each is dropped under its own reason, nothing crashes,
and the links and jobs of honest hosts do not notice."""

import os
import subprocess
import sys

from lab import check, main, ROOT, until

COUNT = 40
TARGET = "birch"
NEIGHBOUR = "ash"
INJECT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "inject.py")
MIX_INJECT = os.path.join(ROOT, "build", "tests", "netns", "mix_inject")
# What a mix is given, and where it must be counted: at whom, under which reason.
MIX_KINDS = (("replayed", TARGET, "mix_replay"), ("header", TARGET, "mix_auth"),
             ("tag", TARGET, "mix_tag"), ("payload", TARGET, "mix_tag"),
             ("version", TARGET, "mix_format"), ("point", TARGET, "mix_point"),
             ("epoch", TARGET, "mix_epoch"), ("cut-header", TARGET, "mix_auth"),
             ("cut-payload", TARGET, "mix_tag"), ("cut-slot", NEIGHBOUR, "edge_format"))


def drops(lab, reason, host=TARGET):
    found = [value for name, value in lab.metrics(host).items()
             if "drop" in name and f'"{reason}"' in name]
    check(found, f"no counter for drops by reason {reason}")
    return sum(found)


def inject(lab, kind, reasons, netns=None, share=0.9):
    """Send COUNT datagrams; at least `share` of them must be counted under one of the reasons."""
    target = lab.host(TARGET)
    before = {reason: drops(lab, reason) for reason in reasons}
    restarts = lab.process(TARGET, "dataplane")["restarts"]
    command = [sys.executable, INJECT, kind, str(COUNT), target["address"],
               str(target["link_port"])]
    done = subprocess.run(lab.inside(netns, command), stderr=subprocess.PIPE, check=False,
                          timeout=60)
    check(done.returncode == 0, done.stderr.decode())
    until(f"{COUNT} {kind} datagrams are counted under {' or '.join(reasons)}", 10,
          lambda: sum(drops(lab, r) - before[r] for r in reasons) >= COUNT * share)
    check(lab.process(TARGET, "dataplane")["restarts"] == restarts, "the data plane crashed")


def stranger(lab):
    return lab.state["www"]["netns"] if lab.state["www"] else None


def test_forged(lab):
    for kind, reasons in (("short", ["length"]), ("long", ["length"]), ("oversized", ["length"]),
                          ("type", ["type"]), ("reserved", ["type"]), ("session", ["no_session"]),
                          ("handshake", ["handshake_auth", "handshake_rate", "handshake_full"])):
        inject(lab, kind, reasons, stranger(lab))


def test_empty_is_harmless(lab):
    before = lab.process(TARGET, "dataplane")["restarts"]
    target = lab.host(TARGET)
    subprocess.run(lab.inside(stranger(lab), [sys.executable, INJECT, "empty", str(COUNT),
                                              target["address"], str(target["link_port"])]),
                   check=True, timeout=60)
    check(lab.process(TARGET, "dataplane")["restarts"] == before, "the data plane crashed")
    check(lab.fogctl("status", host=TARGET), "no status")


def test_altered_on_the_wire(lab):
    if not lab.netns:
        print("    only with namespaces: there is no wire to listen on")
        return
    neighbour = lab.host(NEIGHBOUR)["netns"]
    for kind, reason in (("flipped", "link_auth"), ("replayed", "link_replay"),
                         ("truncated", "length")):
        inject(lab, kind, [reason], neighbour)


def mix_inject(lab, kind):
    """Mix packets for the target, by a neighbour whose edge is hostile."""
    def look():
        epoch = lab.fogctl("message", "list", host=NEIGHBOUR)["mixnet"]["epoch"]
        host = lab.fogctl("host", "show", TARGET, host=NEIGHBOUR)
        keys = [k["pk"] for k in host.get("mix", {}).get("keys", []) if k["epoch"] == epoch]
        return [host["node_id"], keys[0], str(epoch)] if keys else None

    target = until("the mixnet is known", 30, look)
    socket = os.path.join(lab.host(NEIGHBOUR)["run_dir"], "dataplane.sock")
    done = subprocess.run([MIX_INJECT, kind, str(COUNT), socket] + target,
                          stderr=subprocess.PIPE, check=False, timeout=60)
    check(done.returncode == 0, done.stderr.decode())


def test_mix_packets(lab):
    for kind, host, reason in MIX_KINDS:
        before = drops(lab, reason, host)
        mix_inject(lab, kind)
        # Of the same packet again and again the first one is good.
        until(f"{COUNT} {kind} mix packets are counted under {reason}", 30,
              lambda: drops(lab, reason, host) - before >= COUNT - 1)
    before = lab.fogctl("message", "list", host=TARGET)["counts"]["malformed"]
    mix_inject(lab, "unknown")
    until("messages of an unknown kind are counted", 30, lambda: lab.fogctl(
        "message", "list", host=TARGET)["counts"]["malformed"] - before >= COUNT)
    lab.fogctl("message", "send", TARGET, "still here", "--wait", "--timeout", "60s",
               host=NEIGHBOUR)
    got = lab.fogctl("message", "receive", "--wait", "--timeout", "30s", host=TARGET)
    check([m["text"] for m in got] == ["still here"], f"{got}")


def test_honest_hosts_do_not_notice(lab):
    rows = lab.fogctl("link", "list", host=TARGET)["links"]
    check(all(row["state"] == "up" for row in rows), f"links are down: {rows}")
    job = lab.wait(lab.submit(["true"], host=NEIGHBOUR, target=TARGET), NEIGHBOUR)
    check(job["state"] == "succeeded", str(job))


if __name__ == "__main__":
    main([test_forged, test_empty_is_harmless, test_altered_on_the_wire,
          test_mix_packets, test_honest_hosts_do_not_notice], hosts=5)
