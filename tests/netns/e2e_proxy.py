#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The API behind reverse proxies: Debian's nginx and caddy with the files of configs/proxy, in
which only names, ports and paths are replaced. The public integration test goes through them, and
curl over HTTP/2."""

import contextlib
import json
import os
import shutil
import socket
import subprocess

from lab import ROOT, Failed, check, free_port, main, until

API_TEST = os.path.join(ROOT, "tests", "api", "api_test.py")
API_S = 300
WAIT_S = 30
# Parts of the integration test. Not its broken requests, which a proxy refuses in its own words;
# and caddy hands no head on before the body begins, so it refuses none early.
PARTS = ("endpoint", "websocket", "workflow")
NGINX_PARTS = (*PARTS, "refusal")
CADDY_PARTS = (*PARTS, "scopes", "no good token", "methods", "lists of errors")
NGINX_MAIN = """
{user}
daemon off;
pid {dir}/nginx.pid;
error_log {dir}/nginx.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    include {dir}/site.conf;
}}
"""
CADDY_MAIN = "{\n\tadmin off\n\tauto_https disable_redirects\n}\n"


def certificate(folder):
    key, cert = os.path.join(folder, "key.pem"), os.path.join(folder, "cert.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", key, "-out", cert], check=True, stderr=subprocess.DEVNULL)
    return cert, key


def shipped(name, replaced):
    """A file of configs/proxy, each of the words replaced, which it must hold."""
    with open(os.path.join(ROOT, "configs", "proxy", name), encoding="utf-8") as source:
        text = source.read()
    for old, new in replaced.items():
        check(old in text, f"configs/proxy/{name} does not say {old}")
        text = text.replace(old, new)
    return text


def write(path, text):
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)


def nginx_start(lab, folder, host, port):
    cert, key = certificate(folder)
    write(f"{folder}/site.conf", shipped("nginx.conf", {
        "listen 443 ": f"listen 127.0.0.1:{port} ", "127.0.0.1:8000": host["http"],
        "fog.example.org": "localhost", "/etc/fog/cert.pem": cert, "/etc/fog/key.pem": key}))
    user = "user root;" if os.geteuid() == 0 else ""
    write(f"{folder}/nginx.conf", NGINX_MAIN.format(dir=folder, user=user))
    with open(f"{folder}/nginx.log", "wb") as log:
        return lab.start(None, ["nginx", "-c", f"{folder}/nginx.conf"], stderr=log)


def caddy_start(lab, folder, host, port):
    cert, key = certificate(folder)
    write(f"{folder}/Caddyfile", CADDY_MAIN + shipped("Caddyfile", {
        "fog.example.org {": f"https://localhost:{port}, https://127.0.0.1:{port} {{\n"
                             f"\ttls {cert} {key}", "127.0.0.1:8000": host["http"]}))
    with open(f"{folder}/caddy.log", "wb") as log:
        return lab.start(None, ["caddy", "run", "--adapter", "caddyfile", "--config",
                                f"{folder}/Caddyfile"], stderr=log, stdout=log,
                         env=os.environ | {"HOME": folder, "XDG_DATA_HOME": folder,
                                           "XDG_CONFIG_HOME": folder})


def answers(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def curl(url, token, *more):
    """(what -w said, the body) over HTTP/2."""
    done = subprocess.run(["curl", "-sk", "--http2", "--max-time", "60", "-w",
                           "\n%{http_version} %{http_code} %{size_download} %header{etag}", "-H",
                           f"Authorization: Bearer {token}", *more, url],
                          stdout=subprocess.PIPE, check=False)
    check(done.returncode == 0, f"curl {url}: exit {done.returncode}")
    body, _, said = done.stdout.rpartition(b"\n")
    return said.decode().split(), body


def http2(url, token):
    said, body = curl(f"{url}/v1/status", token)
    check(said[:2] == ["2", "200"] and "node_id" in json.loads(body), f"HTTP/2: {said} {body}")
    plain, body = curl(f"{url}/openapi.json", token)
    small, zipped = curl(f"{url}/openapi.json", token, "--compressed")
    check(json.loads(body) == json.loads(zipped), "another document when compressed")
    check(int(small[2]) * 3 < int(plain[2]), f"not compressed: {small} of {plain}")
    said, _ = curl(f"{url}/openapi.json", token, "-H", f"If-None-Match: {plain[3]}")
    check(said[1] == "304", f"a known tag gets {said}")
    said, _ = curl(f"{url}/v1/status", "nobody")
    check(said[1] == "401", f"a forged token gets {said}")


def api_test(url, token, parts):
    for only in parts:
        done = subprocess.run(["/usr/bin/python3", API_TEST, "--url", url, "--token", token,
                               "--quick", "--only", only], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=API_S,
                              check=False)
        text = done.stdout.decode("utf-8", "replace")
        check(done.returncode == 0, f"{url}, {only}:\n{text}")
        print(f"    {only}: {text.strip().splitlines()[-1]}", flush=True)


def through(lab, program, host, start, parts):
    if shutil.which(program) is None:
        print(f"    there is no {program} here (Debian's {program}): not tried", flush=True)
        return
    folder = os.path.join(lab.dir, program)
    os.mkdir(folder)
    port = free_port()
    child = start(lab, folder, host, port)
    try:
        until(f"{program} answers", WAIT_S,
              lambda: answers(port) or child.poll() is not None)
        if child.poll() is not None:
            with open(f"{folder}/{program}.log", encoding="utf-8", errors="replace") as log:
                raise Failed(f"{program} ended with {child.returncode}: {log.read()}")
        token = lab.fogctl("token", "create", f"api-{program}", "--scope", "admin", "--tier",
                           "enterprise", host=host["name"])["token"]
        http2(f"https://localhost:{port}", token)
        api_test(f"https://127.0.0.1:{port}", token, parts)
    finally:
        child.terminate()
        child.wait()


def test_nginx(lab):
    through(lab, "nginx", lab.state["hosts"][0], nginx_start, NGINX_PARTS)


def test_caddy(lab):
    through(lab, "caddy", lab.state["hosts"][1], caddy_start, CADDY_PARTS)


if __name__ == "__main__":
    main([test_nginx, test_caddy], mode="loopback", hosts=3)
