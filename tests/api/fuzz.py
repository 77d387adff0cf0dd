# SPDX-License-Identifier: BSD-3-Clause
"""Requests made from /openapi.json at random: some fit, most are wrong in one place. Whatever
comes, the server answers, never with 500, and goes on. The same seed makes the same requests."""

import copy
import json
import random
import urllib.parse

from client import check, resolve

# Their answer needs another part of the fog, or time: 502, 503 and 504 are true there.
ELSEWHERE = {502, 503, 504}
STRANGE = [None, True, -1, 0, 1.5, 1e308, 2**63, "", "x", "\u0000", "\ud7ff" * 3, "../..", "'\"",
           "a" * 5000, [], [[]], {}, {"a": {"b": [1]}}, [0] * 300]
# They would take the host under test away from the tests.
NOT_FUZZED = {"/v1/health/{component}/restart", "/v1/tokens", "/v1/tokens/{id}",
              "/v1/store/backup", "/v1/holds/{node}", "/v1/namespaces/{name}",
              "/v1/reservations", "/ws/fog"}


class Maker:
    def __init__(self, document, seed):
        self.document = document
        self.random = random.Random(seed)

    def text(self, schema):
        r = self.random
        low = schema.get("minLength", 0)
        size = r.randint(low, min(schema.get("maxLength", low + 12), low + 40))
        if "pattern" in schema:
            return "".join(r.choice("0123456789abcdef") for _ in range(64))
        return "".join(r.choice("abcxyz019-_. \u00e9\u4e16") for _ in range(size))

    def number(self, schema):
        r = self.random
        low = schema.get("minimum", schema.get("exclusiveMinimum", -10))
        high = schema.get("maximum", schema.get("exclusiveMaximum", low + 1000))
        value = r.choice([low, high, r.uniform(low, high)])
        types = schema.get("type")
        return int(value) if types == "integer" or "integer" in (types or []) else value

    def value(self, schema, depth=0):
        """Something that fits, or nearly."""
        r = self.random
        schema = resolve(self.document, schema)
        for word in ("anyOf", "oneOf"):
            if word in schema:
                return self.value(r.choice(schema[word]), depth)
        if "enum" in schema:
            return r.choice(schema["enum"])
        types = schema.get("type", r.choice(["string", "integer", "object"]))
        kind = types if isinstance(types, str) else r.choice(types)
        if kind == "object":
            return self.object(schema, depth)
        if kind == "array":
            items = schema.get("items", {})
            low = schema.get("minItems", 0)
            return [self.value(items, depth + 1) for _ in range(r.randint(low, low + 2))]
        if kind == "string":
            return self.text(schema)
        if kind in ("integer", "number"):
            return self.number(schema)
        return None if kind == "null" else r.choice([True, False])

    def object(self, schema, depth):
        if depth > 4:
            return {}
        needed = schema.get("required", [])
        out = {}
        for name, member in schema.get("properties", {}).items():
            if name in needed or self.random.random() < 0.4:
                out[name] = self.value(member, depth + 1)
        if not out and isinstance(schema.get("additionalProperties"), dict):
            out[self.text({})] = self.value(schema["additionalProperties"], depth + 1)
        return out

    def spoil(self, value):
        """One place of it is something else."""
        r = self.random
        if isinstance(value, dict) and value and r.random() < 0.8:
            name = r.choice(sorted(value))
            if r.random() < 0.2:
                del value[name]
            else:
                value[name] = self.spoil(value[name])
            return value
        if isinstance(value, list) and value and r.random() < 0.8:
            i = r.randrange(len(value))
            value[i] = self.spoil(value[i])
            return value
        return copy.deepcopy(r.choice(STRANGE))  # what is spoiled once may be spoiled again


def request_make(maker, template, method, operation):
    r = maker.random
    path, query = template, {}
    for parameter in operation.get("parameters", []):
        parameter = resolve(maker.document, parameter)
        value = maker.value(parameter.get("schema", {}))
        if r.random() < 0.3:
            value = r.choice(STRANGE)
        text = urllib.parse.quote(str(value)[:1000], safe="") or "x"
        if parameter["in"] == "path":
            path = path.replace("{" + parameter["name"] + "}", text)
        elif parameter["in"] == "query" and r.random() < 0.6:
            query[parameter["name"]] = str(value)[:500]
    if query:
        path += "?" + urllib.parse.urlencode(query, errors="replace")
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None and method == "get":
        return path, None
    value = maker.value((content or {}).get("schema", {}))
    for _ in range(r.choice([0, 1, 1, 2])):
        value = maker.spoil(value)
    body = json.dumps(value).encode()
    if r.random() < 0.05:
        body = body[:r.randrange(len(body))] + r.randbytes(3)
    return path, body


def fuzz(client, count, seed):
    """How many requests of each status there were; Failed at the first that should not be."""
    maker = Maker(client.document, seed)
    operations = [(template, method, operation)
                  for template, methods in sorted(client.document["paths"].items())
                  for method, operation in sorted(methods.items())
                  if template not in NOT_FUZZED and method in ("get", "post", "delete")]
    statuses = {}
    for i in range(count):
        template, method, operation = maker.random.choice(operations)
        path, body = request_make(maker, template, method, operation)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        answer = client.raw(method.upper(), path, body, headers)
        statuses[answer.status] = statuses.get(answer.status, 0) + 1
        check(answer.status < 500 or answer.status in ELSEWHERE | {507},
              f"request {i} of seed {seed}: {method.upper()} {path} {body!r:.300}: {answer}")
    check(client.raw("GET", "/healthz").status == 200, "the server does not answer any more")
    return statuses
