# SPDX-License-Identifier: BSD-3-Clause
"""JSON and HTTP as others break them, against the live server: JSONTestSuite as bodies, and
requests that two readers could understand in two ways."""

import contextlib
import os
import socket
import ssl
import urllib.parse

from client import TIMEOUT_S, check

JSON_DIR = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                        "vectors", "json")
# Right as JSON, refused all the same: a body is an object or an array, names no member twice and
# holds no zero characters.
REFUSED = {"y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json",
           "y_object_escaped_null_in_key.json", "y_string_null_escape.json"}
SECOND = b"GET /healthz HTTP/1.1\r\nHost: fog\r\n\r\n"


def json_bodies(client):
    """y_ is understood, n_ is refused as no JSON, i_ may be either; all are answered."""
    count = 0
    for name in sorted(os.listdir(JSON_DIR)):
        if not name.endswith(".json"):
            continue
        with open(os.path.join(JSON_DIR, name), "rb") as source:
            body = source.read()
        answer = client.raw("POST", "/v1/fog/jobs/schedule", body,
                            {"Content-Type": "application/json"})
        detail = str(answer.json["detail"]) if answer.json else ""
        refused = answer.status == 400 and "not JSON" in detail
        check(answer.status in (200, 400, 409, 422), f"{name}: {answer}")
        if name.startswith("y_"):
            check(refused == (name in REFUSED), f"{name}: {answer}")
        elif name.startswith("n_"):
            # An empty body is none: it is missing, not wrong.
            check(refused or (answer.status == 422 and not body.strip()), f"{name}: {answer}")
        count += 1
    check(count > 300, f"only {count} bodies in {JSON_DIR}")
    return f"{count} bodies"


def post(*lines, body=b""):
    head = b"\r\n".join((b"POST /v1/fog/jobs/schedule HTTP/1.1", b"Host: fog",
                         b"Content-Type: application/json", *lines))
    return head + b"\r\n\r\n" + body


CHUNKED = b"Transfer-Encoding: chunked"
# Each hides a second request behind what one of two readers takes for the end of the first. It may
# be refused or the connection closed; the second must not be answered.
SMUGGLED = {
    "length and chunks": post(b"Content-Length: 5", CHUNKED, body=b"0\r\n\r\n" + SECOND),
    "chunks and length": post(CHUNKED, b"Content-Length: 5", body=b"0\r\n\r\n" + SECOND),
    "two lengths": post(b"Content-Length: 2", b"Content-Length: 40", body=b"{}" + SECOND),
    "a list of lengths": post(b"Content-Length: 2, 40", body=b"{}" + SECOND),
    "a length with a sign": post(b"Content-Length: +2", body=b"{}" + SECOND),
    "a negative length": post(b"Content-Length: -2", body=b"{}" + SECOND),
    "a length in hex": post(b"Content-Length: 0x2", body=b"{}" + SECOND),
    "a length with a space": post(b"Content-Length: 2 0", body=b"{}" + SECOND),
    "an endless length": post(b"Content-Length: 99999999999999999999999", body=b"{}" + SECOND),
    "a space before the colon": post(b"Content-Length : 2", body=b"{}" + SECOND),
    "chunks twice": post(CHUNKED, b"Transfer-Encoding: identity", body=b"0\r\n\r\n" + SECOND),
    "chunks of another name": post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n" + SECOND),
    "chunks not last": post(b"Transfer-Encoding: chunked, identity",
                            body=b"0\r\n\r\n" + SECOND),
    "a folded length": post(b"X-Fold: a", b" Content-Length: 40", body=SECOND),
    "a chunk with a sign": post(CHUNKED, body=b"+2\r\n{}\r\n0\r\n\r\n" + SECOND),
    "a chunk with 0x": post(CHUNKED, body=b"0x2\r\n{}\r\n0\r\n\r\n" + SECOND),
    "a chunk too large": post(CHUNKED, body=b"fffffffffffffffff\r\n{}\r\n0\r\n\r\n" + SECOND),
    "a chunk without its end": post(CHUNKED, body=b"2\r\n{}0\r\n\r\n" + SECOND),
}
# Nothing in these may be taken for a request that succeeds.
WRONG = {
    "no version": b"GET /healthz\r\n\r\n",
    "another version": b"GET /healthz HTTP/3.7\r\nHost: fog\r\n\r\n",
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a space in the method": b"G ET /healthz HTTP/1.1\r\nHost: fog\r\n\r\n",
    "a bare return": b"GET /healthz HTTP/1.1\rHost: fog\r\r",
    "nonsense": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "headers without an end": b"GET /healthz HTTP/1.1\r\nHost: fog\r\nX: " + b"a" * 100000,
    "ten thousand headers": b"GET /healthz HTTP/1.1\r\nHost: fog\r\n" + b"X: a\r\n" * 10000
                            + b"\r\n",
}


def talk(client, data):
    """What comes back before the end, or before nothing more comes."""
    if client.local:
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        s.settimeout(TIMEOUT_S)
        s.connect(client.url[len("unix:"):])
    else:
        parts = urllib.parse.urlsplit(client.url)
        s = socket.create_connection((parts.hostname, parts.port), TIMEOUT_S)
        if parts.scheme == "https":
            s = ssl._create_unverified_context().wrap_socket(s)
    got = b""
    with s, contextlib.suppress(ConnectionError, socket.timeout):
        s.sendall(data)
        with contextlib.suppress(OSError):
            s.shutdown(socket.SHUT_WR)
        while part := s.recv(65536):
            got += part
    return got


def requests(client):
    for name, data in SMUGGLED.items():
        got = talk(client, data)
        check(b'{"status"' not in got, f"{name}: the second request was answered: {got[-300:]!r}")
        check(b" 500 " not in got[:20], f"{name}: {got[:200]!r}")
    for name, data in WRONG.items():
        got = talk(client, data)
        check(not got.startswith(b"HTTP/1.1 200"), f"{name}: taken for good: {got[:200]!r}")
        check(b" 500 " not in got[:20], f"{name}: {got[:200]!r}")
    good = talk(client, b"GET /healthz HTTP/1.1\r\nHost: fog\r\n\r\n" + SECOND)
    check(good.count(b"HTTP/1.1 ") == 2, f"two good ones in a row: {good!r}")
    return f"{len(SMUGGLED) + len(WRONG)} requests"


TESTS = [("JSON that is none, or nearly", json_bodies), ("HTTP that is none, or two", requests)]
