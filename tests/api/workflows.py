# SPDX-License-Identifier: BSD-3-Clause
"""What users do, from the first request to the last."""

import hashlib
import json
import os
import threading
import time

from client import Failed, check

JOB_S = 90
MESSAGE_S = 120
BUSY_PROOFS = 16  # at once; the host takes 32


def until(what, seconds, predicate, interval_s=0.3):
    deadline = time.monotonic() + seconds
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise Failed(f"not within {seconds} s: {what}")
        time.sleep(interval_s)


def name():
    return f"api-{os.getpid()}-{time.monotonic_ns()}"


def neighbour(client):
    """Another host, whose link is up and that takes jobs; None: this one is alone."""
    for row in client.get("/v1/hosts").json["hosts"]:
        if not row["self"] and row["link_state"] == "up" and "worker" in row["roles"]:
            return row
    return None


def job_end(client, job):
    def ended():
        answer = client.get("/v1/jobs/{id}", id=job).json
        return answer if answer["state"] in ("succeeded", "failed", "cancelled") else None
    return until(f"job {job} ends", JOB_S, ended)


def job_submit(client, argv, **more):
    job = name()
    body = {"id": job, "argv": argv, "limits": {"wall_seconds": 30, "memory_mb": 32}} | more
    client.post("/v1/jobs", body, status=201)
    client.post("/v1/jobs", body, status=200)  # said twice, done once
    return job


def job_here(client):
    """Submit, wait, read, prove."""
    job = job_submit(client, ["sh", "-c", "echo to out; echo to err >&2"], target="self")
    done = job_end(client, job)
    check(done["state"] == "succeeded", f"it ended {done['state']}: {done['reason']}")
    out = client.get("/v1/jobs/{id}/logs", {"stream": "stdout"}, id=job).body
    err = client.get("/v1/jobs/{id}/logs", {"stream": "stderr"}, id=job).body
    check(out == b"to out\n" and err == b"to err\n", f"printed {out!r} and {err!r}")
    states = [e["state"] for e in client.get("/v1/jobs/{id}/history", id=job).json["history"]]
    check(states[0] == "queued" and states[-1] == "succeeded", f"history: {states}")
    client.get("/v1/jobs/{id}/why", id=job)
    check(client.get("/v1/jobs/{id}/artifacts", id=job).json["artifacts"] == [], "artifacts")
    sha256 = hashlib.sha256(b"to out\n").hexdigest()
    check(client.get("/v1/artifacts/{sha256}", sha256=sha256).body == b"to out\n", "artifact")
    check(client.get("/v1/receipts/{job}", job=job).json["receipts"], "no receipt")
    account = client.get("/v1/accounts").json["accounts"][0]["name"]
    client.get("/v1/accounts/{name}/entries", name=account)
    check(any(j["id"] == job for j in client.get("/v1/jobs").json["jobs"]), "it is not listed")
    proof = client.post("/v1/fog/proofs/generate",
                        {"proof_type": "poe", "statement": {"job": job}}).data["proof"]
    both = b"".join(hashlib.sha256(data).digest() for data in (out, err))
    check(proof["output"] == hashlib.sha256(both).hexdigest(), "the proof is of another output")
    check(client.post("/v1/fog/proofs/verify", {"proof": proof}).data["valid"], "it is not valid")


def job_artifacts(client):
    """What a job leaves behind, by name and by hash, whole and in part."""
    job = job_submit(client, ["sh", "-c", "mkdir d; printf 0123456789 > d/x; ln -s x d/y"],
                     target="self", artifacts=["d"], checkpoint=True)
    done = job_end(client, job)
    check(done["state"] == "succeeded", f"it ended {done['state']}: {done['reason']}")
    listed = client.get("/v1/jobs/{id}/artifacts", id=job).json
    artifact = listed["artifacts"][0]
    sha256 = hashlib.sha256(b"0123456789").hexdigest()
    check(artifact["name"] == "d/x" and artifact["sha256"] == sha256, f"artifacts: {listed}")
    check(listed["left_out"] == [{"name": "d/y", "why": "not a file"}], f"left out: {listed}")
    template, known = "/v1/jobs/{id}/artifacts/{path}", {"id": job, "path": "d/x"}
    check(client.get(template, **known).body == b"0123456789", "other bytes")
    check(client.get("/v1/artifacts/{sha256}", sha256=sha256).body == b"0123456789", "by hash")
    client.get(template, id=job, path="d/z", status=404)
    part = client.raw("GET", f"/v1/jobs/{job}/artifacts/d/x", headers={"Range": "bytes=3-5"})
    check(part.status == 206 and part.body == b"345" and
          part.headers["content-range"] == "bytes 3-5/10" and
          part.headers["etag"] == f'"{sha256}"', f"a part: {part} {part.headers}")
    for headers, status in (({"Range": "bytes=10-"}, 416), ({"If-None-Match": f'"{sha256}"'}, 304),
                            ({"Range": "bytes=1-", "If-Range": '"other"'}, 200)):
        answer = client.raw("GET", f"/v1/jobs/{job}/artifacts/d/x", headers=headers)
        check(answer.status == status, f"{headers}: {answer}")


def job_there(client):
    """On another host: money moves, reputation follows."""
    if neighbour(client) is None:
        return "no other host is known"
    job = job_submit(client, ["echo", "hello"])
    done = job_end(client, job)
    check(done["state"] == "succeeded", f"it ended {done['state']}: {done['reason']}")
    worker = done["worker"]
    receipt = client.get("/v1/receipts/{job}", job=job).json["receipts"][0]
    check(receipt["worker"] == worker and receipt["settlement"], f"not settled: {receipt}")
    def evidence():
        rows = client.get("/v1/reputation/{node}/evidence", node=worker).json["evidence"]
        return any(row["job"] == job for row in rows)
    until("its evidence counts", JOB_S, evidence)
    score = client.get("/v1/fog/reputation/score/{node}", node=worker).data
    check(score["reputation_score"]["alpha"] > 1, f"no good came of it: {score}")
    return f"on {done['worker_name']}"


def job_cancel(client):
    job = job_submit(client, ["sleep", "25"], target="self")
    client.post("/v1/jobs/{id}/cancel", id=job)
    check(job_end(client, job)["state"] == "cancelled", "it was not cancelled")
    batch = client.post("/v1/batches", {"id": name(), "stages": [
        {"name": "a", "job": {"argv": ["true"], "limits": {"memory_mb": 32}}},
        {"name": "b", "after": ["a"], "job": {"argv": ["true"]}}]}, status=201).json["id"]
    client.get("/v1/batches/{id}", id=batch)
    client.get("/v1/batches")
    client.post("/v1/batches/{id}/cancel", id=batch)
    plan = client.post("/v1/plan", {"argv": ["true"]}).json["jobs"]
    check(len(plan) == 1, "one job was asked about")


def schedule(client):
    job = name()
    placed = client.post("/v1/fog/jobs/schedule",
                         {"job_id": job, "cpu_cores": 0.5, "memory_gb": 0.1, "disk_gb": 0.1,
                          "estimated_duration_hours": 0.01, "argv": ["echo", "placed"]}).data
    if not placed["success"]:
        return placed["error"]
    done = job_end(client, job)
    check(done["state"] == "succeeded" and done["worker"] == placed["node_id"],
          f"ended {done['state']} on {done['worker_name']}, placed on {placed['node_name']}")
    return f"on {placed['node_name']}"


def proofs(client):
    """Made, checked, spoiled, refused."""
    own = client.get("/v1/status").json["node_id"]
    roster = {own: 10}
    asked = [
        ({"proof_type": "merkle_batch", "statement": {"entries": ["a", {"b": 1}], "old_size": 1}},
         {}),
        ({"proof_type": "MERKLE_TREE", "statement": {"entries": ["a", "b", "c"], "index": 2}}, {}),
        ({"proof_type": "posla", "statement": {"service": "quotes", "limit_us": 500, "from": 1,
                                               "to": 2},
          "witness": {"samples_us": [100, 200, 300, 250, 120]}}, {}),
        ({"proof_type": "poa", "statement": {"subject": "ab" * 32, "verdict": True},
          "public_inputs": {"roster": roster}}, {"roster": roster}),
    ]
    for body, insists in asked:
        made = client.post("/v1/fog/proofs/generate", body).data
        check("samples_us" not in str(made), "the witness is in the answer")
        good = client.post("/v1/fog/proofs/verify", {"proof": made["proof"]} | insists).data
        check(good["valid"] and good["verification_time"] > 0, f"{body['proof_type']}: {good}")
        client.get("/v1/proofs/{id}", id=made["proof"]["id"])
        digits = made["proof"]["signature"]
        made["proof"]["signature"] = digits[:-1] + ("0" if digits[-1] != "0" else "1")
        bad = client.post("/v1/fog/proofs/verify", {"proof": made["proof"]} | insists).data
        check(not bad["valid"] and bad["reason"], f"{body['proof_type']} forged: {bad}")


def predicates(client):
    age = [{"attribute": "age", "operator": ">=", "value": 18}]
    made = client.post("/v1/fog/zk/predicate",
                       {"predicate_type": "range_proof", "conditions": age,
                        "private_inputs": {"age": 25}, "context": "order-7"}).data
    check(made["satisfied"] and made["valid"], f"25 is 18 or more: {made}")
    claim = made["proof"]
    good = client.post("/v1/fog/proofs/verify", {"proof": claim, "context": "order-7"}).data
    other = client.post("/v1/fog/proofs/verify", {"proof": claim, "context": "order-8"}).data
    check(good["valid"] and not other["valid"], "a claim holds in its context only")
    none = client.post("/v1/fog/zk/predicate",
                       {"predicate_type": "range_proof", "conditions": age,
                        "private_inputs": {"age": 17}}).data
    check(not none["satisfied"] and none["proof"] is None, f"17 is less than 18: {none}")
    client.post("/v1/fog/zk/predicate",
                {"predicate_type": "set_membership", "private_inputs": {"country": "de"},
                 "conditions": [{"attribute": "country", "in": ["de", "fr"]}]})


def busy(client):
    """While proofs are made that take long, others are answered."""
    conditions = [{"attribute": f"a{i}", "operator": ">=", "value": 18} for i in range(16)]
    body = {"predicate_type": "range_proof", "conditions": conditions,
            "private_inputs": {f"a{i}": 25 for i in range(16)}}
    ended = []

    def prove():
        ended.append(client.raw("POST", "/v1/fog/zk/predicate", json.dumps(body).encode(),
                                {"Content-Type": "application/json"}).status)
    threads = [threading.Thread(target=prove) for _ in range(BUSY_PROOFS)]
    for thread in threads:
        thread.start()
    until("a proof is made", JOB_S, lambda: ended, interval_s=0.001)
    between = 0
    while len(ended) < BUSY_PROOFS:
        client.get("/v1/status")
        between += len(ended) < BUSY_PROOFS
        time.sleep(0.02)  # requests in a minute are limited
    for thread in threads:
        thread.join()
    check(set(ended) == {200}, f"proofs ended {ended}")
    check(between > 0, "nothing was answered while proofs were made")
    return f"{between} answers meanwhile"


def circuits(client):
    """Build, list, use, close."""
    there = neighbour(client)
    if there is None:
        return "no other host is known"
    made = client.post("/v1/circuits", {"target": there["node_id"], "hops": 2}, status=201).json
    check(made["path"][-1] == there["node_id"] and made["hops"] == 2, f"another circuit: {made}")
    def handles():
        return [c["handle"] for c in client.get("/v1/circuits").json["circuits"]]
    check(made["handle"] in handles(), "it is not listed")
    listed = client.get("/v1/fog/onion/circuits").data["circuits"]
    check(made["handle"] in [c["handle"] for c in listed], "it is no onion circuit")
    client.call("DELETE", "/v1/circuits/{handle}", handle=made["handle"])
    check(made["handle"] not in handles(), "it is listed still")
    client.call("DELETE", "/v1/circuits/{handle}", handle=made["handle"], status=404)
    again = client.post("/v1/circuits", {"target": there["node_id"], "hops": 2}).json["handle"]
    client.post("/v1/circuits/{handle}/close", handle=again)
    return f"over {' '.join(made['names'])}"


def onion(client):
    there = neighbour(client)
    if there is None:
        return "no other host is known"
    answer = client.post("/v1/fog/onion/route", {"destination": there["node_id"],
                                                 "data": {"note": name()},
                                                 "circuit_length": 2}).data
    check(answer["delivered"] and answer["acknowledgement"]["received"], f"not there: {answer}")
    check(answer["circuit_length"] == 2, f"of another length: {answer}")
    if len(client.get("/v1/hosts").json["hosts"]) <= 6:  # five relays, this host and the last
        client.post("/v1/fog/onion/route", {"destination": there["node_id"], "data": {},
                                            "circuit_length": 6}, status=409)
    client.get("/v1/fog/onion/received")
    return f"over {' '.join(answer['circuit']['names'])}"


def message(client):
    there = neighbour(client)
    if there is None:
        return "no other host is known"
    sent = client.post("/v1/messages", {"to": there["node_id"], "text": "hello"}).json["message"]
    def state():
        rows = client.get("/v1/messages").json["outgoing"]
        found = [row["state"] for row in rows if row["message"] == sent]
        return found[0] if found and found[0] != "sending" else None
    check(until("it arrives", MESSAGE_S, state) == "delivered", "it was lost")
    client.call("DELETE", "/v1/messages/{id}", id=sent)
    client.get("/v1/messages/{id}", id=sent, status=404)
    client.seen.add(("GET", "/v1/messages/{id}"))  # only the recipient has its text


def consensus(client):
    """A proposal that everybody can prove later."""
    proposal = {"title": name()}
    answer = client.post("/v1/fog/quorum/consensus",
                         {"proposal": proposal, "timeout_seconds": 60}).data
    check(answer["consensus_reached"], f"not reached: {answer['reason']}")
    client.get("/v1/transactions/{id}", id=answer["transaction"])
    account = client.get("/v1/ledger/accounts/{key}", key=answer["proposal_digest"]).json
    check(account["balance"] == 1, f"the ledger knows nothing of it: {account}")
    client.get("/v1/proposals/{id}", id=1, status=(200, 404))
    client.seen.add(("GET", "/v1/proposals/{id}"))  # there may be none
    return f"at height {answer['height']} in {answer['consensus_time_ms']} ms"


def auction_revealed(client):
    """The order that the endpoints' test committed to, when its time has come."""
    if client.auction is None:
        return "none was opened"
    number, reveal = client.auction
    def phase():
        return client.get("/v1/fog/pricing/auctions/{id}", id=number).data["phase"] == "reveal"
    until("orders may be revealed", JOB_S, phase)
    path = "/v1/fog/pricing/auctions/{id}/reveal"
    client.post(path, reveal | {"price_ufog": 999}, status=(400, 409), id=number)
    client.post(path, reveal | {"signature": "00" * 64}, status=400, id=number)
    client.post(path, reveal, id=number)
    client.post(path, reveal, status=409, id=number)
    return f"auction {number}"


# name, test, does it wait for other hosts
TESTS = [
    ("a job on this host", job_here, False), ("artifacts of a job", job_artifacts, False),
    ("a job on another host", job_there, True),
    ("cancel, batches, plan", job_cancel, False), ("schedule and run", schedule, True),
    ("proofs", proofs, False), ("predicates", predicates, False),
    ("others while proofs are made", busy, False),
    ("circuits", circuits, True), ("data over a circuit", onion, True),
    ("a message through the mixnet", message, True), ("consensus", consensus, True),
    ("an auction's order is revealed", auction_revealed, True),
]
