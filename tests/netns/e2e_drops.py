#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Hostile datagrams at a data plane's port: each is dropped under its own reason, nothing crashes,
and the links and jobs of honest hosts do not notice."""

import os
import subprocess
import sys

from lab import check, main, until

COUNT = 40
TARGET = "birch"
NEIGHBOUR = "ash"
INJECT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "inject.py")


def drops(lab, reason):
    found = [value for name, value in lab.metrics(TARGET).items()
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


def test_honest_hosts_do_not_notice(lab):
    rows = lab.fogctl("link", "list", host=TARGET)["links"]
    check(all(row["state"] == "up" for row in rows), f"links are down: {rows}")
    job = lab.wait(lab.submit(["true"], host=NEIGHBOUR, target=TARGET), NEIGHBOUR)
    check(job["state"] == "succeeded", str(job))


if __name__ == "__main__":
    main([test_forged, test_empty_is_harmless, test_altered_on_the_wire,
          test_honest_hosts_do_not_notice], hosts=5)
