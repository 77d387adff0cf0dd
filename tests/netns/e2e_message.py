#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Messages through the mixnet of a lab: short and long ones arrive, and what was acknowledged is
there after kill -9 of the data plane of a mix, and of the recipient's edge and data plane. A host
that is away has its mail kept by another."""

import contextlib
import os
import signal

from lab import check, Failed, main, until

TEXT = "".join(chr(33 + i % 90) for i in range(3000))


def send(lab, to, text, host="ash"):
    return lab.fogctl("message", "send", to, text, "--wait", "--timeout", "60s", host=host)


def inbox(lab, host):
    return lab.fogctl("message", "receive", "--wait", "--timeout", "30s", host=host)


def test_message(lab):
    until("the mixnet is known", 30, lambda: lab.fogctl(
        "message", "list", host="ash")["mixnet"]["hosts"] == lab.hosts_count)
    send(lab, "elm", "see you at nine")
    got = inbox(lab, "elm")
    check([m["text"] for m in got] == ["see you at nine"], f"{got}")
    check(lab.fogctl("message", "list", host="elm")["incoming"] == [], "it stayed in the inbox")


def test_long(lab):
    send(lab, "birch", TEXT, host="elm")
    got = inbox(lab, "birch")
    check([m["text"] for m in got] == [TEXT], "a message of many pieces was not put together")


def test_killed(lab):
    send(lab, "elm", "before")
    lab.fogctl("lab", "kill", "elm", "--process", "edge")
    lab.fogctl("lab", "kill", "elm", "--process", "dataplane")
    lab.fogctl("lab", "kill", "cedar", "--process", "dataplane")

    def waiting():
        try:
            return lab.fogctl("message", "list", host="elm")["incoming"]
        except Failed:  # no edge yet
            return None

    got = until("the edge is back with the message", 60, waiting)
    check(len(got) == 1, f"{got}")
    send(lab, "elm", "after")
    texts = []

    def both():
        texts.extend(m["text"] for m in inbox(lab, "elm"))
        return len(texts) >= 2

    until("both are there", 30, both)
    check(sorted(texts) == ["after", "before"], f"{texts}")


def mix_of(lab, name):
    return lab.fogctl("host", "show", name, host="ash").get("mix", {})


def sent_while_stopped(lab, name, text, texts):
    """Whether the edge of `name` was stopped until its provider had the text."""
    until("its edge is there", 60, lambda: lab.process(name, "edge")["state"] == "running")
    pid = lab.process(name, "edge")["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        send(lab, name, text)
        texts.append(text)
        with open(f"/proc/{pid}/stat", encoding="utf-8") as source:
            return source.read().rpartition(")")[2].split()[0] == "T"
    except FileNotFoundError:  # the control plane ended it: it does not answer
        return False
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def test_away(lab):
    """What its provider acknowledged while nobody of the host was there to take it."""
    keeper = lab.fogctl("host", "show", "cedar", host="ash")["node_id"]
    conf = os.path.join(lab.host("elm")["run_dir"], "fog.conf")
    with open(conf, "a", encoding="utf-8") as out:
        out.write(f'mix: {{ provider = "{keeper}"; }};\n')
    lab.kill_and_wait("elm", "controlplane")
    until("others know who keeps its mail", 60,
          lambda: mix_of(lab, "elm").get("provider") == keeper)

    def counts():
        return lab.fogctl("message", "list", host="cedar")["counts"]

    kept, texts = counts()["kept"], []
    while not sent_while_stopped(lab, "elm", f"while you were away {len(texts)}", texts):
        check(len(texts) < 5, "its edge did not stay stopped for the time of a message")
    check(counts()["kept"] >= kept + len(texts), f"{counts()}")
    got = []

    def taken():
        with contextlib.suppress(Failed):  # no edge yet, or nothing new
            got.extend(m["text"] for m in inbox(lab, "elm"))
        return len(got) >= len(texts)

    until("all are there", 60, taken)
    check(sorted(got) == texts, f"{got}")
    until("cedar let go of it", 60, lambda: counts()["held"] == 0)


if __name__ == "__main__":
    main([test_message, test_long, test_killed, test_away], mode="loopback", hosts=5)
