#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The public integration test (tests/api) against a lab, over TCP with a token and over the unix
socket, with requests made from the document at random."""

import json
import os
import subprocess

from lab import ROOT, check, main, until

TEST = os.path.join(ROOT, "tests", "api", "api_test.py")
TEST_S = 300
# Fires at once, so that there is an alert to acknowledge.
RULES = {"rules": [{"name": "api_test", "metric": "fog_build_info", "op": ">=", "threshold": 1,
                    "severity": "info", "summary": "this host has a version"}]}


def api_test(url, token=None, *more):
    """Runs in an interpreter that has Debian's modules. The last line is the count."""
    command = ["/usr/bin/python3", TEST, "--url", url, *more]
    done = subprocess.run(command + (["--token", token] if token else []), timeout=TEST_S,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    text = done.stdout.decode("utf-8", "replace")
    check(done.returncode == 0, f"{url}:\n{text}")
    print(text.strip().splitlines()[-1], flush=True)


def test_strangers(lab):
    """Each operation with each kind of bad token, where strangers may ask as often as they like."""
    host = lab.state["hosts"][2]
    path, log = f"{host['run_dir']}/fog.conf", f"{host['run_dir']}/controlplane.log"
    token = lab.fogctl("token", "create", "api-test", "--scope", "admin", "--tier", "enterprise",
                       host=host["name"])["token"]
    with open(path, encoding="utf-8") as source:
        text = source.read()
    with open(path, "w", encoding="utf-8") as sink:
        sink.write(text.replace("gateway: {", "gateway: { standard_per_minute = 0;"
                                              " standard_per_hour = 0;"))
    lab.kill(host["name"], "controlplane", "HUP")
    until("the limits are taken over", 60, lambda: "gateway.standard_per_hour changed" in open(
        log, encoding="utf-8").read())
    api_test(f"http://{host['http']}", token, "--quick", "--only", "no good token")


def alert_raise(lab, host):
    folder = host["run_dir"]
    with open(f"{folder}/rules.json", "w", encoding="ascii") as sink:
        json.dump(RULES, sink)
    with open(f"{folder}/fog.conf", "a", encoding="utf-8") as sink:
        sink.write('health = { metrics_collection_interval = 1;'
                   f' alert_rules = "{folder}/rules.json"; }};\n')
    lab.kill(host["name"], "controlplane", "HUP")
    until("the alert fires", 60, lambda: any(
        row["rule"] == "api_test"
        for row in lab.fogctl("alert", "list", host=host["name"])["alerts"]))


def test_tcp(lab):
    host = lab.state["hosts"][0]
    alert_raise(lab, host)
    token = lab.fogctl("token", "create", "api-test", "--scope", "admin", "--tier", "enterprise",
                       host=host["name"])["token"]
    api_test(f"http://{host['http']}", token, "--fuzz", "200")


def test_unix(lab):
    url = f"unix:{lab.state['hosts'][1]['api']}"
    api_test(url, None, "--quick", "--fuzz", "200", "--seed", "2")


if __name__ == "__main__":
    main([test_tcp, test_unix, test_strangers], mode="loopback", hosts=5)
