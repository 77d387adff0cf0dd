# SPDX-License-Identifier: BSD-3-Clause
"""Send hostile datagrams to a data plane; run inside a namespace of the lab by e2e_drops.py.

	inject.py KIND COUNT TARGET_IP TARGET_PORT

Kinds that need none of our secrets go out of a plain socket. flipped, replayed and truncated start
from datagrams that this host's own data plane sends to the target: they are taken from the wire and
sent again as whole frames, so that addresses and ports are the right ones."""

import os
import socket
import struct
import sys
import time

DGRAM_SIZE = 1440
INTERFACE = "eth0"
CAPTURE_S = 10
ETH_P_ALL = 3
TYPE_INIT, TYPE_DATA = 1, 4
ETH_SIZE, IP_SIZE, UDP_SIZE = 14, 20, 8
PAYLOAD = ETH_SIZE + IP_SIZE + UDP_SIZE


def header(kind, receiver=0, counter=0):
    return struct.pack("<B3xIQ", kind, receiver, counter)


def forged(kind):
    body = os.urandom(DGRAM_SIZE - 16)
    return {
        "short": lambda: os.urandom(17),
        "empty": lambda: b"",
        "long": lambda: header(TYPE_DATA) + body + b"x",
        "oversized": lambda: os.urandom(9000),
        "type": lambda: header(99) + body,
        "reserved": lambda: b"\x04\x01\x00\x00" + os.urandom(DGRAM_SIZE - 4),
        "session": lambda: header(TYPE_DATA, 0xfffffff0, 1) + body,
        "handshake": lambda: header(TYPE_INIT) + body,
    }[kind]()


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def with_payload(frame, payload):
    """The same frame around another payload: lengths and IP checksum mended, UDP's left out."""
    ip = bytearray(frame[ETH_SIZE:ETH_SIZE + IP_SIZE])
    struct.pack_into(">H", ip, 2, IP_SIZE + UDP_SIZE + len(payload))
    struct.pack_into(">H", ip, 10, 0)
    struct.pack_into(">H", ip, 10, checksum(bytes(ip)))
    udp = bytearray(frame[ETH_SIZE + IP_SIZE:PAYLOAD])
    struct.pack_into(">HH", udp, 4, UDP_SIZE + len(payload), 0)
    return frame[:ETH_SIZE] + bytes(ip) + bytes(udp) + payload


def is_ours(frame, address, port):
    if len(frame) != PAYLOAD + DGRAM_SIZE or frame[12:14] != b"\x08\x00":
        return False
    return (frame[ETH_SIZE + 9] == socket.IPPROTO_UDP and frame[30:34] == address
            and struct.unpack(">H", frame[36:38])[0] == port and frame[PAYLOAD] == TYPE_DATA)


def capture(wire, address, port):
    deadline = time.monotonic() + CAPTURE_S
    wire.settimeout(1)
    while time.monotonic() < deadline:
        try:
            frame = wire.recv(65536)
        except TimeoutError:
            continue
        if is_ours(frame, address, port):
            return frame
    sys.exit("no datagram to the target was seen")


def altered(kind, frame, number):
    payload = bytearray(frame[PAYLOAD:])
    if kind == "flipped":
        # A counter that has not come yet: otherwise it is a replay before it is a forgery.
        counter = struct.unpack_from("<Q", payload, 8)[0]
        struct.pack_into("<Q", payload, 8, counter + 1000 + number)
        payload[100] ^= 0x10
    if kind == "truncated":
        payload = payload[:700]
    return with_payload(frame, bytes(payload))


def main():
    kind, count, ip, port = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    if kind in ("flipped", "replayed", "truncated"):
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        wire.bind((INTERFACE, ETH_P_ALL))
        frame = capture(wire, socket.inet_aton(ip), port)
        time.sleep(0.2)  # the original must arrive first: a replay is the second of two
        for number in range(count):
            wire.send(altered(kind, frame, number))
            time.sleep(0.001)
        return
    plain = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for _ in range(count):
        plain.sendto(forged(kind), (ip, port))
        time.sleep(0.001)


if __name__ == "__main__":
    main()
