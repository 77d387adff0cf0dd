#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A job goes through the fog: sandboxed on another host, its receipt comes back, pay moves on both
sides, reputation follows."""

import json

from lab import check, main, until


def paid(lab, job, worker, before):
    """What moved for one job, on both sides, checked against its settlement."""
    amount = job["paid"]
    check(amount > 0, f"nothing was paid: {job}")
    mine, theirs = lab.accounts("ash"), lab.accounts(worker)
    worker_id = next(k for k, v in lab.ids("ash").items() if v == worker)
    earned = mine.get(f"host:{worker_id}", 0) - before["ash"].get(f"host:{worker_id}", 0)
    fees = mine.get("fees", 0) - before["ash"].get("fees", 0)
    check(earned + fees == amount, f"{earned} + {fees} mfog moved, {amount} were due")
    for host, accounts in (("ash", mine), (worker, theirs)):
        check(sum(accounts.values()) == 0, f"the ledger of {host} sums to "
                                           f"{sum(accounts.values())}")
    income = sum(theirs.values()) - theirs.get("issuer", 0)
    income -= sum(before[worker].values()) - before[worker].get("issuer", 0)
    check(income >= earned, f"{worker} booked {income}, {earned} were sent")


def test_job(lab):
    worker = "fir"
    before = {host: lab.accounts(host) for host in ("ash", worker)}
    job = lab.submit(["sh", "-c", "echo hello; echo oops >&2"], host="ash", target=worker)
    done = lab.wait(job, "ash")
    check(done["state"] == "succeeded", json.dumps(done))
    check(lab.output(job, "ash") == b"hello\n", "the output is not what the job printed")
    attempt = done["attempts"][-1]
    check(lab.ids("ash")[attempt["worker"]] == worker, f"it ran on {attempt}")
    check(attempt["outcome"] == "exited" and attempt["settlement"], f"no receipt: {attempt}")
    check(len(attempt["path"]) == 3, f"the circuit has not three hops: {attempt['path']}")
    until("the worker has been paid", 30, lambda: not escrows(lab, "ash"))
    paid(lab, done, worker, before)


def escrows(lab, host):
    return {k: v for k, v in lab.accounts(host).items() if k.startswith("escrow:") and v != 0}


def test_any_host(lab):
    done = lab.wait(lab.submit(["sort"], host="birch", stdin=lab_file(lab, b"b\na\n")), "birch")
    check(done["state"] == "succeeded", json.dumps(done))
    check(lab.output(done["id"], "birch") == b"a\nb\n", "not sorted")


def lab_file(lab, data):
    path = f"{lab.dir}/input"
    with open(path, "wb") as sink:
        sink.write(data)
    return path


def test_exit_status(lab):
    done = lab.wait(lab.submit(["sh", "-c", "exit 3"], host="ash", target="elm"), "ash")
    check(done["state"] == "failed", json.dumps(done))
    check("3" in json.dumps(done["attempts"][-1]), "the exit status is not told")


def test_wall_limit(lab):
    done = lab.wait(lab.submit(["sleep", "60"], host="ash", target="elm", wall="1s"), "ash", 60)
    check(done["state"] == "failed", json.dumps(done))


def test_reputation_moves(lab):
    def score():
        rows = lab.fogctl("reputation", "list", host="cedar")["reputation"]
        holly = [row for row in rows if row["name"] == "holly"]
        return holly[0]["score"] if holly else None
    first = score()
    for _ in range(3):
        done = lab.wait(lab.submit(["true"], host="cedar", target="holly"), "cedar")
        check(done["state"] == "succeeded", json.dumps(done))
    until("the reputation of holly has risen", 20,
          lambda: score() is not None and (first is None or score() > first))


def test_cancel(lab):
    before = lab.accounts("ash")
    job = lab.submit(["sleep", "60"], host="ash", target="larch", wall="60s")
    until("the job runs", 30, lambda: lab.job(job, "ash")["state"] == "running")
    lab.fogctl("job", "cancel", job, host="ash")
    check(lab.wait(job, "ash")["state"] == "cancelled", "it is not cancelled")
    until("the escrow is given back", 60, lambda: not escrows(lab, "ash"))
    after = lab.accounts("ash")
    for name, balance in before.items():
        if name.startswith("user:"):
            check(after[name] <= balance, "cancelling a job earned money")


if __name__ == "__main__":
    main([test_job, test_any_host, test_exit_status, test_wall_limit, test_reputation_moves,
          test_cancel])
