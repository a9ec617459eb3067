#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ctl_server.py - a server of the API that plays a part

usage: ctl_server.py SOCKET PART

Serves any number of connections, one after the other, until it is killed.
"""
import json
import socket
import sys
import time

CHUNKED = b"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n"


def answer(body, status=200):
    text = json.dumps(body).encode()
    return b"HTTP/1.1 %d \r\nContent-Length: %d\r\n\r\n%s" % (
        status, len(text), text)


def device(name, kind, **flags):
    return dict(id=name, type=kind, **flags)


RUNNING = {
    "/": {"id": "vm-2", "state": "Running"},
    "/vm/config": {
        "machine-config": {"vcpu_count": 4, "mem_size_mib": 512},
        "boot-source": {"kernel_image_path": "/boot/vm\x1b[2Jlinuz"},
        "drives": [{"drive_id": "a", "path_on_host": "/srv/a"},
                   {"drive_id": "b", "socket": "/run/b"}],
        "network-interfaces": [{"iface_id": "eth0", "host_dev_name": "tap0"}],
        "pmem": [], "vhost-user": [], "vsock": None},
    "/metrics": {"devices": [
        device("a", "block", started=True, needs_reset=False, lost=False),
        device("b", "block", started=False, needs_reset=True, lost=True),
        device("eth0", "net", started=False, needs_reset=False, lost=False),
        device("console0", "console", started=1, needs_reset=0, lost=0)]},
}


# What a part makes of a request's path: pieces, sent one by one.
PARTS = {
    "garbage": lambda path: [b"\0\1\2 not HTTP at all\r\n\r\n"],
    "array": lambda path: [answer([1, 2])],
    "no-json": lambda path: [b"HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\n{"],
    "close": lambda path: [b"HTTP/1.1 200 \r\nContent-Length: 9\r\n\r\n{", b""],
    "full": lambda path: [
        b"HTTP/1.1 503 \r\nConnection: close\r\nContent-Length: 44\r\n\r\n"
        b'{ "error": "Too many\nopen connections." }   '],
    "split": lambda path: [bytes([b]) for b in answer(
        {"mote_version": "1", "firecracker_version": "2"})],
    "stream": lambda path: [CHUNKED, b"9\r\n{\"seq\"", b":1", b"", b"\n\r",
                            b"\n2\r\n{}\r\n0\r\n\r\n"],
    "stuck": lambda path: [b"HTTP/1.1 204 \r\n\r\n"],
    "running": lambda path: [answer(RUNNING[path])],
}


def serve(conn, part):
    buf = b""
    while True:
        while b"\r\n\r\n" not in buf:
            got = conn.recv(4096)
            if not got:
                return
            buf += got
        path = buf.split(b" ", 2)[1].decode()
        buf = b""
        for piece in PARTS[part](path):
            conn.sendall(piece)
            time.sleep(0.001)
        if part in ("garbage", "close", "full"):
            return


def main():
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sys.argv[1])
    listener.listen(8)
    while True:
        conn, _ = listener.accept()
        with conn:
            serve(conn, sys.argv[2])


main()
