#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What jobs leave behind: a job that counts goes on from its checkpoint after kill -9 of its host
and after a drain; artifacts come home, are fetched and checked, and become inputs of others."""

import glob
import hashlib
import json
import os
import sqlite3

from e2e_batch import host_kill, write
from lab import check, main, until

SUBMITTER = "ash"
LIMITS = {"cpu_cores": 0.2, "memory_mb": 32, "wall_seconds": 120}
# Counts a tenth of a second at a time. Says where it began; what it counted is an artifact.
COUNT = """
n=$(cat /checkpoint/n 2>/dev/null || echo 0)
echo "began at $n, restart $FOG_RESTART"
while [ $n -lt $1 ]; do
  n=$((n+1)); sleep 0.1
  [ -e $FOG_CHECKPOINT/.complete ] && continue
  echo $n > $FOG_CHECKPOINT/new && mv $FOG_CHECKPOINT/new $FOG_CHECKPOINT/n
  : > $FOG_CHECKPOINT/.complete
done
mkdir -p out && echo "counted to $n" > out/count.txt && head -c 700000 /dev/urandom > out/noise.bin
sha256sum out/noise.bin
"""


def counter(name, target):
    return {"id": name, "argv": ["sh", "-c", COUNT, "count", str(target)], "limits": LIMITS,
            "checkpoint": {"interval_seconds": 1, "grace_seconds": 5}, "artifacts": ["out"]}


def counted(lab, job):
    """The newest checkpoint that is here whole, and on which host the job runs."""
    view = lab.job(job, SUBMITTER)
    whole = [c for c in view["checkpoints"] if c["whole"]]
    return (whole[0] if whole else None), view["worker_name"]


def events(lab, job):
    return [e["reason"] for e in lab.fogctl("job", "history", job, host=SUBMITTER)["history"]]


def went_on(lab, job, target, attempts=2):
    """It ended well, did not begin at zero the last time, and says so in its history."""
    done = lab.wait(job, SUBMITTER, 120)
    check(done["state"] == "succeeded" and done["attempt_count"] >= attempts, json.dumps(done))
    words = lab.output(job, SUBMITTER).decode().split()
    check(words[1] == "at" and 0 < int(words[2].rstrip(",")) < target, f"it began {words}")
    check(int(words[4]) >= attempts - 1, f"it was restarted {words[4]} times")
    check(any(e.startswith("goes on from checkpoint") for e in events(lab, job)),
          str(events(lab, job)))
    check(not done["checkpoints"], "checkpoints of an ended job are left")
    return done


def test_host_dies(lab):
    lab.fogctl("job", "submit", "-f", write(lab, "count.json", counter("count", 150)),
               host=SUBMITTER)
    until("checkpoints come home", 60,
          lambda: (counted(lab, "count")[0] or {}).get("number", 0) >= 2)
    first = counted(lab, "count")[1]
    check(first != SUBMITTER, "it should run elsewhere")
    host_kill(lab, first)
    done = went_on(lab, "count", 150)
    check(done["worker_name"] != first or done["attempt_count"] > 2, json.dumps(done))
    check(done["attempts"][0]["state"] == "lost", json.dumps(done["attempts"]))


def test_artifacts(lab):
    listed = lab.fogctl("job", "artifacts", "count", host=SUBMITTER)
    names = [a["name"] for a in listed["artifacts"]]
    check(names == ["out/count.txt", "out/noise.bin"], json.dumps(listed))
    where = os.path.join(lab.dir, "fetched")
    noise = listed["artifacts"][1]
    # Half of it is there from another time.
    os.makedirs(os.path.join(where, "out"))
    status, whole, err = lab.call("job", "fetch", "count", "out/noise.bin", "-o", "-",
                                  host=SUBMITTER)
    check(status == 0 and len(whole) == 700000, err.decode())
    with open(os.path.join(where, f"out/noise.bin.{noise['sha256'][:16]}.part"), "wb") as part:
        part.write(whole[:300000])
    lab.fogctl("job", "fetch", "count", "-o", where, host=SUBMITTER)
    with open(os.path.join(where, "out/noise.bin"), "rb") as source:
        digest = hashlib.sha256(source.read()).hexdigest()
    check(digest == noise["sha256"] and digest in lab.output("count", SUBMITTER).decode(),
          "the artifact is another")
    with open(os.path.join(where, "out/count.txt"), "rb") as source:
        check(source.read() == b"counted to 150\n", "it did not count to the end")
    check(sorted(os.listdir(os.path.join(where, "out"))) == ["count.txt", "noise.bin"],
          "something else was left there")
    status, out, _ = lab.call("job", "artifact", noise["sha256"], host=SUBMITTER)
    check(status == 0 and out == whole, "by its hash it is another")
    status, _, err = lab.call("job", "fetch", "count", "nothing", host=SUBMITTER)
    check(status == 1 and b"left no artifact" in err, err.decode())


def test_inputs(lab):
    """By stage and name, and by hash."""
    digest = lab.fogctl("job", "artifacts", "count", host=SUBMITTER)["artifacts"][0]["sha256"]
    batch = {"id": "pipe", "stages": [
        {"name": "make", "job": {"argv": ["sh", "-c", "mkdir d; echo made > d/x"], "limits": LIMITS,
                                 "artifacts": ["d/*"]}},
        {"name": "use", "after": ["make"],
         "job": {"argv": ["sh", "-c", "cat /input/a /input/b"], "limits": LIMITS,
                 "inputs": [{"name": "a", "from": "make.0", "artifact": "d/x"},
                            {"name": "b", "sha256": digest}]}}]}
    lab.fogctl("job", "submit", "--wait", "-f", write(lab, "pipe.json", batch), host=SUBMITTER)
    check(lab.output("pipe.use.0", SUBMITTER) == b"made\ncounted to 150\n", "other inputs")
    wrong = {"argv": ["true"], "inputs": [{"name": "a", "sha256": "00" * 32}]}
    path = write(lab, "wrong.json", wrong)
    status, _, err = lab.call("job", "submit", "-f", path, host=SUBMITTER)
    check(status == 1 and b"no output or artifact of yours" in err, err.decode())


def test_drain(lab):
    lab.fogctl("job", "submit", "-f", write(lab, "drain.json", counter("drain", 120)),
               host=SUBMITTER)
    until("a checkpoint comes home", 60, lambda: counted(lab, "drain")[0])
    first = counted(lab, "drain")[1]
    lab.fogctl("host", "drain", first, "--deadline", "1s", host=SUBMITTER)
    done = went_on(lab, "drain", 120)
    check(done["worker_name"] != first, f"it ran on {first} again")
    # What it used there was paid, and so was the rest.
    paid = [a["amount"] for a in done["attempts"] if a["state"] == "settled"]
    check(len(paid) == 2 and all(amount > 0 for amount in paid), json.dumps(done["attempts"]))
    lab.fogctl("host", "uncordon", first, host=SUBMITTER)


def test_tampered(lab):
    """What is not what its hash says is never given a name."""
    job = lab.submit(["sh", "-c", "echo good > x"], host=SUBMITTER, artifacts="x")
    check(lab.wait(job, SUBMITTER)["state"] == "succeeded", "it did not run")
    store = glob.glob(os.path.join(lab.dir, "hosts", SUBMITTER, "state", "*.db"))[0]
    db = sqlite3.connect(store, timeout=30)
    with db:
        changed = db.execute("UPDATE job_file_part SET data = ? WHERE job = ? AND name = ?",
                             (b"evil\n", job, "artifact.0")).rowcount
    db.close()
    check(changed == 1, "nothing to tamper with")
    where = os.path.join(lab.dir, "tampered")
    status, _, err = lab.call("job", "fetch", job, "-o", where, host=SUBMITTER)
    check(status == 1 and b"not what its hash says" in err, err.decode())
    check(not os.listdir(where), f"something was written: {os.listdir(where)}")


if __name__ == "__main__":
    main([test_host_dies, test_artifacts, test_inputs, test_drain, test_tampered], hosts=5)
