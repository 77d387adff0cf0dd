#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Attestation: two hosts have a TPM that its maker certifies, a third one has another's, a fourth
has none. Jobs of class S run where the TPM is good; enclaves get secrets only once another host has
checked them; a host whose program changes loses its class at once."""

import hashlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import threading

import engines
from lab import FOGCTL, ROOT, Failed, check, main, until

SWTPM = os.path.join(ROOT, "tests", "swtpm")
GOOD = ("ash", "birch")   # TPMs of our maker
STRANGE = "cedar"         # a TPM of somebody else's
SOFTWARE = "elm"          # none
SECRET = "correct horse battery staple"
PROGRAM = 'printf "%s " "$1"; sha256sum < /input/key | cut -c1-64\n'


def swtpm(verb, lab, host):
    maker = "maker" if host in GOOD else "stranger"
    directory = os.path.join(lab.dir, "tpm", host)
    subprocess.run([SWTPM, verb, directory, os.path.join(lab.dir, "tpm", maker)], check=True)
    return directory


def call(lab, *words, host):
    return lab.fogctl("tee", *words, host=host)


class Connection(http.client.HTTPConnection):
    """HTTP over the socket of a host's API."""

    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def api(lab, host, path):
    connection = Connection(os.path.join(lab.host(host)["run_dir"], "api.sock"))
    connection.request("GET", path)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    check(answer.status == 200, f"{path}: {text}")
    return json.loads(text)


def refused(lab, *words, host):
    """What fogctl says why not."""
    status, out, err = lab.call("--json", "tee", *words, host=host)
    check(status != 0, f"tee {' '.join(words)} was not refused")
    return (out + err).decode()


def hosts_of(lab, host):
    return {row["name"]: row for row in call(lab, "hosts", host=host)["hosts"]}


def configure(lab, host, text):
    with open(os.path.join(lab.host(host)["run_dir"], "fog.conf"), "a", encoding="utf-8") as out:
        out.write(text)
    lab.kill_and_wait(host, "controlplane")


def test_setup(lab):
    """TPMs, and a fog-exec of its own for each host."""
    for host in (*GOOD, STRANGE):
        swtpm("up", lab, host)
    maker = os.path.join(lab.dir, "tpm", "maker", "issuercert.pem")
    for host in lab.names:
        tee = f'tpm_makers = ["{maker}"];'
        if host == "birch":
            os.makedirs(lists_of(lab))
            tee += f' collateral = "{lists_of(lab)}";'
        if host != SOFTWARE:
            tee += f' provider = "tpm"; tpm = "swtpm:path={lab.dir}/tpm/{host}/sock";'
        configure(lab, host, f"tee: {{ {tee} }};\n")
    for host in lab.names:
        ready(lab, host, "software" if host == SOFTWARE else "tpm")
    level = call(lab, "status", host=SOFTWARE)["security_level"]
    check(level == "software", f"software claims more: {level}")


def lists_of(lab):
    return os.path.join(lab.dir, "collateral")


def ready(lab, host, provider):
    until(f"{host} says what attests it", 60, lambda: (
        s := status_or_none(lab, host)) and s["healthy"] and s["provider"] == provider)


def status_or_none(lab, host):
    try:
        return call(lab, "status", host=host)
    except Failed:
        return None


def test_verdicts(lab):
    def good():
        rows = hosts_of(lab, "ash")
        return rows if rows["birch"]["attested"] and rows[STRANGE]["code"] else None

    rows = until("ash has attested the others", 90, good)
    check(rows[STRANGE]["code"] == "credential", f"a strange TPM: {rows[STRANGE]}")
    check(not rows[SOFTWARE]["attested"], "software passes for more")
    row = rows["birch"]
    check(row["vendor"] == "tpm" and row["result"]["endorsed"], f"{row}")
    until("birch has attested ash", 60, lambda: hosts_of(lab, "birch")["ash"]["attested"])
    score = until("reputation follows", 30, lambda: [
        e for e in lab.fogctl("reputation", "evidence", "birch", host="ash")["evidence"]
        if "attestation" in json.dumps(e)])
    check(score, "no evidence of it")


def test_class_s(lab):
    """From elm two hosts are attested: both replicas run on them."""
    until("elm has attested ash and birch", 60, lambda: all(
        hosts_of(lab, SOFTWARE)[h]["attested"] for h in GOOD))
    batch = lab.fogctl("job", "submit", "--class", "S", "--", "echo", "attested", host=SOFTWARE)
    jobs = until("both replicas have ended", 120, lambda: replicas(lab, batch, SOFTWARE))
    names = sorted(j["worker_name"] for j in jobs)
    check(names == sorted(GOOD), f"replicas ran on {names}")
    proofs = proofs_of(lab, jobs)
    check(all(p["attestation_kind"] == 2 and int(p["attestation"], 16) for p in proofs),
          f"not bound to a quote: {proofs}")


def replicas(lab, batch, host):
    rows = lab.fogctl("job", "list", host=host)["jobs"]
    mine = [j for j in rows if j.get("batch") == batch.get("batch_id", batch.get("id"))]
    return mine if len(mine) >= 2 and all(j["state"] == "succeeded" for j in mine) else None


def proofs_of(lab, jobs):
    """The submitter keeps the proof of each receipt."""
    found = []
    for job in jobs:
        for receipt in api(lab, SOFTWARE, f"/v1/receipts/{job['id']}")["receipts"]:
            name = hashlib.sha256(receipt["text"].encode()).hexdigest()[:32]
            found.append(api(lab, SOFTWARE, f"/v1/proofs/{name}"))
    return found


def test_restart(lab):
    """Verdicts outlive the control plane that found them."""
    before = hosts_of(lab, SOFTWARE)["ash"]["result"]["id"]
    lab.kill_and_wait(SOFTWARE, "controlplane")
    ready(lab, SOFTWARE, "software")
    check(hosts_of(lab, SOFTWARE)["ash"]["result"]["id"] == before, "it was forgotten")


def enclave_make(lab, host):
    path = os.path.join(lab.dir, "program.sh")
    with open(path, "w", encoding="utf-8") as out:
        out.write(PROGRAM)
    return call(lab, "create", path, "--memory", "64M", host=host)


def secret_file(lab):
    path = os.path.join(lab.dir, "key")
    with open(path, "w", encoding="utf-8") as out:
        out.write(SECRET)
    return path


def test_enclave(lab):
    enclave = enclave_make(lab, "ash")
    name = enclave["enclave_id"]
    check(enclave["state"] == "measured", f"{enclave}")
    check("not attested" in refused(lab, "deploy", name, secret_file(lab), host="ash"), "deployed")
    check("only an attested" in refused(lab, "execute", name, host="ash"), "executed")
    attested = call(lab, "attest", name, "birch", host="ash")
    check(attested["state"] == "attested", f"{attested}")
    result = attested["attestation"]
    check(lab.ids("ash")[result["verifier"]] == "birch", f"{result}")
    check(result["status"] == "affirming" and result["key"] == enclave["key"] and
          result["launch"] == enclave["measurement"], f"{result}")
    why = refused(lab, "deploy", name, secret_file(lab), "--measurement", "0" * 64, host="ash")
    check("measurement" in why, why)
    call(lab, "deploy", name, secret_file(lab), "--measurement", enclave["measurement"], host="ash")
    run = call(lab, "execute", name, "--", "hello", host="ash")
    want = hashlib.sha256(SECRET.encode()).hexdigest()
    check(run["stdout"] == f"hello {want}\n", f"{run}")
    proof = run["proof"]
    check(proof["code"] == enclave["measurement"] and proof["attestation"] == result["evidence"],
          f"{proof}")
    path = os.path.join(lab.dir, "proof.json")
    with open(path, "w", encoding="utf-8") as out:
        json.dump(proof, out)
    subprocess.run([FOGCTL, "proof", "verify", path], check=True, capture_output=True)
    token = os.path.join(lab.dir, "token")
    with open(token, "w", encoding="utf-8") as out:
        out.write(result["result"])
    subprocess.run([FOGCTL, "tee", "verify", token], check=True, capture_output=True)
    ended = call(lab, "terminate", name, host="ash")
    check(ended["state"] == "terminated" and not ended["secrets"], f"{ended}")
    check("terminated" in refused(lab, "execute", name, host="ash"), "it lives on")
    check(not files_with_secret(lab, "ash"), "the secret lies around")


def files_with_secret(lab, host):
    run_dir = lab.host(host)["run_dir"]
    found = subprocess.run(["grep", "-rlF", SECRET, run_dir], capture_output=True, text=True,
                           check=False)
    return found.stdout


def processes(word):
    """Those with this word among their arguments."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as source:
                if word.encode() in source.read().split(b"\0"):
                    found.append(entry)
        except OSError:
            pass
    return found


def sleeper(lab, word):
    """An enclave on ash that runs, a secret in it."""
    path = os.path.join(lab.dir, "sleeper.sh")
    with open(path, "w", encoding="utf-8") as out:
        out.write(f"cat /input/key; exec sleep {word}\n")
    enclave = call(lab, "create", path, "--memory", "64M", "--wall", "3000s", host="ash")
    name = enclave["enclave_id"]
    call(lab, "attest", name, "birch", host="ash")
    call(lab, "deploy", name, secret_file(lab), host="ash")
    threading.Thread(target=lab.call, args=("tee", "execute", name), kwargs={"host": "ash"},
                     daemon=True).start()
    until("it runs", 60, lambda: call(lab, "show", name, host="ash")["state"] == "running"
          and processes(word))
    return name


def test_terminated_while_it_runs(lab):
    name = sleeper(lab, "86411")
    check(call(lab, "status", host="ash")["memory_store"] == "tmpfs", "secrets on a disk")
    check(not files_with_secret(lab, "ash"), "others see its memory")
    call(lab, "terminate", name, host="ash")
    until("its program is gone", 30, lambda: not processes("86411"))


def test_killed(lab):
    """kill -9 of the control plane: program, secret and memory go with it, and it is told."""
    name = sleeper(lab, "86412")
    lab.kill_and_wait("ash", "controlplane")
    until("its program is gone", 30, lambda: not processes("86412"))
    check(not files_with_secret(lab, "ash"), "the secret lies around")
    with open("/proc/mounts", encoding="utf-8") as source:
        check("fog-vault" not in source.read(), "its memory is still mounted")
    ready(lab, "ash", "tpm")
    row = call(lab, "show", name, host="ash")
    check(row["state"] == "terminated" and "control plane ended" in row["reason"], f"{row}")
    check("terminated" in refused(lab, "execute", name, host="ash"), "it lives on")


def test_engines(lab):
    """An enclave in every engine that the machine has, each with a secret of its own."""
    key = secret_file(lab)
    size = f"read {len(SECRET)} errno 0\n"
    runs = [("wasm", engines.wasm_build(lab, f"{lab.dir}/builder.key"), [], "hello from wasm\n"),
            ("microvm", engines.PROBE, ["/input/code", "read", "/input/key"], size)]
    if os.geteuid() == 0:
        bundle = engines.bundle_build(lab, ["/probe", "read", "/input/key"])
        runs.append(("oci", bundle, [], size))
    for engine, path, argv, output in runs:
        words = ["create", path, "--engine", engine, "--memory", "256M"]
        enclave = call(lab, *words, *(["--", *argv] if argv else []), host="ash")
        name = enclave["enclave_id"]
        call(lab, "attest", name, "birch", host="ash")
        call(lab, "deploy", name, key, "--name", "key", "--measurement", enclave["measurement"],
             host="ash")
        run = call(lab, "execute", name, host="ash")
        check(run["stdout"].startswith(output) and run["exit_code"] == 0, f"{engine}: {run}")
        check(run["proof"]["code"] == enclave["measurement"], f"{engine}: {run['proof']}")
        call(lab, "terminate", name, host="ash")


def test_revoked(lab):
    """A list says that ash's attestation key was stolen."""
    key = until("birch has attested ash", 60, lambda: (
        r := hosts_of(lab, "birch")["ash"]) and r["attested"] and r["result"]["hardware"])
    path = os.path.join(lists_of(lab), "ours.revoked")
    with open(path, "w", encoding="utf-8") as out:
        out.write(f"{key} stolen from rack 7\n")
    lab.kill("birch", "controlplane", "HUP")

    def lost():
        row = hosts_of(lab, "birch")["ash"]
        return row if not row["attested"] and row["code"] == "revoked" else None

    row = until("birch refuses ash", 60, lost)
    check("attestation key or chip: stolen from rack 7" in row["reason"], f"{row}")
    name = enclave_make(lab, "ash")["enclave_id"]
    check("stolen from rack 7" in refused(lab, "attest", name, "birch", host="ash"), "attested")
    call(lab, "terminate", name, host="ash")
    os.unlink(path)
    lab.kill("birch", "controlplane", "HUP")
    until("birch attests ash again", 120, lambda: hosts_of(lab, "birch")["ash"]["attested"])


def test_software_enclave(lab):
    """Others do not accept it, and say why."""
    name = enclave_make(lab, SOFTWARE)["enclave_id"]
    why = refused(lab, "attest", name, "ash", host=SOFTWARE)
    check("does not accept this kind" in why, why)
    call(lab, "terminate", name, host=SOFTWARE)


def test_changed(lab):
    """A tampered fog-exec: birch loses its class, its enclaves end."""
    name = enclave_make(lab, "birch")["enclave_id"]
    # Nobody is named: one of the committee verifies it, the first of birch's order that answers.
    until("birch knows the lots of all", 120, lambda: len(lab.fogctl(
        "vrf", "status", host="birch")["committee"]["members"]) == lab.hosts_count)
    attestation = call(lab, "attest", name, host="birch")["attestation"]
    check(attestation["chosen"]["by"] == "committee", f"{attestation}")
    lab.fogctl("vrf", "verify", "committee", attestation["verifier"], host="birch")
    own = os.path.join(lab.dir, "exec")
    os.makedirs(own)
    build = os.path.join(ROOT, "build", "controlplane", "executor")
    for program in ("fog-exec", "fog-wasm", "fog-vm-init"):
        shutil.copy2(os.path.join(build, program), own)
    conf = os.path.join(lab.host("birch")["run_dir"], "fog.conf")
    with open(conf, encoding="utf-8") as source:
        text = source.read()
    with open(conf, "w", encoding="utf-8") as out:
        out.write(text.replace(os.path.join(build, "fog-exec"), os.path.join(own, "fog-exec")))
    lab.kill_and_wait("birch", "controlplane")
    ready(lab, "birch", "tpm")
    # The same bytes elsewhere are the same platform. Its enclave went with the process.
    until("birch is attested again", 120, lambda: hosts_of(lab, "ash")["birch"]["attested"])
    check(all(e["state"] == "terminated" for e in call(lab, "list", host="birch")["enclaves"]),
          "an enclave outlived its key")
    name = enclave_make(lab, "birch")["enclave_id"]
    call(lab, "attest", name, "ash", host="birch")
    with open(os.path.join(own, "fog-exec"), "ab") as out:
        out.write(b"x")

    def lost():
        row = hosts_of(lab, "ash")["birch"]
        return row if not row["attested"] and row["code"] == "measurement" else None

    row = until("birch has lost its class", 60, lost)
    check("other programs" in row["reason"], f"{row}")
    check(call(lab, "show", name, host="birch")["state"] == "error", "its enclave lives on")
    # To ash nobody is attested now.
    lab.fogctl("job", "submit", "--class", "S", "--", "true", host="ash")
    jobs = until("the batch is there", 30, lambda: lab.fogctl("job", "list", host="ash")["jobs"])
    until("it waits for want of attested hosts", 60, lambda: all(
        "not attested" in json.dumps(lab.fogctl("job", "why", j["id"], host="ash"))
        for j in jobs))


def test_down(lab):
    for host in (*GOOD, STRANGE):
        swtpm("down", lab, host)


if __name__ == "__main__":
    main([test_setup, test_verdicts, test_class_s, test_restart, test_enclave,
          test_engines, test_terminated_while_it_runs, test_killed, test_revoked,
          test_software_enclave, test_changed, test_down], hosts=4)
