#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Hosts measure each other, draw each other, speak of each other, and the market prices what they
offer; all of it outlives a killed control plane."""

import json
import subprocess

from lab import FOGCTL, Failed, check, main, until

HOST = "ash"


def call(lab, *words, host=HOST):
    return lab.fogctl(*words, host=host)


def test_measured(lab):
    def told():
        hosts = call(lab, "host", "list")["hosts"]
        known = [h for h in hosts if h["network"]["kind"] == "measured"]
        return known if len(known) == len(hosts) - 1 else None

    for host in until("every link has a round trip", 30, told):
        rtt = host["network"]["rtt_us"]
        check(0 < rtt < 1000000, f"a round trip of {rtt} us")


def verify(document, *, good):
    run = subprocess.run([FOGCTL, "vrf", "verify", "-", "--json"], input=json.dumps(document),
                         capture_output=True, text=True, check=False)
    check((run.returncode == 0) == good, f"verify: {run.stdout} {run.stderr}")


def test_draws(lab):
    until("something is drawn", 30,
          lambda: call(lab, "vrf", "neighbors")["neighbors"])
    for kind in ("neighbours", "relays"):
        document = call(lab, "vrf", "draw", kind)
        verify(document, good=True)
        document["epoch"] += 1
        verify(document, good=False)
    document = call(lab, "vrf", "draw", "neighbours", host="birch")
    check(len(document["chosen"]) == lab.hosts_count - 1, f"{document['chosen']}")
    document["chosen"].reverse()
    verify(document, good=False)
    # What it published is what it drew.
    published = until("the draw is gossiped", 45, lambda: call(
        lab, "vrf", "neighbors", "birch")["neighbors"])
    check(len(published) == lab.hosts_count - 1, f"{published}")


def test_lots(lab):
    """Every host has checked the lots of all; from them follow committee and layers, the same ones
    everywhere, and anybody can check that."""
    def known(host):
        status = call(lab, "vrf", "status", host=host)
        return (status["mix"] if status["mix"]["mixes"] == lab.hosts_count
                and len(status["committee"]["members"]) == lab.hosts_count else None)

    def layers():
        """Of each host, as each says itself; of one epoch."""
        states = [known(host) for host in lab.names]
        if None in states or len({state["epoch"] for state in states}) != 1:
            return None
        return {name: state["layer"] for name, state in zip(lab.names, states)}

    told = until("all lots are known to all", 120, layers)
    sizes = [list(told.values()).count(layer) for layer in range(3)]
    check(max(sizes) - min(sizes) <= 1 and min(sizes) > 0, f"layers of {sizes} mixes")

    def agreed():
        """What birch shows of the others is what they say, all in one epoch."""
        epoch = call(lab, "vrf", "status", host="birch")["mix"]["epoch"]
        told = layers()
        documents = {name: call(lab, "vrf", "draw", "mix", name, host="birch")
                     for name in told or ()}
        return documents if told and all(
            document["epoch"] == epoch and document["layer"] == told[name]
            for name, document in documents.items()) else None

    for document in until("all are of one mind", 120, agreed).values():
        verify(document, good=True)
        document["layer"] = (document["layer"] + 1) % 3
        verify(document, good=False)
        document["layer"] = (document["layer"] + 2) % 3
        document["order"].reverse()
        verify(document, good=False)
    for name in lab.names:
        document = call(lab, "vrf", "draw", "committee", name)
        check(document["selected"], "in a fog of so few all are of the committee")
        verify(document, good=True)
        document["selected"] = False
        verify(document, good=False)
        call(lab, "vrf", "verify", "mix", name)
        call(lab, "vrf", "verify", "committee", name)
    check(call(lab, "vrf", "status")["lots_false"] == 0, "a lot is false")


def test_quote(lab):
    quote = call(lab, "market", "quote", "cpu", "2", "1")
    check(quote["final_price_ufog"] > 0 and quote["signed"]["signature"], f"{quote}")
    check(json.loads(quote["signed"]["text"])["final_price_ufog"] == quote["final_price_ufog"],
          "another price is signed")
    spot = call(lab, "market", "quote", "cpu", "2", "1", "term=spot")
    check(spot["final_price_ufog"] < quote["final_price_ufog"], "spot is not cheaper")
    bulk = call(lab, "market", "bulk", "cpu=4:24", "memory=8:24")
    check(bulk["total_cost_ufog"] <= bulk["subtotal_ufog"], f"{bulk}")
    check(set(bulk["lane_quotes"]) == {"cpu", "memory"}, f"{bulk}")


def test_opinions(lab):
    for host in (HOST, "birch", "cedar"):
        for _ in range(3):
            lab.wait(lab.submit(["true"], host=host, target="elm"), host)

    def heard():
        rows = call(lab, "reputation", "opinions", "elm")["opinions"]
        return rows if len({r["name"] for r in rows}) >= 3 else None

    until("the word of the others has come", 90, heard)
    until("it counts", 60, lambda: call(lab, "reputation", "show", "elm")["told"]["raters"] > 0)


def test_restart(lab):
    account, nonce = "1" * 64, "2" * 64
    auction = str(call(lab, "market", "auction", "open", "cpu", "1", "20", "1")["auction_id"])
    call(lab, "market", "auction", "commit", auction, "bid", "0.2", "5", account, nonce)
    until("a price is stored", 45, lambda: call(lab, "market", "history", "cpu")["candles"])
    before = call(lab, "market", "history", "cpu")["candles"]
    lab.kill_and_wait(HOST, "controlplane")
    after = until("it is back", 30, lambda: history_or_none(lab))
    check(after[0]["open"] == before[0]["open"], f"prices were lost: {before} {after}")
    entries = call(lab, "market", "auction", "show", auction)["entries"]
    check(len(entries) == 1 and entries[0]["account"] == account, f"orders were lost: {entries}")


def balance(lab, name):
    return lab.accounts(HOST).get(name, 0)


def test_auction(lab):
    """Deposits, a sale at one price, the place it buys, and what becomes of who keeps silent."""
    lab.wait(lab.submit(["true"], host=HOST), HOST)  # the user has an account
    seller = {name: node for node, name in lab.ids(HOST).items()}["birch"]
    fog = lambda *words, host=HOST: lab.fogctl("market", "auction", *words, host=host)
    auction = str(fog("open", "cpu", "2", "20", "20")["auction_id"])
    ask, bid, silent = "a" * 64, "b" * 64, "c" * 64
    signed = fog("ask", auction, "2", "0.05", "1", ask, host="birch")
    check(signed["account"] == seller, json.dumps(signed))
    before, fees = balance(lab, "user:local"), balance(lab, "fees")
    orders = [("ask", "0.05", "1", seller, ask), ("bid", "0.15", "1", bid, bid)]
    for order in orders + [("bid", "0.04", "1", silent, silent)]:
        fog("commit", auction, *order)
    held = balance(lab, f"escrow:auction-{auction}")
    check(held == 10 + 300 + 80, f"deposits: {held}")
    check(balance(lab, "user:local") == before - held, "the deposits are not the user's")
    until("the reveal phase", 60, lambda: fog("show", auction)["phase"] == "reveal")
    status, _, err = lab.call("market", "auction", "reveal", auction, *orders[0],
                              "signature=" + "0" * 128, host=HOST)
    check(status != 0 and b"signed by its worker" in err, f"an ask nobody signed: {err!r}")
    fog("reveal", auction, *orders[0], "signature=" + signed["signature"])
    fog("reveal", auction, *orders[1], "namespace=film")
    lab.kill_and_wait(HOST, "controlplane")
    done = until("it is cleared", 90, lambda: cleared(lab, auction))
    check(done["price_ufog"] == 100000 and done["volume"] == 1, json.dumps(done))
    sale, = done["sales"]
    check(sale["amount_mfog"] == 200 and sale["seller"] == seller, json.dumps(sale))
    check(balance(lab, f"escrow:auction-{auction}") == 200, "what is held for the seller")
    check(balance(lab, "fees") == fees + 80, "a silent order keeps its deposit")
    check(balance(lab, "user:local") == before - 280, "the rest did not come back")
    kept = lab.fogctl("reserve", "list", host=HOST)["reservations"]
    check([(r["namespace"], r["kept"]["cpu_cores"]) for r in kept] == [("film", 1)],
          json.dumps(kept))
    lab.conserved()


def cleared(lab, auction):
    try:
        answer = lab.fogctl("market", "auction", "show", auction, host=HOST)
    except Failed:
        return None
    return answer if answer["phase"] == "cleared" else None


def history_or_none(lab):
    try:
        return call(lab, "market", "history", "cpu")["candles"]
    except Failed:
        return None


if __name__ == "__main__":
    main([test_measured, test_draws, test_lots, test_quote, test_opinions, test_auction,
          test_restart], hosts=5)
