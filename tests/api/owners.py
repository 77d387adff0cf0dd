# SPDX-License-Identifier: BSD-3-Clause
"""Two users of one host: neither sees or touches what is the other's, an administrator both."""

import asyncio
import json

from client import check
from refusals import token_make
from sockets import connect, receive
from workflows import job_end, name


def users(client):
    """Two who may write; None on a unix socket, where everybody is the administrator."""
    if client.local:
        return None
    return [client.with_token(token_make(client, "write", who=who)["token"])
            for who in ("alice", "bob")]


def absent(client, method, template, body=None, **values):
    """Not found, in the words for what is nowhere."""
    answer = client.call(method, template, body, status=404, **values)
    check(answer.json["title"] == "Not Found", f"{method} {template}: {answer}")


def jobs(client):
    pair = users(client)
    if pair is None:
        return "one user on a unix socket"
    alice, bob = pair
    job, batch = name(), name()
    body = {"id": job, "argv": ["echo", job], "target": "self", "namespace": "api-owners",
            "limits": {"wall_seconds": 30, "memory_mb": 32}}
    alice.post("/v1/jobs", body, status=201)
    bob.post("/v1/jobs", body, status=409)  # the same words of somebody else are another job
    alice.post("/v1/batches", {"id": batch, "stages": [
        {"name": "a", "job": {"argv": ["sleep", "20"], "limits": {"memory_mb": 32}}}]}, status=201)
    done = job_end(alice, job)
    sha256 = done["attempts"][-1]["stdout_sha256"]
    for path in ("/v1/jobs/{id}", "/v1/jobs/{id}/logs", "/v1/jobs/{id}/why",
                 "/v1/jobs/{id}/history", "/v1/jobs/{id}/artifacts"):
        alice.get(path, id=job)
        client.get(path, id=job)
        absent(bob, "GET", path, id=job)
    for path, values in (("/v1/receipts/{job}", {"job": job}),
                         ("/v1/artifacts/{sha256}", {"sha256": sha256}),
                         ("/v1/batches/{id}", {"id": batch}), ("/v1/jobs/{id}", {"id": batch})):
        alice.get(path, **values)
        absent(bob, "GET", path, **values)
    absent(bob, "POST", "/v1/jobs/{id}/cancel", {}, id=job)
    absent(bob, "POST", "/v1/jobs/{id}/cancel", {}, id=batch)
    absent(bob, "POST", "/v1/batches/{id}/cancel", {}, id=batch)
    absent(bob, "POST", "/v1/fog/proofs/generate",
           {"proof_type": "poe", "statement": {"job": job}})
    alice.post("/v1/fog/proofs/generate", {"proof_type": "poe", "statement": {"job": job}})
    for who, sees in ((alice, True), (client, True), (bob, False)):
        ids = [j["id"] for j in who.get("/v1/jobs", {"limit": 1000}).json["jobs"]]
        check((job in ids) == sees, f"listed: {job in ids}, wanted {sees}")
        ids = [b["id"] for b in who.get("/v1/batches", {"limit": 1000}).json["batches"]]
        check((batch in ids) == sees, f"batch listed: {batch in ids}, wanted {sees}")
    alice.post("/v1/batches/{id}/cancel", {}, id=batch)
    return None


def money(client):
    pair = users(client)
    if pair is None:
        return "one user on a unix socket"
    alice, bob = pair
    for who in pair:
        job = name()
        who.post("/v1/jobs", {"id": job, "argv": ["true"], "target": "self",
                              "limits": {"wall_seconds": 30, "memory_mb": 32}}, status=201)
        job_end(who, job)
    accounts = [a["name"] for a in bob.get("/v1/accounts").json["accounts"]]
    check(accounts == ["user:api-bob-write"], f"bob sees the accounts {accounts}")
    bob.get("/v1/accounts/{name}/entries", name="user:api-bob-write")
    absent(bob, "GET", "/v1/accounts/{name}/entries", name="user:api-alice-write")
    bob.call("GET", "/v1/ledger/entries", None, {"account": "user:api-alice-write"}, status=404)
    for row in bob.get("/v1/ledger/entries").json["entries"]:
        check("user:api-bob-write" in (row["debit"], row["credit"]), f"bob sees {row}")
    check(len(client.get("/v1/accounts").json["accounts"]) > 2, "the administrator sees few")
    return None


def things(client):
    """Reservations, enclaves, what came in over circuits."""
    pair = users(client)
    if pair is None:
        return "one user on a unix socket"
    alice, bob = pair
    body = {"namespace": name(), "cpu_cores": 0.1, "duration_seconds": 60}
    kept = alice.post("/v1/reservations", body, status=201).json["reservations"]
    mine = kept[-1]["id"]
    check(all(r["owner"] == "api-alice-write" for r in kept), f"alice sees {kept}")
    check(bob.get("/v1/reservations").json["reservations"] == [], "bob sees a reservation")
    absent(bob, "DELETE", "/v1/reservations/{id}", id=mine)
    absent(bob, "POST", "/v1/reservations/{id}/cancel", {}, id=mine)
    check(any(r["id"] == mine for r in client.get("/v1/reservations").json["reservations"]),
          "the administrator does not see it")
    alice.call("DELETE", "/v1/reservations/{id}", id=mine)
    bob.call("GET", "/v1/fog/onion/received", status=403)
    made = alice.call("POST", "/v1/fog/tee/runtime", {
        "operation": "create", "code": "true", "config": {"name": "api-owners"}},
        status=[200, 503, 507])
    if made.status != 200:
        return f"no enclaves here: {made.status}"
    enclave = made.data["enclave_id"]
    absent(bob, "GET", "/v1/enclaves/{id}", id=enclave)
    check(enclave not in str(bob.get("/v1/enclaves")), "bob sees the enclave in the list")
    check(enclave not in str(bob.get("/v1/fog/tee/status")), "bob sees it in the status")
    for operation in ("attest", "deploy", "execute", "terminate"):
        absent(bob, "POST", "/v1/fog/tee/runtime",
               {"operation": operation, "enclave_id": enclave})
    alice.get("/v1/enclaves/{id}", id=enclave)
    alice.post("/v1/fog/tee/runtime", {"operation": "terminate", "enclave_id": enclave})
    return None


def circuits(client):
    pair = users(client)
    others = [h for h in client.get("/v1/hosts").json["hosts"]
              if not h["self"] and h["link_state"] == "up"]
    if pair is None or len(others) < 2:
        return "no two users, or no hosts"
    alice, bob = pair
    handle = alice.post("/v1/circuits", {"target": others[0]["name"], "hops": 1},
                        status=201).json["handle"]

    def sees(who, path):
        answer = who.get(path).json
        return handle in [c["handle"] for c in answer.get("data", answer)["circuits"]]
    for path in ("/v1/circuits", "/v1/fog/onion/circuits"):
        check(sees(alice, path) and sees(client, path), f"{path}: not listed")
        check(not sees(bob, path), f"{path}: bob sees the circuit")
    check(bob.get("/v1/circuits").json["terminus"] == [], "bob sees circuits that end here")
    absent(bob, "DELETE", "/v1/circuits/{handle}", handle=handle)
    check(sees(alice, "/v1/circuits"), "bob has closed it")
    alice.call("DELETE", "/v1/circuits/{handle}", handle=handle)
    return None


async def watch(alice, bob):
    loop = asyncio.get_running_loop()
    sockets = [await connect(who) for who in (alice, bob)]
    for ws in sockets:
        await receive(ws, "fog_connection_established")
        await ws.send('{"type":"subscribe","topics":["jobs"]}')
        await receive(ws, "subscribed")
    told = {}
    for who, ws in zip((bob, alice), reversed(sockets)):
        job = name()
        await loop.run_in_executor(None, lambda w=who, j=job: w.post("/v1/jobs", {
            "id": j, "argv": ["true"], "target": "self", "limits": {"memory_mb": 32}}, status=201))
        told[ws] = job
    for ws in sockets:  # of both jobs, the first event that comes is of one's own; no other comes
        state = ""
        while state not in ("succeeded", "failed"):
            update = (await receive(ws, "job_update", 60))["data"]
            check(update["job"] == told[ws], f"told of another's job: {json.dumps(update)}")
            state = update["state"]
        await ws.close()


def live(client):
    pair = users(client)
    if pair is None:
        return "one user on a unix socket"
    asyncio.run(watch(*pair))
    return None


TESTS = (("jobs", jobs), ("money", money), ("things", things), ("circuits", circuits),
         ("live", live))
