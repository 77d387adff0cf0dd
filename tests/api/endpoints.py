# SPDX-License-Identifier: BSD-3-Clause
"""Each endpoint of the contract and of the document answers, with what it promises."""

import json
import time

import contract
from client import check
from contract import holds

# Used by no test: they would stop what the tests need, or write to the server's disk.
NOT_USED = {
    ("POST", "/v1/store/backup"): "writes a file on the server",
    ("POST", "/v1/vouchers"): "wants blinded vouchers; tests/netns/e2e_money.py does it",
    ("POST", "/v1/transactions"): "wants signed transactions; tests/netns/e2e_dao.py does it",
}


def document_load(client):
    client.document = client.get("/openapi.json").json
    check(client.document["openapi"].startswith("3.1"), "no OpenAPI 3.1 document")
    return f"{len(client.document['paths'])} paths"


def coverage(client):
    """Nothing in the document was left out."""
    missing = []
    for template, methods in client.document["paths"].items():
        for method in methods:
            key = (method.upper(), template)
            if key not in client.seen and key not in NOT_USED:
                missing.append(f"{method.upper()} {template}")
    check(not missing, f"never used with success: {', '.join(missing)}")
    return f"{len(client.seen)} operations"


def root(client):
    data = client.get("/").data
    holds(data, {"service", "version", "status", "enhanced_features", "fog_endpoints"}, "GET /")
    check(data["status"] == "operational", f"status is {data['status']}")
    check(len(data["enhanced_features"]) == 8, "eight features were promised")
    wanted = {"tee", "proofs", "zk_predicates", "pricing", "scheduler", "quorum", "onion",
              "reputation", "vrf", "system"}
    check(wanted <= set(data["fog_endpoints"]), "an endpoint is not named")
    for name, text in data["fog_endpoints"].items():
        method, path = text.split(" ")
        known = any(p.split("{")[0] == path.split("{")[0] and method.lower() in m
                    for p, m in client.document["paths"].items())
        check(known or name == "tee", f"fog_endpoints.{name}: {text} is not in the document")


def health(client):
    answer = client.get("/health").json
    holds(answer, {"status", "timestamp", "version", "services"}, "GET /health")
    check(answer["status"] in ("healthy", "degraded"), f"status is {answer['status']}")
    for service in contract.SERVICES:
        holds(answer["services"], {f"{service}.status", f"{service}.available"}, "GET /health")
    check(client.get("/healthz").json["status"] in ("healthy", "degraded"), "GET /healthz")


def system(client):
    data = client.get("/v1/fog/system/status").data
    holds(data, contract.STATUS, "system/status")
    for component in contract.COMPONENTS:
        holds(data["fog_system"]["components"],
              {f"{component}.{field}" for field in ("status", "health", "last_heartbeat",
                                                    "error_count", "uptime_seconds",
                                                    "is_healthy")}, "system/status")
    for service in contract.SERVICES[1:]:
        holds(data["components"], {f"{service}.health"}, "system/status")
    holds(client.get("/v1/fog/system/metrics").data, contract.METRICS, "system/metrics")


def pricing(client):
    for lane in ("cpu", "memory", "storage", "bandwidth", "gpu", "federated_inference"):
        quote = client.get("/v1/fog/pricing/quote", {"resource_lane": lane, "quantity": 2}).data
        holds(quote, contract.QUOTE, f"quote of {lane}")
        check(quote["quantity"] == 2 and quote["lane"] == lane, f"quote of {lane}: of another")
    bulk = client.post("/v1/fog/pricing/bulk", {"cpu": [200, 10], "memory": [4, 10]}).data
    holds(bulk, {"lane_quotes.cpu", "lane_quotes.memory", "subtotal", "bulk_discount_multiplier",
                 "total_cost", "currency", "quote_valid_until", "market_condition"}, "bulk")
    analytics = client.get("/v1/fog/pricing/analytics").data
    holds(analytics, contract.ANALYTICS, "analytics")
    check(len(analytics["lane_analytics"]) >= 10, "there are ten lanes or more")
    for lane, values in analytics["lane_analytics"].items():
        holds(values, contract.LANE, f"analytics of {lane}")
    client.get("/v1/fog/pricing/history", {"lane": "cpu"})
    client.get("/v1/fog/pricing/alerts")


def scheduler(client):
    holds(client.get("/v1/fog/jobs/scheduler/stats").data, contract.SCHEDULER, "scheduler")
    for strategy in ("nsga_ii", "NSGA_II", "cost"):
        for job_class in ("S", "A_CLASS", "b_class"):
            placed = client.post("/v1/fog/jobs/schedule",
                                 {"job_id": "t", "memory_gb": 0.1, "job_class": job_class,
                                  "placement_strategy": strategy}).data
            if placed["success"]:
                holds(placed, contract.SCHEDULED, "schedule")
    refused = client.post("/v1/fog/jobs/schedule", {"job_id": "t", "cpu_cores": 99999}).data
    check(refused["success"] is False, "nobody has so many cores")
    holds(refused, {"error", "violations", "job_id", "placement_time_ms"}, "schedule refused")
    check(refused["error"] in ("No available fog nodes", "No feasible placement found"),
          f"error is {refused['error']}")


def quorum(client):
    holds(client.get("/v1/fog/quorum/status").data, contract.QUORUM, "quorum/status")
    client.get("/v1/quorum")
    ledger = client.get("/v1/ledger").json
    client.get("/v1/quorum/proof", {"height": max(ledger["height"] - 5, 1)}, status=(200, 404))


def trust(client):
    own = client.get("/v1/status").json["node_id"]
    data = client.get("/v1/fog/reputation/score/{node}", node=own).data
    holds(data, {"node_id", "reputation_score", "trust_score", "timestamp"}, "score")
    unknown = client.get("/v1/fog/reputation/score/{node}", node="ab" * 32).data
    check(unknown["reputation_score"] is None and unknown["trust_score"] == 0.0,
          f"nobody knows it: {unknown}")
    client.post("/v1/fog/reputation/update",
                {"node_id": own, "event_type": "task_success", "success": True}, status=403)
    client.seen.add(("POST", "/v1/fog/reputation/update"))  # it refuses everybody
    client.get("/v1/reputation")
    client.get("/v1/reputation/tiers")
    client.get("/v1/reputation/{node}/opinions", node=own)
    client.get("/v1/reputation/{node}/evidence", node=own)


def draws(client):
    own = client.get("/v1/status").json["node_id"]
    data = client.get("/v1/fog/vrf/neighbors", {"node_id": own, "neighbor_count": 5}).data
    check(data["selection_method"] == "vrf", f"selected by {data['selection_method']}")
    check(isinstance(data["neighbors"], list) and len(data["neighbors"]) <= 5, "neighbors")
    client.get("/v1/fog/vrf/status")
    # Drawn with the first beacon of the epoch, which may be a minute away: then 503.
    client.get("/v1/fog/vrf/draws/{kind}", kind="neighbours", status=(200, 503))
    client.seen.add(("GET", "/v1/fog/vrf/draws/{kind}"))


def peers(client):
    holds(client.get("/api/p2p/status").json, contract.P2P, "p2p/status")
    for peer in client.get("/api/p2p/peers").json["peers"]:
        holds(peer, {"id", "latency"}, "p2p/peers")
    holds(client.get("/api/p2p/messages").json, contract.P2P_MESSAGES, "p2p/messages")


def auction(client):
    """Opened and committed to here; workflows.auction_revealed goes on when its phase has come."""
    made = client.post("/v1/fog/pricing/auctions",
                       {"lane": "cpu", "commit_seconds": 20, "reveal_seconds": 900}).data
    number = made["auction_id"]
    order = {"price_ufog": 1000, "quantity": 1, "nonce": "22" * 32}
    ask = client.post("/v1/fog/pricing/asks",
                      order | {"auction_id": number, "hours": made["hours"]}).data
    commit = {"account": ask["account"], "hash": ask["hash"], "user": "local",
              "deposit_mfog": ask["deposit_mfog"]}
    row = client.post("/v1/fog/pricing/auctions/{id}/commit", commit, id=number).data
    check(row["phase"] == "commit" and row["orders"] == 1, f"not committed: {row}")
    client.post("/v1/fog/pricing/auctions/{id}/commit", commit, status=409, id=number)
    reveal = order | {"account": ask["account"], "side": "ask", "signature": ask["signature"]}
    client.post("/v1/fog/pricing/auctions/{id}/reveal", reveal, status=409, id=number)
    shown = client.get("/v1/fog/pricing/auctions/{id}", id=number).data
    check(shown["orders"] == 1 and shown["price_ufog"] is None, f"it shows {shown}")
    rows = client.get("/v1/fog/pricing/auctions").data["auctions"]
    check(number in [r["auction_id"] for r in rows], "it is not listed")
    client.auction = number, reveal


def reservation(client):
    client.get("/v1/reservations")
    start = int(time.time() * 1000) + 3600000
    body = {"namespace": "api-test", "cpu_cores": 1, "start_ms": start, "duration_seconds": 60}
    rows = client.post("/v1/reservations", body).json["reservations"]
    mine = [row["id"] for row in rows if row["namespace"] == "api-test"]
    client.call("DELETE", "/v1/reservations/{id}", id=mine[0])
    rows = client.post("/v1/reservations", body).json["reservations"]
    mine = [row["id"] for row in rows if row["namespace"] == "api-test"]
    client.post("/v1/reservations/{id}/cancel", id=mine[0])


def spaces(client):
    own = client.get("/v1/status").json["node_id"]
    client.get("/v1/namespaces")
    client.post("/v1/namespaces/{name}", {"jobs": 0, "weight": 1}, name="api-test")
    client.get("/v1/holds")
    client.post("/v1/holds/{node}", {"mode": "none"}, node=own)
    client.get("/v1/sla")
    client.get("/v1/scheduler")


def books(client):
    own = client.get("/v1/status").json["node_id"]
    client.get("/v1/ledger/entries")
    for template in ("/v1/ledger/validators", "/v1/ledger/parameters", "/v1/ledger/escrows",
                     "/v1/proposals", "/v1/offers"):
        client.get(template)
    client.get("/v1/ledger/accounts/{key}", key=own)


def host(client):
    for template in ("/v1/status", "/v1/dataplane", "/v1/hosts", "/v1/links", "/v1/xdp",
                     "/v1/messages", "/v1/circuits"):
        client.get(template)
    client.get("/v1/hosts/{id}", id=client.get("/v1/status").json["node_id"])
    client.post("/v1/store/check")
    text = client.raw("GET", "/metrics")
    check(text.status == 200 and b"fog_build_info" in text.body, "GET /metrics")
    client.seen.add(("GET", "/metrics"))
    parts = client.get("/v1/health").json["components"]
    check(set(contract.COMPONENTS) <= set(parts), "a component is missing in /v1/health")
    client.post("/v1/health/{component}/restart", component="vrf_selector")


def tokens(client):
    made = client.post("/v1/tokens", {"subject": "api-test", "scope": ["read"],
                                      "expires_seconds": 60}, status=201).json
    rows = client.get("/v1/tokens").json["tokens"]
    check(any(row["id"] == made["id"] for row in rows), "the token made is not listed")
    check(made["token"] not in json.dumps(rows), "its text is told again")
    client.call("DELETE", "/v1/tokens/{id}", id=made["id"])


def alerts(client):
    rules = client.get("/v1/alerts/rules").json["rules"]
    check({"component_down", "state_disk_low"} <= {r["name"] for r in rules}, f"rules: {rules}")
    client.post("/v1/alerts/{id}/acknowledge", {"by": "api-test"}, status=404, id=0)
    silence = client.post("/v1/alerts/silences", {"rule": "api-test", "seconds": 60},
                          status=201).json["id"]
    listed = client.get("/v1/alerts", {"limit": 1}).json
    check(silence in [s["id"] for s in listed["silences"]], "the silence is not listed")
    client.call("DELETE", "/v1/alerts/silences/{id}", id=silence)
    client.call("DELETE", "/v1/alerts/silences/{id}", status=404, id=silence)
    if not listed["alerts"]:
        client.seen.add(("POST", "/v1/alerts/{id}/acknowledge"))
        return "nothing has ever fired here: no alert was acknowledged"
    return alert_kept(client, listed["alerts"][0])


def alert_kept(client, row):
    """Acknowledged, silenced, loud again; paged through."""
    def again():
        rows = client.get("/v1/alerts", {"state": "all"}).json["alerts"]
        return next(r for r in rows if r["id"] == row["id"])
    acked = client.post("/v1/alerts/{id}/acknowledge", {"by": "api-test"}, id=row["id"]).json
    check(acked["acknowledged_ms"] and acked["acknowledged_by"] == "api-test", f"ack: {acked}")
    check(again()["acknowledged_ms"] == acked["acknowledged_ms"], "it is not kept")
    silence = client.post("/v1/alerts/silences", {"rule": row["rule"], "key": row["key"],
                                                  "seconds": 60}, status=201).json["id"]
    check(again()["silenced"], "it is not silenced")
    client.call("DELETE", "/v1/alerts/silences/{id}", id=silence)
    check(not again()["silenced"], "it is still silenced")
    seen, after = [], 0
    while after is not None:
        page = client.get("/v1/alerts", {"limit": 2, "after": after}).json
        seen += [r["id"] for r in page["alerts"]]
        after = page["next"]
    check(seen == sorted(set(seen), reverse=True) and row["id"] in seen, f"pages: {seen}")
    return f"{row['rule']} of {len(seen)}"


def enclaves(client):
    if "/v1/fog/tee/runtime" not in client.document["paths"]:
        return "not served here"
    holds(client.get("/v1/fog/tee/status").data,
          {"active_enclaves", "memory_usage_mb", "attestation_count", "security_level",
           "healthy", "enclaves"}, "tee/status")
    client.get("/v1/enclaves")
    made = client.post("/v1/fog/tee/runtime",
                       {"operation": "create", "code": "#!/bin/sh\necho hello\n",
                        "config": {"memory_mb": 64}}).data["enclave_id"]
    client.get("/v1/enclaves/{id}", id=made)
    client.post("/v1/fog/tee/runtime", {"operation": "terminate", "enclave_id": made})
    client.post("/v1/fog/tee/runtime", {"operation": "dance"}, status=422)
    return made


def pages(client):
    """What comes two by two is what comes at once; the header says how to go on, too."""
    paged = 0
    for template, name in (("/v1/hosts", "hosts"), ("/v1/links", "links"),
                           ("/v1/ledger/escrows", "escrows"), ("/v1/offers", "offers"),
                           ("/v1/proposals", "proposals"), ("/v1/tokens", "tokens")):
        whole = [json.dumps(row) for row in client.get(template).json[name]]
        count, after = 0, 0
        while after is not None:
            page = client.get(template, {"limit": 2, "after": after})
            after = page.json["next"]
            count += len(page.json[name])
            link = page.headers.get("link", "")
            check(("rel=next" in link) == (after is not None), f"{template}: {link!r}")
            check(len(page.json[name]) <= 2, f"{template}: more than was asked for")
            paged += after is not None
        check(count == len(whole), f"{template}: {count} in pages, {len(whole)} at once")
        check(not client.get(template, {"limit": 2, "after": 1000000}).json[name], template)
    client.get("/v1/hosts", {"limit": 0}, status=400)
    return f"{paged} of them went on"


def others(client):
    """What the document has and no other test uses: whatever can be read without naming a thing."""
    used = []
    for template, methods in client.document["paths"].items():
        if ("GET", template) in client.seen or "get" not in methods or template == "/ws/fog":
            continue
        needed = [p for p in methods["get"].get("parameters", []) if p.get("required")]
        if "{" not in template and not needed:
            client.get(template, status=(200, 404, 409, 503))
            used.append(template)
    return ", ".join(used)


TESTS = [
    ("root", root), ("health", health), ("system", system), ("host", host),
    ("pricing", pricing), ("scheduler", scheduler), ("quorum", quorum), ("trust", trust),
    ("draws", draws), ("peers", peers), ("auction", auction), ("reservations", reservation),
    ("namespaces", spaces), ("books", books), ("tokens", tokens),
    ("alerts", alerts), ("enclaves", enclaves), ("pages", pages), ("others", others),
]
