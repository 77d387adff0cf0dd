# SPDX-License-Identifier: BSD-3-Clause
"""/ws/fog with a second independent client, python3-autobahn, which also lets us send what
python3-websockets hides: fragments, pings of our own, binary messages, closes of any kind."""

import asyncio
import json
import ssl
import urllib.parse

from autobahn.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol

from client import check

WAIT_S = 30


class Peer(WebSocketClientProtocol):
    """What comes is put into queues; what we say goes through autobahn's own calls."""

    def __init__(self):
        super().__init__()
        self.texts = asyncio.Queue()
        self.pongs = asyncio.Queue()
        self.closed = asyncio.get_running_loop().create_future()

    def onMessage(self, payload, isBinary):  # autobahn's names
        self.texts.put_nowait(payload if isBinary else json.loads(payload))

    def onPong(self, payload):
        self.pongs.put_nowait(payload)

    def onClose(self, wasClean, code, reason):
        if not self.closed.done():
            self.closed.set_result((wasClean, code, reason))

    async def next(self, kind):
        while True:
            message = await asyncio.wait_for(self.texts.get(), WAIT_S)
            if message["type"] == kind:
                return message

    async def end(self):
        return await asyncio.wait_for(asyncio.shield(self.closed), WAIT_S)


async def opened(client):
    loop = asyncio.get_running_loop()
    if client.local:
        factory = WebSocketClientFactory("ws://fog/ws/fog", loop=loop)
        factory.protocol = Peer
        _, peer = await loop.create_unix_connection(factory, client.url[len("unix:"):])
    else:
        parts = urllib.parse.urlsplit(client.url)
        secure = parts.scheme == "https"
        factory = WebSocketClientFactory(
            client.url.replace("http", "ws", 1) + "/ws/fog", loop=loop,
            headers={"Authorization": f"Bearer {client.token}"})
        factory.protocol = Peer
        _, peer = await loop.create_connection(
            factory, parts.hostname, parts.port or (443 if secure else 80),
            ssl=ssl._create_unverified_context() if secure else None)
    await peer.next("fog_connection_established")
    return peer


async def messages(client):
    peer = await opened(client)
    peer.sendMessage(b'{"type":"ping"}')
    await peer.next("pong")
    peer.sendMessage(b'{"type":"get_fog_status"}')
    check("data" in await peer.next("fog_status_update"), "a status without data")
    peer.sendMessage(b'{"type":"subscribe","topics":["jobs","alerts"]}')
    told = await peer.next("subscribed")
    check(sorted(told["topics"]) == ["alerts", "jobs"], f"subscribed to {told}")
    peer.sendClose(1000, "done")
    clean, code, _ = await peer.end()
    check(clean and code == 1000, f"it ended with {code}")


async def frames(client):
    """A message in fragments with a ping between them, as RFC 6455 section 5.4 allows."""
    peer = await opened(client)
    text = b'{"type":"subscribe","topics":["status"]}'
    peer.beginMessage()
    for i in range(0, len(text), 7):
        peer.sendMessageFrame(text[i:i + 7])
        peer.sendPing(b"between")
    peer.endMessage()
    check((await peer.next("subscribed"))["topics"] == ["status"], "the fragments are no message")
    for _ in range(0, len(text), 7):
        check(await asyncio.wait_for(peer.pongs.get(), WAIT_S) == b"between", "another pong")
    peer.sendMessage(b"x" * 1048577)
    check((await peer.next("error"))["code"] == "MESSAGE_TOO_LARGE", "it takes what is too large")
    peer.sendMessage(b'{"type":"ping"}')
    await peer.next("pong")
    peer.sendClose(1000)
    await peer.end()


async def refusals(client):
    """What ends a connection, each on one of its own, with the code that says why."""
    binary = await opened(client)
    binary.sendMessage(b"\0\1\2", isBinary=True)
    check((await binary.end())[1] == 1003, f"binary: {await binary.end()}")
    latin = await opened(client)
    latin.sendMessage(b"\xe9t\xe9")
    check((await latin.end())[1] == 1007, f"not UTF-8: {await latin.end()}")
    huge = await opened(client)
    huge.sendMessage(b"x" * (5 << 20))
    check((await huge.end())[1] == 1009, f"5 MiB: {await huge.end()}")


def ran(test):
    return lambda client: asyncio.run(test(client))


TESTS = [("messages", ran(messages)), ("frames", ran(frames)), ("refusals", ran(refusals))]
