# SPDX-License-Identifier: Apache-2.0
"""load.py - HTTP load on one server: wrk for throughput, our own for latency.

wrk sends the next request when the last one was answered, so a slow server is
asked less and its latencies look better than a user would find them. open_loop()
asks at fixed times whatever the server does, and counts from those times.
"""
import errno
import re
import selectors
import socket
import subprocess
import time

UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}
BYTES = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}
UPLOAD = """wrk.method = "POST"
wrk.path = "/upload"
wrk.body = string.rep("x", {size})
"""


def percentile(values, percent):
    """Nearest rank."""
    values = sorted(values)
    return values[max(0, -(-len(values) * percent // 100) - 1)]


def parse_size(text):
    """16K, 1M as bytes."""
    factor = {"K": 1 << 10, "M": 1 << 20}.get(text[-1], 1)
    return int(text.rstrip("KM")) * factor


def parse_wrk(text):
    """Its report: requests per second, MiB/s received, p50 and p99 in ms, errors.

    It prints no latencies, 0 here, when not a single request was answered in time.
    """
    latency = {int(m[1]): float(m[2]) * UNITS[m[3]] for m in
               re.finditer(r"^ +(\d+)% +([\d.]+)(us|ms|s|m)$", text, re.M)}
    rate = re.search(r"^Requests/sec: +([\d.]+)", text, re.M)
    moved = re.search(r"^Transfer/sec: +([\d.]+)(\wB|B)", text, re.M)
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    socket_errors = re.search(r"Socket errors: (.*)", text)
    errors = int(bad[1]) if bad else 0
    if socket_errors:
        errors += sum(int(n) for n in re.findall(r"\d+", socket_errors[1]))
    return {"requests_s": float(rate[1]),
            "mib_s": float(moved[1]) * BYTES[moved[2]] / (1 << 20),
            "p50_ms": latency.get(50, 0.0), "p99_ms": latency.get(99, 0.0), "errors": errors}


def wrk(base, size, workers, seconds, upload=None):
    """One run of wrk with `workers` connections; `upload` is a file for its script."""
    command = ["wrk", "-t", "1", "-c", str(workers), "-d", f"{seconds}s", "--latency",
               "--timeout", "30s"]
    if upload:
        with open(upload, "w", encoding="ascii") as f:
            f.write(UPLOAD.format(size=parse_size(size)))
        command += ["-s", upload, base]
    else:
        command += [f"{base}/{size}"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result = parse_wrk(done.stdout)
    if upload:
        result["mib_s"] = result["requests_s"] * parse_size(size) / (1 << 20)
    return result


def parse_head(data):
    """(status, length of the body, where it begins), or None while incomplete."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    length = re.search(rb"\r\ncontent-length: *(\d+)", data[:end].lower())
    return int(data.split(b" ", 2)[1]), int(length[1]) if length else 0, end + 4


class Connection:
    """Keep-alive, one request at a time."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.asked_for = None
        self.data = b""

    def ask(self, request, due):
        self.asked_for, self.data = due, b""
        self.socket.sendall(request)    # a line or two: always fits

    def done(self):
        """Read what there is; the status once the reply is complete, else None."""
        try:
            got = self.socket.recv(1 << 18)
        except OSError as error:
            if error.errno == errno.EAGAIN:
                return None
            raise
        if not got:
            raise ConnectionError("the server closed a connection")
        self.data += got
        head = parse_head(self.data)
        if head and len(self.data) - head[2] >= head[1]:
            return head[0]
        return None


def open_loop(host, port, path, rate, seconds, workers):
    """Ask `rate` times a second; at most `workers` at a time, the rest queues.

    Latency counts from when a request was due, time in the queue included.
    """
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    with selectors.DefaultSelector() as selector:
        free = [Connection((host, port)) for _ in range(workers)]
        connections = list(free)
        for one in connections:
            selector.register(one.socket, selectors.EVENT_READ, one)
        latencies, errors, sent = [], 0, 0
        total = max(1, int(rate * seconds))
        start = time.monotonic()
        give_up = start + 3 * seconds + 10
        while len(latencies) + errors < total and time.monotonic() < give_up:
            now = time.monotonic()
            while sent < total and free and start + sent / rate <= now:
                free.pop().ask(request, start + sent / rate)
                sent += 1
            pause = max(0, start + sent / rate - now) if free and sent < total else 0.1
            for key, _ in selector.select(pause):
                status = key.data.done()
                if status is None:
                    continue
                if status == 200:
                    latencies.append(1000 * (time.monotonic() - key.data.asked_for))
                else:
                    errors += 1
                free.append(key.data)
        elapsed = time.monotonic() - start
        for one in connections:
            one.socket.close()
    return {"requests_s": len(latencies) / elapsed,
            "p50_ms": percentile(latencies, 50) if latencies else 0,
            "p99_ms": percentile(latencies, 99) if latencies else 0,
            "errors": errors + total - len(latencies) - errors}
