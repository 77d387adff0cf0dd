#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Money between hosts of a lab: accounts that prove themselves, pay of a job, offers, and vouchers
that pay a relay through circuits without saying who pays."""

import os
import re
import signal
import time

from lab import check, main, until

UFOG = 1000000


def wallet(lab, name):
    os.environ["FOG_WALLET"] = f"{lab.dir}/{name}.json"


def balance(lab, host, account="host"):
    shown = lab.fogctl("account", "show", account, host=host)
    check(shown["proven"].startswith("yes"), f"the proof does not hold: {shown}")
    return shown["balance"]


def test_accounts(lab):
    os.environ["FOG_KEYS"] = f"{lab.dir}/keys"
    for name in ("alice", "bob"):
        lab.fogctl("account", "create", name, host="ash")
    lab.fogctl("account", "transfer", "alice", "20", "--account", "host", host="ash")
    check(balance(lab, "ash", "alice") == 20 * UFOG, "20 fog should be there")
    until("another host knows it", 20, lambda: balance(lab, "elm", "alice") == 20 * UFOG)
    lab.fogctl("account", "transfer", "bob", "1", "--account", "alice", host="elm")
    status, out, _ = lab.call("--json", "account", "transfer", "bob", "500", "--account", "alice",
                              host="ash")
    check(status != 0 and b"less than" in out, f"overdrawn: {out}")
    lab.conserved()


def test_job_is_paid(lab):
    before = balance(lab, "fir")
    done = lab.wait(lab.submit(["true"], host="ash", target="fir"), "ash")
    check(done["state"] == "succeeded", str(done))
    due = done["paid"] * 1000
    until("its pay is on the shared ledger", 30, lambda: balance(lab, "fir") >= before + due)
    until("nothing is held any more", 30,
          lambda: not lab.fogctl("account", "escrows", host="ash")["escrows"])
    lab.conserved()


def test_vouchers(lab):
    wallet(lab, "alice")
    lab.fogctl("voucher", "withdraw", "2", "--account", "alice", "--target", "birch", host="ash")
    check(lab.fogctl("voucher", "balance", host="ash")["ufog"] == 2 * UFOG, "2 fog in vouchers")
    token = lab.fogctl("voucher", "send", "0.7", host="ash")["token"]
    lab.kill_and_wait("birch", "controlplane")
    wallet(lab, "bob")

    def received():
        return lab.call("voucher", "receive", token, host="cedar")[0] == 0
    until("the mint is back and bob has it", 60, received, 1)
    check(lab.fogctl("voucher", "balance", host="cedar")["ufog"] == 700000, "0.7 fog for bob")
    wallet(lab, "carl")
    status, out, _ = lab.call("--json", "voucher", "receive", token, host="elm")
    check(status != 0 and b"spent before" in out, f"spent twice: {out}")
    lab.conserved()


def test_relay_is_paid(lab):
    wallet(lab, "alice")
    before = balance(lab, "elm")
    lab.fogctl("voucher", "pay", "elm", "0.25", host="ash")
    until("the relay's account has it", 30, lambda: balance(lab, "elm") >= before + 250000)
    circuits = lab.fogctl("circuit", "list", host="ash")["circuits"]
    paid = [c for c in circuits if c["purpose"] == "node"]
    check(paid and all(len(c["path"]) >= 2 for c in paid), f"no circuit of its own: {circuits}")
    check(lab.fogctl("voucher", "balance", host="ash")["ufog"] == 1050000, "1.05 fog are left")
    lab.conserved()


def test_offers(lab):
    lab.fogctl("offer", "ask", "storage", "10", "0.001", "--account", "bob", host="cedar")
    lab.fogctl("offer", "bid", "storage", "4", "0.002", "--account", "alice", host="ash")

    def trades():
        return [e for e in lab.fogctl("account", "escrows", host="ash")["escrows"] if e["lane"]]
    until("the call has matched them", 60, trades, 1)
    trade = trades()[0]
    check(trade["held"] == 4 * 1500, f"4 units at the price half way: {trade}")
    lab.fogctl("offer", "settle", trade["escrow"], "0.006", "--account", "alice", host="ash")
    until("the trade is paid", 20, lambda: not trades())
    lab.conserved()


def dear(lab, name):
    rows = lab.fogctl("host", "list", host="ash")["hosts"]
    return any(row["name"] == name and row["price"]["cpu_hour"] > 500000 for row in rows)


def test_silent_payer(lab):
    """The payer dies while the job runs: its worker claims what the receipt says, and is paid when
    the time to object is over. The payer that comes back finds nothing left to pay."""
    conf = os.path.join(lab.host("fir")["run_dir"], "fog.conf")
    with open(conf, encoding="utf-8") as source:
        text = source.read()
    with open(conf, "w", encoding="utf-8") as sink:  # worth more than the fee of a claim
        sink.write(re.sub("price_cpu_hour = [0-9]+", "price_cpu_hour = 900000", text))
    lab.kill_and_wait("fir", "controlplane")
    until("the new price is known", 60, lambda: dear(lab, "fir"))
    before = balance(lab, "fir")
    job = lab.submit(["sh", "-c", "sleep 3"], host="ash", target="fir")
    until("it runs", 60, lambda: lab.job(job, "ash")["state"] == "running")
    pid = lab.process("ash", "controlplane")["pid"]
    os.kill(pid, signal.SIGSTOP)  # the supervisor would start what is dead again
    try:
        def claimed():
            return [e for e in lab.fogctl("account", "escrows", host="fir")["escrows"]
                    if e["state"] == "claimed"]
        until("the worker claims its pay", 90, claimed, 0.2)
        amount = claimed()[0]["claimed"]
        check(amount > 0, "nothing is claimed")
        until("it is paid", 60, lambda: balance(lab, "fir") > before + amount // 2, 0.5)
        gained = balance(lab, "fir") - before
        check(amount - 20000 < gained <= amount, f"{gained} came of {amount} claimed")
    finally:
        lab.kill("ash", "controlplane")
    lab.wait(job, "ash", 120)  # the payer is back
    until("nothing is held any more", 60,
          lambda: not [e for e in lab.fogctl("account", "escrows", host="ash")["escrows"]
                       if not e["lane"]])
    lab.conserved()


def test_stake(lab):
    node = lab.fogctl("status", host="ash")["node_id"]
    lab.fogctl("account", "stake", node, "3", "--account", "alice", host="ash")
    time.sleep(0.1)
    shown = lab.fogctl("account", "show", "alice", host="ash")
    check([d["tokens"] for d in shown["delegations"]] == [3 * UFOG], f"no bond: {shown}")
    lab.fogctl("account", "unstake", node, "--account", "alice", host="ash")
    lab.conserved()


if __name__ == "__main__":
    main([test_accounts, test_job_is_paid, test_vouchers, test_relay_is_paid, test_offers,
          test_silent_payer, test_stake], hosts=5,
         genesis={"parameters": {"ledger.claim_ms": 4000}})
