# SPDX-License-Identifier: BSD-3-Clause
"""The WebSocket /ws/fog, with an independent client (python3-websockets)."""

import asyncio
import contextlib
import json
import ssl

import websockets

import contract
from client import LIMITED_TRIES, Failed, check
from refusals import token_make
from workflows import job_submit

WAIT_S = 30


def connect(client, token=True):
    if client.local:
        return websockets.unix_connect(client.url[len("unix:"):], "ws://fog/ws/fog")
    url = client.url.replace("http", "ws", 1) + "/ws/fog"
    more = {"ssl": ssl._create_unverified_context()} if url.startswith("wss") else {}
    if token and client.token:
        more["extra_headers"] = {"Authorization": f"Bearer {client.token}"}
    return websockets.connect(url, **more)


async def receive(ws, kind, seconds=WAIT_S):
    """The next message of that type; others before it are passed over."""
    async def search():
        while True:
            message = json.loads(await ws.recv())
            check("timestamp" in message, f"no timestamp: {message}")
            if message["type"] == kind:
                return message
    with contextlib.suppress(asyncio.TimeoutError):
        return await asyncio.wait_for(search(), seconds)
    raise Failed(f"no {kind} within {seconds} s")


async def admitted(client, token=True):
    """Connected, waiting as long as a busy token is told to."""
    for _ in range(LIMITED_TRIES):
        try:
            return await connect(client, token)
        except websockets.exceptions.InvalidStatusCode as refusal:
            if refusal.status_code != 429:
                raise
            await asyncio.sleep(min(int(refusal.headers.get("Retry-After", "5")), 60))
    raise Failed("still limited")


async def opened(client):
    ws = await admitted(client)
    hello = json.loads(await asyncio.wait_for(ws.recv(), WAIT_S))
    check(hello["type"] == "fog_connection_established", f"the first message is {hello}")
    check(hello["message"] == "Connected to Enhanced Fog Computing Gateway", f"it says {hello}")
    check(hello["capabilities"] == contract.CAPABILITIES, f"capabilities: {hello}")
    return ws


async def messages(client):
    ws = await opened(client)
    await ws.send('{"type":"ping"}')
    await receive(ws, "pong")
    await ws.send('{"type":"get_fog_status"}')
    status = await receive(ws, "fog_status_update")
    contract.holds(status["data"], contract.STATUS, "fog_status_update")
    await ws.send('{"type":"subscribe_pricing"}')
    contract.holds((await receive(ws, "pricing_update"))["data"], contract.ANALYTICS,
                   "pricing_update")
    await ws.send('{"type":"unsubscribe_pricing"}')
    await ws.send('{"type":"ping"}')
    await receive(ws, "pong")
    await ws.close()


async def errors(client):
    ws = await opened(client)
    for text, code in (("{", "JSON_DECODE_ERROR"), ("[]", "PROCESSING_ERROR"),
                       ('"x"', "PROCESSING_ERROR"), ("{}", "INVALID_MESSAGE_TYPE"),
                       ('{"type":"dance"}', "INVALID_MESSAGE_TYPE"),
                       (" " * 1048577, "MESSAGE_TOO_LARGE"),
                       ('{"type":"subscribe","topics":["weather"]}', "INVALID_TOPIC")):
        await ws.send(text)
        error = await receive(ws, "error")
        check(error["code"] == code and error["message"], f"{text[:40]}: {error}")
        if code == "INVALID_MESSAGE_TYPE":
            check({"ping", "get_fog_status", "subscribe_pricing", "unsubscribe_pricing"}
                  <= set(error["allowed_types"]), f"allowed_types: {error}")
    await ws.send('{"type":"ping"}')
    await receive(ws, "pong")
    await ws.close()


async def live(client):
    """A job that is submitted is seen by who subscribed."""
    ws = await opened(client)
    topics = ["jobs", "consensus", "circuits", "alerts", "log", "status", "pricing"]
    await ws.send(json.dumps({"type": "subscribe", "topics": topics}))
    told = await receive(ws, "subscribed")
    check(sorted(told["topics"]) == sorted(topics), f"subscribed to {told}")
    await receive(ws, "fog_status_update")
    loop = asyncio.get_running_loop()
    job = await loop.run_in_executor(None, lambda: job_submit(client, ["true"], target="self"))
    states = []
    while not states or states[-1] not in ("succeeded", "failed"):
        update = (await receive(ws, "job_update", 60))["data"]
        if update["job"] == job:
            states.append(update["state"])
    check(states[0] == "queued" and states[-1] == "succeeded", f"it went through {states}")
    await ws.send(json.dumps({"type": "unsubscribe", "topics": topics}))
    check((await receive(ws, "unsubscribed"))["topics"] == [], "still subscribed")
    await ws.close()
    return " ".join(states)


async def many(client):
    """A hundred at once, each with its own answers."""
    all_ws = await asyncio.gather(*(opened(client) for _ in range(100)))
    await asyncio.gather(*(ws.send('{"type":"ping"}') for ws in all_ws))
    await asyncio.gather(*(receive(ws, "pong") for ws in all_ws))
    await asyncio.gather(*(ws.close() for ws in all_ws))


async def stranger(client):
    if client.local:
        return "not asked for on a unix socket"
    try:
        await admitted(client, token=False)
    except websockets.exceptions.InvalidStatusCode as error:
        check(error.status_code == 401, f"a stranger gets {error.status_code}")
        return None
    raise Failed("a stranger gets in")


async def reader(client):
    """The log is for administrators."""
    if client.local:
        return "not asked for on a unix socket"
    ws = await opened(client.with_token(token_make(client, "read", who="socket")["token"]))
    await ws.send('{"type":"subscribe","topics":["log"]}')
    check((await receive(ws, "error"))["code"] == "FORBIDDEN", "a reader gets the log")
    await ws.send('{"type":"subscribe","topics":["jobs"]}')
    await receive(ws, "subscribed")
    await ws.close()
    return None


def ran(test):
    def run(client):
        client.seen.add(("GET", "/ws/fog"))
        return asyncio.run(test(client))
    return run


TESTS = [
    ("messages", ran(messages)), ("errors", ran(errors)), ("subscriptions", ran(live)),
    ("a hundred clients", ran(many)), ("a stranger", ran(stranger)),
    ("a reader", ran(reader)),
]
