#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What is killed or wedged shows in the health of its host, raises an alert and comes back by
itself;
components restart in less than two seconds and lose nothing; figures, dashboard and rules fit."""

import contextlib
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import time

from lab import ROOT, Failed, check, main, until

HOST = "ash"
PORT = 18098
# A figure in a query: with labels or a range, or compared.
FIGURE = r"(?<![\w:])(?:fog|process)_[a-z0-9_]+(?=[{\[])|(?<![\w:])fog_[a-z_]+(?= [=<>])"
START_S = 12  # in its first 10 s a control plane restarts nothing
INTERVALS = """
health = { health_check_interval = 1; metrics_collection_interval = 2; recovery_check_interval = 10;
	alert_webhook = "http://127.0.0.1:%d/alerts"; };
""" % PORT
LISTEN = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
out = open(sys.argv[1], "w")
class Listener(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.send_response(204)
        self.end_headers()
        print(body, file=out, flush=True)
    def log_message(self, *args):
        pass
HTTPServer(("127.0.0.1", int(sys.argv[2])), Listener).serve_forever()
"""


def health(lab):
    """The answer of GET /v1/health; None while the control plane does not answer."""
    status, out, _ = lab.call("--json", "health", host=HOST)
    answer = json.loads(out) if out.strip() else {}
    return answer if status in (0, 1) and "components" in answer else None


def component(lab, name):
    answer = health(lab)
    return answer["components"][name] if answer else {}


def alerts(lab, rule, key):
    rows = lab.fogctl("alert", "list", "--all", host=HOST)["alerts"]
    return [row for row in rows if row["rule"] == rule and row["key"] == key]


def well(lab, seconds=60):
    def healthy():
        answer = health(lab)
        return answer and answer["overall_health"] == "healthy"
    try:
        until("the host is healthy", seconds, healthy)
    except Failed:
        rows = health(lab) or {"components": {}}
        bad = {k: v["reason"] for k, v in rows["components"].items() if v["health"] != "healthy"}
        raise Failed(f"the host is not healthy: {bad}") from None


def shown_raised_recovered(lab, name, before, seconds):
    """An alert about the component that was not there before, and its end."""
    def over():
        rows = [row for row in alerts(lab, "component_down", name) if row["id"] > before]
        return rows and rows[0]["state"] == "resolved"
    until(f"an alert about {name} comes and goes", seconds, over)
    well(lab)
    now = component(lab, name)
    check(now["restarts"] > 0 and now["error_count"] > 0, json.dumps(now))


def newest(lab):
    rows = lab.fogctl("alert", "list", "--all", host=HOST)["alerts"]
    return rows[0]["id"] if rows else 0


def test_intervals_by_reload(lab):
    script, out = os.path.join(lab.dir, "listen.py"), os.path.join(lab.dir, "told.txt")
    with open(script, "w", encoding="utf-8") as sink:
        sink.write(LISTEN)
    lab.start(lab.host(HOST).get("netns"), ["python3", script, out, str(PORT)])
    path = os.path.join(lab.dir, "hosts", HOST, "fog.conf")
    with open(path, encoding="utf-8") as source:
        good = source.read()
    # A file that is wrong changes nothing and ends nobody.
    pid = lab.process(HOST, "controlplane")["pid"]
    with open(path, "w", encoding="utf-8") as sink:
        sink.write(good + "health = { health_check_interval = \"soon\"; };\n")
    lab.fogctl("lab", "kill", HOST, "--signal", "HUP")  # all three processes
    log = os.path.join(lab.dir, "hosts", HOST, "controlplane.log")
    until("the bad file is refused", 20,
          lambda: "reload refused" in open(log, encoding="utf-8").read())
    with open(path, "w", encoding="utf-8") as sink:
        sink.write(good + INTERVALS)
    lab.fogctl("lab", "kill", HOST, "--process", "controlplane", "--signal", "HUP")
    until("the intervals are taken over", 20,
          lambda: "health.health_check_interval changed" in open(log, encoding="utf-8").read())
    check(lab.process(HOST, "controlplane")["pid"] == pid, "it did not outlive its reload")
    for process in ("dataplane", "edge"):
        check(lab.process(HOST, process)["restarts"] == 0, f"SIGHUP ended {process}")
    until("everything has had its time to start", 60,
          lambda: component(lab, "store").get("uptime_seconds", 0) > START_S)
    well(lab)


def killed(lab, process):
    well(lab)
    before = newest(lab)
    lab.kill(HOST, process)
    shown_raised_recovered(lab, process, before, 30)


def test_killed_dataplane(lab):
    killed(lab, "dataplane")


def test_killed_edge(lab):
    killed(lab, "edge")


def wedged(lab, process):
    """SIGSTOP: it is there and does nothing. The control plane ends it, the supervisor starts
    it."""
    well(lab)
    before, pid = newest(lab), lab.process(HOST, process)["pid"]
    lab.kill(HOST, process, "STOP")
    try:
        shown_raised_recovered(lab, process, before, 60)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    check(lab.process(HOST, process)["pid"] != pid, "it is the same process")


def test_wedged_dataplane(lab):
    wedged(lab, "dataplane")


def test_wedged_edge(lab):
    wedged(lab, "edge")


def test_wedged_controlplane(lab):
    """Nobody above it but the service manager, which is the lab's supervisor here."""
    pid = lab.process(HOST, "controlplane")["pid"]
    lab.kill(HOST, "controlplane", "STOP")
    until("the watchdog ends it", 90,
          lambda: lab.process(HOST, "controlplane")["pid"] not in (None, pid))
    well(lab)


def test_killed_executor(lab):
    job = lab.submit(["sh", "-c", "sleep 5; echo done"], host=HOST, target=HOST,
                     cpu="0.1", memory="16M")
    pattern = os.path.join(lab.dir, "hosts", HOST, "state", "jobs", "*", "state.json")

    def monitor():
        for path in glob.glob(pattern):
            with contextlib.suppress(OSError, ValueError), open(path, encoding="utf-8") as source:
                state = json.load(source)
                pids = [state.get("monitor_pid"), state.get("pid")]
                if all(pids) and all(os.path.exists(f"/proc/{pid}") for pid in pids):
                    return state
        return None
    state = until("the executor runs", 30, monitor, 0.05)
    for key in ("monitor_pid", "pid"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(state[key], signal.SIGKILL)
    until("the loss raises an alert", 30, lambda: alerts(lab, "executors_lost", ""))
    done = lab.wait(job, HOST, 60)
    check(done["state"] == "succeeded" and lab.output(job, HOST) == b"done\n", json.dumps(done))
    until("and is over", 30, lambda: alerts(lab, "executors_lost", "")[0]["state"] == "resolved")
    well(lab)


def test_restarted_components_lose_nothing(lab):
    """Each of them, while jobs run and wait."""
    jobs = [lab.submit(["sh", "-c", f"sleep 4; echo {n}"], host=HOST, cpu="0.1", memory="16M")
            for n in range(6)]
    parts = health(lab)["components"]
    check(all(row["restartable"] for row in parts.values()), json.dumps(parts))
    # Those of other processes are killed above.
    names = [name for name in parts if name not in ("dataplane", "edge", "proof_verifier")]
    check(len(names) >= 12, str(names))
    for name in names:
        started = time.monotonic()
        row = lab.fogctl("health", "restart", name, host=HOST)
        took = time.monotonic() - started
        print(f"    {name}: {1000 * took:.0f} ms")
        check(row["restarts"] >= 1 and row["restart_failures"] == 0, json.dumps(row))
    for number, job in enumerate(jobs):
        done = lab.wait(job, HOST, 90)
        check(done["state"] == "succeeded", json.dumps(done))
        check(lab.output(job, HOST) == f"{number}\n".encode(), "its output is wrong")
    status, _, err = lab.call("health", "restart", "nobody", host=HOST)
    check(status == 1 and b"no component" in err, err.decode())
    well(lab)


def removed(lab, name, component_name):
    """Somebody cleans up the run directory."""
    well(lab)
    before = newest(lab)
    os.unlink(os.path.join(lab.dir, "hosts", HOST, name))
    shown_raised_recovered(lab, component_name, before, 30)


def test_removed_sockets(lab):
    removed(lab, "data.sock", "onion_router")
    path = os.path.join(lab.dir, "hosts", HOST, "api.sock")
    well(lab)
    before = newest(lab)
    os.unlink(path)
    until("the admin socket is there again", 30, lambda: os.path.exists(path))
    fired = [row for row in alerts(lab, "component_down", "gateway") if row["id"] > before]
    check(fired, "nobody was told")
    well(lab)


def test_webhook(lab):
    def told():
        with open(os.path.join(lab.dir, "told.txt"), encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]

    def both():
        rows = [n["status"] for n in told()
                if n["version"] == "4" and n["commonLabels"].get("component") == "edge"
                and n["commonLabels"]["alertname"] == "component_down"]
        return {"firing", "resolved"} <= set(rows)
    until("the webhook was told of both", 60, both)


def test_acknowledge_and_silence(lab):
    row = alerts(lab, "component_down", "edge")[0]
    acked = lab.fogctl("alert", "ack", str(row["id"]), host=HOST)
    check(acked["acknowledged_ms"], json.dumps(acked))
    silence = lab.fogctl("alert", "silence", "component_down", "edge", "--for", "10m", host=HOST)
    check(alerts(lab, "component_down", "edge")[0]["silenced"], "it is not silenced")
    lab.kill_and_wait(HOST, "controlplane")  # it is all in the store
    until("the alerts are as before", 30,
          lambda: alerts(lab, "component_down", "edge")[0]["silenced"])
    lab.fogctl("alert", "unsilence", str(silence["id"]), host=HOST)
    check(not alerts(lab, "component_down", "edge")[0]["silenced"], "it is still silenced")
    status, _, _ = lab.call("alert", "ack", "999999", host=HOST)
    check(status == 1, "an alert that is not there was acknowledged")


def test_figures_dashboard_and_rules(lab):
    status, out, err = lab.call("metrics", host=HOST)
    check(status == 0, err.decode())
    names = {re.split(r"[{ ]", line)[0] for line in out.decode().splitlines()
             if not line.startswith("#")}
    dashboard = os.path.join(ROOT, "configs", "grafana", "fog.json")
    prometheus = os.path.join(ROOT, "configs", "prometheus", "fog.rules.yml")
    for path in (dashboard, prometheus):
        with open(path, encoding="utf-8") as source:
            used = set(re.findall(FIGURE, source.read()))
        check(len(used) > 5, f"{path} uses nothing")
        check(not used - names, f"{path} uses what /metrics does not have: {sorted(used - names)}")
    rules = lab.fogctl("alert", "rules", host=HOST)["rules"]
    missing = {rule["metric"] for rule in rules} - names
    check(not missing, f"rules watch what is not there: {sorted(missing)}")
    if shutil.which("promtool") is None:
        print("    no promtool: the format and the rules are not checked by Prometheus itself")
        return
    done = subprocess.run(["promtool", "check", "metrics"], input=out, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    check(done.returncode == 0, done.stdout.decode())
    done = subprocess.run(["promtool", "check", "rules", prometheus], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    check(done.returncode == 0, done.stdout.decode())


if __name__ == "__main__":
    os.environ["FOG_LAB_WATCHDOG"] = "15"
    main([test_intervals_by_reload, test_killed_dataplane, test_killed_edge,
          test_wedged_dataplane, test_wedged_edge, test_killed_executor,
          test_restarted_components_lose_nothing, test_removed_sockets, test_webhook,
          test_acknowledge_and_silence,
          test_wedged_controlplane, test_figures_dashboard_and_rules], hosts=5)
