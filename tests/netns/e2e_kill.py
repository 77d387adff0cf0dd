#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""kill -9 of one process while jobs run: every accepted job still ends well and no money appears or
disappears."""

import json

from lab import check, main, until

SUBMITTER = "ash"
WORKER = "birch"
JOBS = 4


def escrows(lab):
    return [k for k, v in lab.accounts(SUBMITTER).items() if k.startswith("escrow:") and v != 0]


def relay(lab):
    """A host that carries a job circuit of the submitter and is neither end."""
    names = lab.ids(SUBMITTER)
    for row in lab.fogctl("circuit", "list", host=SUBMITTER)["circuits"]:
        for node in row["path"][:-1]:
            name = names.get(node)
            if name and name not in (SUBMITTER, WORKER):
                return name
    return "cedar"


def kill_during_jobs(lab, host, process):
    lab.wait(lab.submit(["true"], host=SUBMITTER), SUBMITTER)  # the user's account exists now
    until("every escrow is settled", 60, lambda: not escrows(lab))
    before = lab.accounts(SUBMITTER)
    jobs = []
    for number in range(JOBS):
        jobs.append(lab.submit(["sh", "-c", f"sleep 2; echo {number}"], host=SUBMITTER,
                               target=WORKER, cpu="0.1", memory="16M"))
    until("a job runs", 30,
          lambda: any(lab.job(job, SUBMITTER)["state"] == "running" for job in jobs), 0.1)
    lab.kill_and_wait(host() if callable(host) else host, process)
    spent = 0
    for number, job in enumerate(jobs):
        done = lab.wait(job, SUBMITTER, 120)
        check(done["state"] == "succeeded", json.dumps(done))
        check(lab.output(job, SUBMITTER) == f"{number}\n".encode(), "its output is wrong")
        spent += done["paid"]
    until("every escrow is settled", 60, lambda: not escrows(lab))
    after = lab.accounts(SUBMITTER)
    users = [name for name in after if name.startswith("user:")]
    moved = sum(before.get(name, 0) - after[name] for name in users)
    check(moved == spent, f"{moved} mfog left the users, {spent} were due")
    for name in (SUBMITTER, WORKER):
        total = sum(lab.accounts(name).values())
        check(total == 0, f"the ledger of {name} sums to {total}")


def test_submitter_controlplane(lab):
    kill_during_jobs(lab, SUBMITTER, "controlplane")


def test_submitter_dataplane(lab):
    kill_during_jobs(lab, SUBMITTER, "dataplane")


def test_submitter_edge(lab):
    kill_during_jobs(lab, SUBMITTER, "edge")


def test_worker_controlplane(lab):
    kill_during_jobs(lab, WORKER, "controlplane")


def test_worker_dataplane(lab):
    kill_during_jobs(lab, WORKER, "dataplane")


def test_relay_controlplane(lab):
    kill_during_jobs(lab, lambda: relay(lab), "controlplane")


def test_relay_dataplane(lab):
    kill_during_jobs(lab, lambda: relay(lab), "dataplane")


if __name__ == "__main__":
    main([test_submitter_controlplane, test_submitter_dataplane, test_submitter_edge,
          test_worker_controlplane, test_worker_dataplane, test_relay_controlplane,
          test_relay_dataplane])
