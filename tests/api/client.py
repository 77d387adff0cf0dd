# SPDX-License-Identifier: BSD-3-Clause
"""A client of the public API for tests: HTTP over TCP, TLS or a unix socket, answers checked
against /openapi.json. Nothing but the standard library."""

import http.client
import json
import re
import socket
import ssl
import time
import urllib.parse

TIMEOUT_S = 60
LIMITED_TRIES = 3
SCHEMA_DEPTH_MAX = 20


class Failed(Exception):
    """A check did not hold."""


def check(condition, text):
    if not condition:
        raise Failed(text)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("fog", timeout=TIMEOUT_S)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body
        self.json = None
        if headers.get("content-type", "").split(";")[0].endswith("json") and body:
            self.json = json.loads(body)

    @property
    def data(self):
        """What is in the envelope."""
        return self.json["data"]

    def __str__(self):
        return f"{self.status} {self.body[:300]!r}"


class Client:
    """url: http://host:port, https://.., or unix:/path/api.sock. Remembers which operations of the
    document were used."""

    def __init__(self, url, token=None, seen=None):
        self.url = url.rstrip("/")
        self.token = token
        self.seen = seen if seen is not None else set()  # (METHOD, template)
        self.document = {"paths": {}}
        self.auction = None  # (number, order to reveal), of the endpoints' test

    @property
    def local(self):
        """Over the unix socket, where nobody needs a token."""
        return self.url.startswith("unix:")

    def with_token(self, token):
        other = Client(self.url, token, self.seen)
        other.document = self.document
        return other

    def connection(self):
        if self.local:
            return UnixConnection(self.url[len("unix:"):])
        parts = urllib.parse.urlsplit(self.url)
        if parts.scheme == "https":
            return http.client.HTTPSConnection(parts.hostname, parts.port or 443,
                                               timeout=TIMEOUT_S,
                                               context=ssl._create_unverified_context())
        return http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=TIMEOUT_S)

    def raw(self, method, path, body=None, headers=None):
        """One request as it is; no check but that there is an answer."""
        sent = dict(headers or {})
        if self.token and "Authorization" not in sent:
            sent["Authorization"] = f"Bearer {self.token}"
        for _ in range(LIMITED_TRIES):
            connection = self.connection()
            try:
                connection.request(method, path, body, sent)
                got = connection.getresponse()
                answer = Answer(got.status, {k.lower(): v for k, v in got.getheaders()},
                                got.read())
            finally:
                connection.close()
            if answer.status != 429 or "X-Keep-429" in sent:
                break
            time.sleep(min(int(answer.headers.get("retry-after", "5")), 60))
        return answer

    def call(self, method, template, body=None, query=None, status=None, headers=None, **values):
        """Use an operation of the document: {name} from values. Its answer is checked: a status of
        `status` (default: any below 400), the schema, what problems must hold."""
        path = re.sub(r"\{(\w+)\}", lambda m: urllib.parse.quote(str(values[m[1]]), safe=""),
                      template)
        if query:
            path += "?" + urllib.parse.urlencode(query)
        sent = dict(headers or {})
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        text = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        answer = self.raw(method, path, text, sent)
        wanted = [status] if isinstance(status, int) else status
        good = answer.status < 400 if wanted is None else answer.status in wanted
        check(good, f"{method} {path}: wanted {wanted or 'success'}, got {answer}")
        check(answer.headers.get("x-request-id"), f"{method} {path}: no X-Request-Id")
        if answer.status >= 400:
            problem_check(f"{method} {path}", answer)
        else:
            self.seen.add((method, template))
            self.answer_check(method, template, answer)
        return answer

    def get(self, template, query=None, status=None, **values):
        return self.call("GET", template, None, query, status, **values)

    def post(self, template, body=None, status=None, **values):
        return self.call("POST", template, body, None, status, **values)

    def answer_check(self, method, template, answer):
        operation = self.document["paths"].get(template, {}).get(method.lower())
        if operation is None or answer.json is None:
            return
        content = operation["responses"].get(str(answer.status), {}).get("content", {})
        schema = content.get("application/json", {}).get("schema")
        if schema is not None:
            validate(self.document, schema, answer.json, f"{method} {template}")
        if template.startswith("/v1/fog/"):
            check(answer.json.get("success") is True and "data" in answer.json,
                  f"{method} {template}: no envelope")


def problem_check(what, answer):
    """Problem details (RFC 9457) that say something."""
    check(answer.headers.get("content-type", "").startswith("application/problem+json"),
          f"{what}: {answer.status} is no problem document: {answer}")
    for name in ("type", "title", "status", "detail", "request_id", "trace_id"):
        check(name in answer.json, f"{what}: the problem has no {name}: {answer}")
    check(answer.json["status"] == answer.status, f"{what}: says another status: {answer}")
    check(answer.json["detail"], f"{what}: the detail is empty")


# ---- JSON Schema, as far as the document uses it -------------------------------------------

TYPES = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
}


def resolve(document, schema):
    for _ in range(SCHEMA_DEPTH_MAX):
        if "$ref" not in schema:
            return schema
        at = document
        for part in schema["$ref"].lstrip("#/").split("/"):
            at = at[part]
        schema = at
    raise Failed(f"references without an end: {schema}")


def fits(document, schema, value):
    try:
        validate(document, schema, value, "")
        return True
    except Failed:
        return False


def validate(document, schema, value, where):
    """Failed when the value does not fit."""
    schema = resolve(document, schema)
    for word in ("anyOf", "oneOf"):
        if word in schema:
            check(any(fits(document, s, value) for s in schema[word]),
                  f"{where}: {value!r:.80} is none of {word}")
    types = schema.get("type")
    if types is not None:
        names = [types] if isinstance(types, str) else types
        check(any(TYPES[t](value) for t in names), f"{where}: {value!r:.80} is no {types}")
    if "enum" in schema:
        check(value in schema["enum"], f"{where}: {value!r:.80} is none of {schema['enum']}")
    if isinstance(value, dict):
        validate_object(document, schema, value, where)
    elif isinstance(value, list) and "items" in schema:
        for i, item in enumerate(value):
            validate(document, schema["items"], item, f"{where}[{i}]")
    elif isinstance(value, str) and "pattern" in schema:
        check(re.search(schema["pattern"], value), f"{where}: {value!r:.80} is not as said")
    elif TYPES["number"](value):
        check(value >= schema.get("minimum", value), f"{where}: {value} is below the minimum")
        check(value <= schema.get("maximum", value), f"{where}: {value} is above the maximum")


def validate_object(document, schema, value, where):
    properties = schema.get("properties", {})
    for name in schema.get("required", []):
        check(name in value, f"{where}: {name} is missing")
    more = schema.get("additionalProperties", True)
    for name, member in value.items():
        if name in properties:
            validate(document, properties[name], member, f"{where}.{name}")
        else:
            check(more is not False, f"{where}: {name} is not in the document")
            if isinstance(more, dict):
                validate(document, more, member, f"{where}.{name}")
