# SPDX-License-Identifier: BSD-3-Clause
"""What must not work, does not, and says why: every operation of the document is tried with bad
credentials and bad bodies."""

import base64
import hashlib
import hmac
import json
import random
import time

from client import check, problem_check, resolve

LARGE = str(1 << 40) # bytes a request announces and never sends


def operations(client):
    for template, methods in sorted(client.document["paths"].items()):
        for method, operation in sorted(methods.items()):
            if template != "/ws/fog":
                yield method.upper(), template, operation


def path_of(template):
    """Of a thing that is not there."""
    parts = [("0" * 64 if p.startswith("{") else p) for p in template.split("/")]
    return "/".join(parts)


def refused(client, what, answer, *statuses):
    check(answer.status in statuses, f"{what}: wanted {statuses}, got {answer}")
    problem_check(what, answer)


def bodies(client):
    """Too large, of the wrong type, no JSON, wrong JSON."""
    count = 0
    for method, template, operation in operations(client):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if method != "POST" or content is None:
            continue
        path, what = path_of(template), f"{method} {template}"
        json_type = {"Content-Type": "application/json"}
        refused(client, f"{what} with {LARGE} bytes",
                client.raw("POST", path, None, json_type | {"Content-Length": LARGE}), 413)
        refused(client, f"{what} as text",
                client.raw("POST", path, b"{}", {"Content-Type": "text/plain"}), 415)
        refused(client, f"{what} cut off", client.raw("POST", path, b'{"a":', json_type), 400)
        refused(client, f"{what} twice",
                client.raw("POST", path, b'{"a":1,"a":2}', json_type), 400)
        if resolve(client.document, content["schema"]).get("type") == "object":
            wrong = client.raw("POST", path, b"[1]", json_type)
            refused(client, f"{what} as a list", wrong, 400, 422)
        count += 1
    return f"{count} operations"


def shapes(client):
    """The contract's own way to say what is wrong with a body."""
    answer = client.post("/v1/fog/jobs/schedule", {"cpu_cores": "many"}, status=422)
    rows = answer.json["detail"]
    check(isinstance(rows, list) and all({"loc", "msg", "type"} <= set(row) for row in rows),
          f"detail is no list of errors: {answer}")
    check({row["loc"][-1] for row in rows} == {"job_id", "cpu_cores"}, f"not both: {rows}")


def methods(client):
    for template, known in sorted(client.document["paths"].items()):
        path = path_of(template)
        answer = client.raw("PATCH", path)
        refused(client, f"PATCH {template}", answer, 405)
        allow = answer.headers.get("allow", "")
        check(all(m.upper() in allow for m in known), f"PATCH {template}: Allow is {allow}")
    refused(client, "a path that is none", client.raw("GET", "/v1/nothing/here"), 404)


def missing(client):
    for template, name in (("/v1/jobs/{id}", "id"), ("/v1/batches/{id}", "id"),
                           ("/v1/hosts/{id}", "id"), ("/v1/receipts/{job}", "job"),
                           ("/v1/accounts/{name}/entries", "name"), ("/v1/proofs/{id}", "id"),
                           ("/v1/artifacts/{sha256}", "sha256"),
                           ("/v1/messages/{id}", "id"), ("/v1/transactions/{id}", "id")):
        value = "0" * (64 if name == "sha256" or "transactions" in template else 32)
        client.get(template, status=404, **{name: value})


# ---- credentials ----------------------------------------------------------------------------

def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def forged(claims, algorithm="HS256", key=b"guessed"):
    head = encode(json.dumps({"alg": algorithm, "typ": "JWT"}).encode())
    text = head + b"." + encode(json.dumps(claims).encode())
    signature = b"" if algorithm == "none" else hmac.new(key, text, hashlib.sha256).digest()
    return (text + b"." + encode(signature)).decode()


def secured(client):
    """Operations that ask for a token, with the scope they want."""
    for method, template, operation in operations(client):
        scopes = {s for need in operation.get("security", []) for names in need.values()
                  for s in names}
        if operation.get("security"):
            yield method, template, scopes


def token_make(client, scope, seconds=600, tier="enterprise", who="test"):
    return client.post("/v1/tokens", {"subject": f"api-{who}-{scope}", "scope": [scope],
                                      "tier": tier, "expires_seconds": seconds}).json


def fresh(client, who):
    """The same as somebody else, who has used nothing of his limits."""
    return client if client.local else client.with_token(
        token_make(client, "admin", who=who)["token"])


def tokens_bad(client):
    """What is no token: {what it is: its text, None for none}."""
    now = int(time.time())
    good = {"sub": "x", "iat": now, "exp": now + 600, "scope": ["admin"], "jti": "abcdef01"}
    short, gone = token_make(client, "admin", 1), token_make(client, "admin")
    client.call("DELETE", "/v1/tokens/{id}", id=gone["id"])
    time.sleep(2.1)  # one of them has a second to live
    return {"no token": None, "nonsense": "x.y.z", "a forged token": forged(good),
            "an unsigned token": forged(good, "none"), "an expired token": short["token"],
            "a revoked token": gone["token"]}


def tokens_nowhere(client):
    """No operation but the open ones works without a good token: 401 with how to get one."""
    if client.local:
        return "not asked for on a unix socket"
    bad, asked = tokens_bad(client), list(secured(client))
    random.Random(len(asked)).shuffle(asked)
    tried = [(*operation, what) for operation in asked for what in bad]
    for count, (method, template, _, what) in enumerate(tried):
        answer = client.with_token(bad[what]).raw(
            method, path_of(template), b"{}" if method == "POST" else None,
            {"Content-Type": "application/json", "X-Keep-429": "1"})
        if answer.status == 429 and count > 20:
            return f"{count} of {len(tried)} cases"
        refused(client, f"{method} {template} with {what}", answer, 401)
        check("token" in answer.json["detail"].lower(), f"not how to get one: {answer}")
        check(answer.headers.get("www-authenticate"), f"{what}: no WWW-Authenticate")
    return f"{len(tried)} cases"


def scopes(client):
    """A token that may only read writes nothing; one that may write is no admin."""
    if client.local:
        return "not asked for on a unix socket"
    reader = client.with_token(token_make(client, "read")["token"])
    writer = client.with_token(token_make(client, "write")["token"])
    count = 0
    for method, template, wanted in secured(client):
        for who, may in ((reader, {"read"}), (writer, {"read", "write"})):
            if wanted & may:
                continue
            answer = who.raw(method, path_of(template), b"{}" if method == "POST" else None,
                             {"Content-Type": "application/json"})
            refused(client, f"{method} {template} of scope {wanted} with {may}", answer, 403)
            count += 1
    check(reader.raw("GET", "/v1/status").status == 200, "a reader cannot read")
    return f"{count} cases"


def limits(client):
    """A caller of tier standard is told to wait, others are not kept from anything."""
    if client.local:
        return "not asked for on a unix socket"
    slow = client.with_token(token_make(client, "read", tier="standard")["token"])
    for _ in range(100):
        answer = slow.raw("GET", "/v1/status", headers={"X-Keep-429": "1"})
        if answer.status == 429:
            break
        check("x-ratelimit-remaining" in answer.headers, "no X-RateLimit-Remaining")
    refused(client, "a hundred requests in a moment", answer, 429)
    check(int(answer.headers["retry-after"]) > 0, "no Retry-After")
    check(client.raw("GET", "/v1/status").status == 200, "others are limited, too")


TESTS = [
    ("bodies", bodies), ("lists of errors", shapes), ("methods", methods),
    ("things that are not there", missing), ("no good token", tokens_nowhere),
    ("scopes", scopes), ("rate limits", limits),
]
