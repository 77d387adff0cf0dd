#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""One trace from a request to the worker and to a collector: the same id in the logs of both hosts,
in spans of OTLP, in webhooks and answers; by default the worker learns another one."""

import http.server
import json
import os
import re
import sys
import threading

from lab import ROOT, check, main, until

sys.path.insert(0, os.path.join(ROOT, "tests", "api"))
from client import UnixConnection  # noqa: E402

SPAN = "00f067aa0ba902b7"
WAIT_S = 60


class Collector(http.server.BaseHTTPRequestHandler):
    """What a collector does, and who takes webhooks; as much as the test looks at."""
    spans, told, lock = [], [], threading.Lock()

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.lock:
            if self.path == "/hook":
                self.told.append((dict(self.headers), body))
            for resource in body.get("resourceSpans", []):
                about = {a["key"]: a["value"] for a in resource["resource"]["attributes"]}
                for scope in resource["scopeSpans"]:
                    self.spans += [dict(span, host=about["host.name"]["stringValue"])
                                   for span in scope["spans"]]
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format, *arguments):
        pass


def collect():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


URL = collect()


def found(trace):
    with Collector.lock:
        return {(s["host"], s["name"]): s for s in Collector.spans if s["traceId"] == trace}


def hooks(job):
    with Collector.lock:
        return [headers for headers, body in Collector.told if body.get("job") == job]


def request(host, method, path, body=None, **headers):
    """(status, headers, JSON) over the unix socket."""
    connection = UnixConnection(host["api"])
    text = json.dumps(body) if body is not None else None
    connection.request(method, path, text, {"Content-Type": "application/json"} | headers)
    answer = connection.getresponse()
    data = json.loads(answer.read())
    connection.close()
    return answer.status, answer.headers, data


def conf(lab, name):
    return os.path.join(lab.dir, "hosts", name, "fog.conf")


def log_lines(lab, name):
    path = os.path.join(lab.dir, "hosts", name, "controlplane.log")
    with open(path, encoding="utf-8") as source:
        lines = [line for line in source if line.startswith("{")]
    return [json.loads(line) for line in lines]


def steps(lab, name, trace):
    return {line["step"] for line in log_lines(lab, name)
            if line.get("trace_id") == trace and "step" in line}


def test_configured(lab):
    for name in lab.names:
        with open(conf(lab, name), encoding="utf-8") as source:
            text = source.read()
        text = re.sub(r"(?m)^host\s*[:=]\s*\{", '\\g<0> log_format = "json";', text)
        text += f'tracing = {{ otlp_url = "{URL}/v1/traces"; propagate = "caller"; }};\n'
        with open(conf(lab, name), "w", encoding="utf-8") as sink:
            sink.write(text)
        lab.kill_and_wait(name, "controlplane")
    for host in lab.state["hosts"]:
        until("it answers again", WAIT_S, lambda h=host: answers(h))


def answers(host):
    try:
        return request(host, "GET", "/healthz")[0] == 200
    except OSError:
        return False


def submit(lab, trace, **more):
    host, target = lab.state["hosts"][0], lab.names[1]
    body = {"argv": ["echo", "traced"], "target": target, "webhook": f"{URL}/hook",
            "limits": {"memory_mb": 32, "wall_seconds": 30}}
    status, headers, job = request(host, "POST", "/v1/jobs", body,
                                   traceparent=f"00-{trace}-{SPAN}-01", **more)
    check(status == 201, f"submitted: {status} {job}")
    check(headers["traceresponse"].split("-")[1] == trace, f"answered {headers['traceresponse']}")
    done = lab.wait(job["id"], host["name"])
    check(done["state"] == "succeeded", f"{done['state']}: {done['reason']}")
    return done


def test_one_id(lab):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    here, there = lab.names[0], lab.names[1]
    job = submit(lab, trace, tracestate="congo=t61rcWkgMzE,rojo=00f067aa0ba902b7")
    check(job["trace_id"] == trace and "worker_trace_id" not in job, f"the job: {job}")
    wanted = {here: {"POST /v1/jobs", "schedule", "carry", "settle", "job"},
              there: {"execute", "prove", "settle"}}
    until("all spans are collected", WAIT_S, lambda: all(
        (host, name) in found(trace) for host, names in wanted.items() for name in names))
    spans = found(trace)
    asked, whole = spans[here, "POST /v1/jobs"], spans[here, "job"]
    check(asked["parentSpanId"] == SPAN and asked["kind"] == 2, f"the request: {asked}")
    check(whole["parentSpanId"] == asked["spanId"], f"the job: {whole}")
    for host, names in wanted.items():
        for name in names - {"POST /v1/jobs", "job"}:
            span = spans[host, name]
            check(span["parentSpanId"] == whole["spanId"], f"{name} at {host}: {span}")
            check(int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"]), f"{span}")
            check({"key": "fog.job", "value": {"stringValue": job["id"]}} in span["attributes"],
                  f"no job in {span}")
    check(steps(lab, here, trace) >= {"submit", "schedule", "carry", "settle", "job"},
          f"logged here: {steps(lab, here, trace)}")
    check(steps(lab, there, trace) >= {"accept", "execute", "prove", "settle"},
          f"logged there: {steps(lab, there, trace)}")
    for headers in until("a webhook comes", WAIT_S, lambda: hooks(job["id"])):
        check(headers["traceparent"].split("-")[1] == trace, f"the webhook: {headers}")
        check(headers["tracestate"].startswith("congo="), f"the webhook: {headers}")
    for name in (here, there):
        rows = request(lab.host(name), "GET", f"/v1/receipts/{job['id']}")[2]["receipts"]
        check(rows[0]["trace_id"] == trace, f"the receipt at {name}: {rows[0]['trace_id']}")
    check(request(lab.host(here), "GET", f"/v1/jobs/{job['id']}/history")[2]["trace_id"] == trace,
          "the history")


def test_malformed(lab):
    host = lab.state["hosts"][0]
    for bad in ("00-0-0-01", "ff-" + "1" * 32 + f"-{SPAN}-01", f"00-{'0' * 32}-{SPAN}-01"):
        headers = request(host, "GET", "/healthz", traceparent=bad)[1]
        check(headers["traceresponse"].split("-")[1] not in bad, f"{bad} was taken")


def test_private(lab):
    """As shipped a worker cannot tell that two jobs belong to one trace."""
    trace = "0af7651916cd43dd8448eb211c80319c"
    here, there = lab.names[0], lab.names[1]
    with open(conf(lab, here), encoding="utf-8") as source:
        text = source.read()
    with open(conf(lab, here), "w", encoding="utf-8") as sink:
        sink.write(text.replace('propagate = "caller"', 'propagate = "job"'))
    lab.fogctl("lab", "kill", here, "--process", "controlplane", "--signal", "HUP")
    until("it is taken up", WAIT_S, lambda: any(
        "tracing.propagate changed" in line["message"] for line in log_lines(lab, here)))
    jobs = [submit(lab, trace) for _ in range(2)]
    others = {job["worker_trace_id"] for job in jobs}
    check(len(others) == 2 and trace not in others, f"the worker is told {others}")
    for job in jobs:
        check(job["trace_id"] == trace, f"the job: {job}")
        check("execute" in steps(lab, there, job["worker_trace_id"]), "not in the worker's log")
    with open(os.path.join(lab.dir, "hosts", there, "controlplane.log"), encoding="utf-8") as log:
        check(trace not in log.read(), "the worker learned the caller's id")
    until("the worker's spans are collected", WAIT_S, lambda: all(
        (there, "execute") in found(other) for other in others))


def test_fogctl(lab):
    here = lab.names[0]
    status, out, err = lab.call("--verbose", "--json", "job", "submit", "--", "true", host=here)
    trace = re.search(r"trace ([0-9a-f]{32})", err.decode())
    check(status == 0 and trace, f"fogctl --verbose: {err}")
    job = lab.job(json.loads(out)["id"], here)
    check(job["trace_id"] == trace[1], f"{trace[1]} became {job['trace_id']}")
    status, out, _ = lab.call("--json", "job", "show", "no-such-job", host=here)
    error = json.loads(out)["error"]
    check(status != 0 and re.fullmatch(r"[0-9a-f]{32}", error["trace_id"]), f"{error}")
    lab.wait(job["id"], here)


if __name__ == "__main__":
    main([test_configured, test_one_id, test_malformed, test_private, test_fogctl],
         mode="loopback", hosts=4)
