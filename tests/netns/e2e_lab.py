#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The lab itself: two beside each other, processes that come back, nothing left behind."""

import os
import signal
import time

from lab import Lab, check, main, until


def marked(lab):
    """Processes of this lab, by the mark the supervisor puts into their environment."""
    mark = f"FOG_LAB_MARK={lab.state['id']}:{lab.dir}".encode()
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as source:
                if mark in source.read().split(b"\0"):
                    found.append(int(name))
        except OSError:
            continue
    return found


def namespaces(lab):
    if not os.path.isdir("/run/netns"):
        return []
    return [n for n in os.listdir("/run/netns") if n.startswith(f"fog-{lab.state['id']}-")]


def test_second_lab(lab):
    second = Lab(hosts=2)
    try:
        second.up()
        check(second.state["id"] != lab.state["id"], "two labs with one id")
        check(len(second.ids()) == 2, "the second lab sees more than itself")
        check(len(lab.ids()) == len(lab.names), "the first lab has changed")
        processes = marked(second)
        check(len(processes) == 6, f"{len(processes)} processes of two hosts")
    finally:
        state = second.state
        second.down()
    if state:
        check(not marked(second), "processes are left")
        check(not namespaces(second), "namespaces are left")


def test_up_twice(lab):
    status, out, _ = lab.call("--json", "lab", "up")
    check(status == 1 and b"already up" in out, "a lab went up over a lab")


def test_every_process_comes_back(lab):
    for process in ("dataplane", "controlplane", "edge"):
        lab.kill_and_wait("birch", process)
    until("birch has its links again", 30, lambda: links_up(lab, "birch") == len(lab.names) - 1)


def links_up(lab, host):
    status, out, _ = lab.call("--json", "link", "list", host=host)
    return out.count(b'"up"') if status == 0 else -1


def test_supervisor_killed(lab):
    doomed = Lab(hosts=2)
    try:
        doomed.up()
        os.kill(doomed.state["supervisor"]["pid"], signal.SIGKILL)
        time.sleep(0.5)
        status, _, _ = doomed.call("lab", "status")
        check(status == 1, "a lab without supervisor is said to be up")
        status, _, err = doomed.call("lab", "down")
        check(status == 0, err.decode())
        check(not marked(doomed), "processes are left")
        check(not namespaces(doomed), "namespaces are left")
    finally:
        doomed.down()


def test_tables(lab):
    """The human side: every listing prints its header, without colours when it is no terminal."""
    for words, header in ((["host", "list"], b"NAME"), (["link", "list"], b"HOST"),
                          (["lab", "status"], b"DATAPLANE"), (["status"], b"node id")):
        status, out, err = lab.call(*words)
        check(status == 0, f"{words}: {err.decode()}")
        check(header in out, f"{words}: {out.decode()}")
        check(b"\033[" not in out, f"{words} prints colours into a pipe")


if __name__ == "__main__":
    main([test_second_lab, test_up_twice, test_every_process_comes_back, test_supervisor_killed,
          test_tables], hosts=3)
