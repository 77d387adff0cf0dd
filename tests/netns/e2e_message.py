#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Messages through the mixnet of a lab: short and long ones arrive, and what was acknowledged is
there after kill -9 of the data plane of a mix, and of the recipient's edge and data plane."""

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


if __name__ == "__main__":
    main([test_message, test_long, test_killed], mode="loopback", hosts=5)
