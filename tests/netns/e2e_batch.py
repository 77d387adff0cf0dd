#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A batch of stages with a gang, submitted with fogctl, while a host that runs a member is killed
with all that runs on it; reasons and preemption on the way."""

import contextlib
import glob
import json
import os
import re
import signal

from lab import ROOT, check, main, until

SUBMITTER = "ash"
LIMITS = {"cpu_cores": 0.2, "memory_mb": 16, "wall_seconds": 60}
DAG = {
    "id": "dag",
    "tier": "bronze",
    "stages": [
        {"name": "prepare", "array": 2,
         "job": {"argv": ["sh", "-c", "echo part $FOG_RANK of $FOG_SIZE"], "limits": LIMITS}},
        {"name": "work", "after": ["prepare"], "gang": 3,
         "job": {"argv": ["sh", "-c", "sleep 6; echo $((FOG_RANK * 7))"], "limits": LIMITS,
                 "constraints": {"apart": "host"}}},
        {"name": "finish", "after": ["work"],
         "job": {"argv": ["sh", "-c", "cat /input/first /input/second"], "limits": LIMITS,
                 "inputs": [{"name": "first", "from": "work.1"},
                            {"name": "second", "from": "work.2"}]}},
    ],
}


def members(lab, stage):
    batch = lab.fogctl("job", "show", "dag", host=SUBMITTER)
    return [job for job in batch["jobs"] if job["stage"] == stage]


def host_kill(lab, name):
    """kill -9 of everything: the sandboxes that run there, then its three processes."""
    for path in glob.glob(os.path.join(lab.dir, "hosts", name, "state", "jobs", "*", "state.json")):
        with open(path, encoding="utf-8") as source:
            state = json.load(source)
        for key in ("monitor_pid", "pid"):
            if state.get(key):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(state[key], signal.SIGKILL)
    lab.fogctl("lab", "kill", name)


def write(lab, name, value):
    path = os.path.join(lab.dir, name)
    with open(path, "w", encoding="utf-8") as out:
        json.dump(value, out)
    return path


def test_dag_while_a_host_dies(lab):
    plan = lab.fogctl("job", "plan", "-f", write(lab, "dag.json", DAG), host=SUBMITTER)["jobs"]
    check(len(plan) == 6 and plan[0]["host"] and plan[2]["held"], json.dumps(plan))
    lab.fogctl("job", "submit", "-f", os.path.join(lab.dir, "dag.json"), host=SUBMITTER)
    until("the gang runs", 60,
          lambda: all(job["state"] == "running" for job in members(lab, "work")), 0.1)
    hosts = [job["worker_name"] for job in members(lab, "work")]
    check(len(set(hosts)) == 3, f"the gang is not apart: {hosts}")
    check(members(lab, "finish")[0]["state"] == "queued", "the last stage did not wait")
    why = lab.fogctl("job", "why", "dag.finish.0", host=SUBMITTER)
    check(why["held"] and "stage work: 0 of 3 done" in why["reason"], json.dumps(why))
    host_kill(lab, hosts[0])
    until("the batch ends", 180,
          lambda: lab.fogctl("job", "show", "dag", host=SUBMITTER)["state"] != "running", 0.5)
    batch = lab.fogctl("job", "show", "dag", host=SUBMITTER)
    check(batch["state"] == "succeeded" and batch["succeeded"] == 6, json.dumps(batch))
    for rank in range(3):
        check(lab.output(f"dag.work.{rank}", SUBMITTER) == f"{rank * 7}\n".encode(),
              f"the output of member {rank} is wrong")
    check(lab.output("dag.finish.0", SUBMITTER) == b"7\n14\n", "inputs of a stage above are wrong")
    total = sum(lab.accounts(SUBMITTER).values())
    check(total == 0, f"the ledger sums to {total}")


# Works for long; when it is stopped it keeps how far it was, and goes on from there the next time.
PATIENT = """
if [ -e /checkpoint/step ]; then echo after $(cat /checkpoint/step), $FOG_RESTART; exit 0; fi
trap 'echo step 3 > /checkpoint/step; touch /checkpoint/.complete; exit 0' TERM
sleep 40 & wait
"""


def test_preemption(lab):
    names = set(lab.ids(SUBMITTER).values()) - {SUBMITTER}
    worker = sorted(names)[0]
    cores = lab.fogctl("host", "show", worker, host=SUBMITTER)["capacity"]["cpu_cores"]
    limits = {"cpu_cores": cores * 0.8, "memory_mb": 16, "wall_seconds": 60}
    low = {"id": "low", "argv": ["sh", "-c", PATIENT], "limits": limits, "target": worker,
           "priority": 10, "preemptible": True, "checkpoint": {"grace_seconds": 30}}
    high = {"id": "high", "argv": ["echo", "high"], "limits": limits, "target": worker,
            "priority": 90}
    lab.fogctl("job", "submit", "-f", write(lab, "low.json", low), host=SUBMITTER)
    until("the first runs", 30, lambda: lab.job("low", SUBMITTER)["state"] == "running", 0.1)
    lab.fogctl("job", "submit", "-f", write(lab, "high.json", high), host=SUBMITTER)
    check(lab.wait("high", SUBMITTER, 60)["state"] == "succeeded", "the second did not run")
    check(lab.job("low", SUBMITTER)["state"] != "succeeded", "the first was not stopped for it")
    done = lab.wait("low", SUBMITTER, 60)
    check(done["state"] == "succeeded" and done["attempt_count"] >= 2, json.dumps(done))
    check(lab.output("low", SUBMITTER) == b"after step 3, 1\n", "its checkpoint was not there")
    events = [e["state"] for e in
              lab.fogctl("job", "history", "low", host=SUBMITTER)["history"]]
    check(events.count("running") >= 2 and events[-1] == "succeeded", str(events))


def test_reservation(lab):
    """A host is kept for a namespace: others wait and are told why, its own jobs run."""
    worker = sorted(set(lab.ids(SUBMITTER).values()) - {SUBMITTER})[-1]
    made = lab.fogctl("reserve", "create", "film", worker, "--duration", "1h", "--every", "1d",
                      host=SUBMITTER)["reservations"]
    check(len(made) == 1 and made[0]["state"] == "active", json.dumps(made))
    out = lab.submit(["true"], host=SUBMITTER, target=worker)
    until("the job is told why", 30,
          lambda: "reserved for others" in lab.job(out, SUBMITTER)["reason"])
    check(lab.job(out, SUBMITTER)["state"] == "queued", "it got what is reserved")
    ours = lab.submit(["true"], host=SUBMITTER, target=worker, namespace="film")
    check(lab.wait(ours, SUBMITTER)["state"] == "succeeded", "its own job did not run")
    lab.kill_and_wait(SUBMITTER, "controlplane")
    until("it is known after the restart", 30, lambda: lab.call(
        "reserve", "list", host=SUBMITTER)[1].count(made[0]["id"].encode()) == 1)
    check(lab.job(out, SUBMITTER)["state"] == "queued", "it started after a restart")
    lab.fogctl("reserve", "cancel", made[0]["id"], host=SUBMITTER)
    check(lab.wait(out, SUBMITTER)["state"] == "succeeded", "it does not run afterwards")


def test_closed(lab):
    """A host that reserves itself is closed to all but the host it names: they plan around it."""
    others = sorted(set(lab.ids(SUBMITTER).values()) - {SUBMITTER})
    worker, friend = others[-1], others[0]
    made = lab.fogctl("reserve", "create", "film", worker, "--duration", "1h", "--submitter",
                      friend, host=worker)["reservations"]

    def planned(host):
        plan = lab.fogctl("job", "plan", "--target", worker, "--", "true", host=host)
        return "reserved for others" in json.dumps(plan)
    until("the others know", 90, lambda: planned(SUBMITTER))
    out = lab.submit(["true"], host=SUBMITTER, target=worker)
    until("the job is told why", 30,
          lambda: "reserved for others" in (lab.job(out, SUBMITTER)["reason"] or ""))
    theirs = lab.submit(["true"], host=friend, target=worker)
    check(lab.wait(theirs, friend)["state"] == "succeeded", "the friend's job did not run")
    check(lab.job(out, SUBMITTER)["state"] == "queued", "it got what is reserved")
    lab.fogctl("reserve", "cancel", made[0]["id"], host=worker)
    check(lab.wait(out, SUBMITTER)["state"] == "succeeded", "it does not run afterwards")


def test_accelerators(lab):
    """What a host says it has, has a price: in its descriptor, in quotes, in what a job pays."""
    worker = sorted(set(lab.ids(SUBMITTER).values()) - {SUBMITTER})[1]
    conf = os.path.join(lab.host(worker)["run_dir"], "fog.conf")
    with open(conf, encoding="utf-8") as source:
        text = source.read()
    check("worker: {" in text or "worker = {" in text, "the configuration has no worker")
    with open(conf, "w", encoding="utf-8") as out:
        out.write(re.sub(r"worker( =|:) {", r'\g<0> accelerators = "tesla-t4:2:16384";', text))
    lab.kill_and_wait(worker, "controlplane")

    def price():
        hosts = {h["name"]: h for h in lab.fogctl("host", "list", host=SUBMITTER)["hosts"]}
        return hosts[worker]["price"].get("accelerator_hour")
    hour = until("the price is known", 60, price)
    quote = lab.fogctl("market", "quote", "gpu", "2", "1", "accelerator=tesla-t4", host=SUBMITTER)
    check(quote["accelerator"] == "small", f"{quote}")
    job = lab.submit(["sleep", "2"], host=SUBMITTER, accelerators=2)
    check(lab.wait(job, SUBMITTER)["state"] == "succeeded", "it did not run")
    attempt = lab.job(job, SUBMITTER)["attempts"][-1]
    check(attempt["worker_name"] == worker, "it ran elsewhere")
    check(attempt["price"]["accelerator_hour"] == hour, f"{attempt['price']}")
    least = 2 * hour * attempt["wall_ms"] // 3600000
    check(least <= attempt["amount"] <= attempt["quote"], f"{attempt['amount']} mfog for {least}")


def test_webhook(lab):
    script, out = os.path.join(lab.dir, "listen.py"), os.path.join(lab.dir, "told.txt")
    with open(script, "w", encoding="utf-8") as source:
        source.write(LISTEN)
    lab.start(lab.host(SUBMITTER).get("netns"), ["python3", script, out])
    until("somebody listens", 20, lambda: os.path.exists(out))

    def told():
        with open(out, encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]
    job = lab.submit(["true"], host=SUBMITTER, webhook="http://127.0.0.1:18099/fog")
    lab.wait(job, SUBMITTER)
    until("every state was told, one of them twice", 30,
          lambda: {"queued", "placed", "offered", "succeeded"} <=
          {t["state"] for t in told() if t["job"] == job})


LISTEN = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
out = open(sys.argv[1], "w")
count = 0
class Listener(BaseHTTPRequestHandler):
    def do_POST(self):
        global count
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        count += 1
        self.send_response(503 if count == 1 else 204)
        self.end_headers()
        if count > 1:
            print(body, file=out, flush=True)
    def log_message(self, *args):
        pass
HTTPServer(("127.0.0.1", 18099), Listener).serve_forever()
"""


def test_example(lab):
    path = os.path.join(ROOT, "configs", "jobs", "dag.json")
    done = lab.fogctl("job", "submit", "--wait", "-f", path, host=SUBMITTER)
    check(done["state"] == "succeeded", json.dumps(done))
    job = next(j["id"] for j in done["jobs"] if j["stage"] == "finish")
    digest = lab.job(job, SUBMITTER)["attempts"][-1]["stdout_sha256"]
    status, out, _ = lab.call("job", "artifact", digest, host=SUBMITTER)
    check(status == 0 and out == b"all done\n", "the artifact is not what was printed")
    path = os.path.join(ROOT, "configs", "jobs", "checkpoint.json")
    plan = lab.fogctl("job", "plan", "-f", path, host=SUBMITTER)["jobs"]
    check(plan[0]["possible"] and plan[0]["host"], json.dumps(plan))


if __name__ == "__main__":
    main([test_example, test_webhook, test_dag_while_a_host_dies, test_preemption,
          test_reservation, test_closed, test_accelerators], hosts=6)
