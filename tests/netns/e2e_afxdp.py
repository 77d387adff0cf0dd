#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A fog whose data planes run over AF_XDP behind the XDP filter: jobs through circuits, datagrams
really steered, counters to see; and it goes on when the filter's owner is killed."""

import os
import subprocess
import sys

from e2e_drops import INJECT
from e2e_job import test_job
from lab import check, main, until


def frames(lab, host):
    return lab.fogctl("xdp", "show", host=host)["frames"]


def test_filter_steers(lab):
    for host in lab.names:
        show = lab.fogctl("xdp", "show", host=host)
        check(show["attached"] and show["sockets"] == 1, f"{host}: {show}")
        check(show["frames"]["pass_steered"] > 0, f"{host}: nothing was steered: {show}")
        status = lab.fogctl("status", host=host)
        check(status["dataplane"]["io"].startswith("af_xdp"), str(status["dataplane"]))
    check('fog_xdp_frames_total{verdict="pass_steered"}' in "".join(lab.metrics("ash")),
          "no metrics of the filter")


def test_filter_drops(lab):
    target = lab.host("birch")
    before = frames(lab, "birch")
    for kind in ("short", "type"):
        subprocess.run(lab.inside(lab.state["www"]["netns"],
                                  [sys.executable, INJECT, kind, "30", target["address"],
                                   str(target["link_port"])]), check=True, timeout=30)
    until("both kinds are counted", 10,
          lambda: frames(lab, "birch")["drop_length"] >= before["drop_length"] + 30 and
          frames(lab, "birch")["drop_type"] >= before["drop_type"] + 30)


def test_fails_open(lab):
    """Without its control plane a host's filter is gone and its links stay up."""
    lab.kill("birch", "controlplane", "STOP")
    try:
        job = lab.submit(["true"], host="ash", target="cedar")
        check(lab.wait(job, "ash")["state"] == "succeeded", "the fog stands still")
    finally:
        lab.kill("birch", "controlplane", "CONT")
    restarts = lab.process("birch", "dataplane")["restarts"]
    lab.kill_and_wait("birch", "controlplane")
    until("the filter is attached again", 20,
          lambda: lab.fogctl("xdp", "show", host="birch")["sockets"] == 1)
    check(lab.process("birch", "dataplane")["restarts"] == restarts, "the data plane restarted")
    until("links are up", 20, lambda: all(
        row["state"] == "up" for row in lab.fogctl("link", "list", host="birch")["links"]))
    test_job(lab)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("AF_XDP needs root\n0 passed, 0 failed")
        sys.exit(77)
    main([test_job, test_filter_steers, test_filter_drops, test_fails_open], hosts=6, io="af_xdp")
