#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""curl through the SOCKS5 proxy of a host and three relays: byte for byte the same, also when a
relay's data plane is killed under it."""

import hashlib
import os
import subprocess
import time

from lab import Failed, check, free_port, main, until

FILE_SIZE = 100 * 1000 * 1000
TRANSFER_S = 150
CLIENT = "ash"


class Web:
    """A web server in the lab's www namespace with one random file."""

    def __init__(self, lab):
        self.lab = lab
        self.folder = os.path.join(lab.dir, "www")
        os.makedirs(self.folder, exist_ok=True)
        self.path = os.path.join(self.folder, "file")
        digest = hashlib.sha256()
        with open(self.path, "wb") as sink:
            for _ in range(100):
                block = os.urandom(FILE_SIZE // 100)
                digest.update(block)
                sink.write(block)
        self.sha256 = digest.hexdigest()
        www = lab.state["www"]
        self.address = www["address"] if www else "127.0.0.1"
        self.port = 8080 if www else free_port()
        command = ["python3", "-m", "http.server", "--bind", self.address, "--directory",
                   self.folder, str(self.port)]
        lab.start(www["netns"] if www else None, command, stdout=subprocess.DEVNULL,
                  stderr=subprocess.DEVNULL)
        self.url = f"http://{self.address}:{self.port}/file"
        until("the web server answers", 10, self.answers)

    def answers(self):
        done = subprocess.run(self.lab.inside(self.lab.host(CLIENT)["netns"],
                                              ["curl", "-sI", self.url]),
                              stdout=subprocess.DEVNULL, check=False)
        return done.returncode == 0


def web(lab):
    if not hasattr(lab, "web"):
        lab.web = Web(lab)
    return lab.web


def curl_start(lab, target):
    host = lab.host(CLIENT)
    command = ["curl", "-sS", "--fail", "--max-time", str(TRANSFER_S), "--socks5-hostname",
               host["socks"], "-o", target, web(lab).url]
    return lab.start(host["netns"], command, stderr=subprocess.PIPE)


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as source:
        while block := source.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def transfer(lab, name):
    """One whole transfer, verified. Returns seconds."""
    target = os.path.join(lab.dir, name)
    started = time.monotonic()
    child = curl_start(lab, target)
    _, err = child.communicate(timeout=TRANSFER_S + 10)
    check(child.returncode == 0, f"curl: {err.decode().strip()}")
    check(os.path.getsize(target) == FILE_SIZE, f"{os.path.getsize(target)} bytes came")
    check(sha256(target) == web(lab).sha256, "the file has changed on its way")
    os.unlink(target)
    return time.monotonic() - started


def circuit(lab):
    """Path of the circuit that carries the most, as host names."""
    rows = lab.fogctl("circuit", "list", host=CLIENT)["circuits"]
    rows = [row for row in rows if row["purpose"] == "exit" and row["state"] == "open"]
    if not rows:
        raise Failed("no circuit is listed")
    names = lab.ids(CLIENT)
    best = max(rows, key=lambda row: row["bytes_rx"])
    return [names.get(node, node) for node in best["path"]]


def test_whole_file(lab):
    seconds = transfer(lab, "whole")
    path = circuit(lab)
    check(len(path) == 3, f"the circuit has {len(path)} hops: {path}")
    check(CLIENT not in path and len(set(path)) == 3, f"a strange path: {path}")
    print(f"    {FILE_SIZE / seconds / 1e6:.1f} MB/s through {' > '.join(path)}")


def test_relay_killed(lab):
    target = os.path.join(lab.dir, "killed")
    child = curl_start(lab, target)
    until("a part of the file has come", 60,
          lambda: os.path.exists(target) and os.path.getsize(target) > FILE_SIZE // 10, 0.02)
    check(child.poll() is None, "the transfer was over before anything could be killed")
    relay = circuit(lab)[1]
    lab.kill(relay, "dataplane")
    _, err = child.communicate(timeout=TRANSFER_S + 10)
    if child.returncode == 0:
        check(sha256(target) == web(lab).sha256, "curl was content with a changed file")
        print(f"    {relay} killed: the transfer went on")
    else:
        check(err.strip() != b"", "curl failed without a word")
        print(f"    {relay} killed: {err.decode().strip()}")
    os.unlink(target)
    transfer(lab, "next")


def test_refused_by_policy(lab):
    host = lab.host(CLIENT)
    done = subprocess.run(lab.inside(host["netns"],
                                     ["curl", "-sS", "--max-time", "60", "--socks5-hostname",
                                      host["socks"], "http://192.0.2.1/"]),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=90)
    check(done.returncode != 0, "an exit reached an address that no policy allows")


if __name__ == "__main__":
    main([test_whole_file, test_relay_killed, test_refused_by_policy])
