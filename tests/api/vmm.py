# SPDX-License-Identifier: Apache-2.0
"""vmm.py - a process of mote that is driven by its API, and its guest

The guest of tests/system/cases-api.sh prints on its console, which is the
process's stdout, and carries out what it is told by Vmm.order().
"""
import http.client
import json
import os
import select
import signal
import socket
import subprocess
import time


class Failure(Exception):
    """What a test found wrong."""


def check(what, got, wanted):
    if got != wanted:
        raise Failure("%s: got %r, wanted %r" % (what, got, wanted))


def until(seconds, what, condition):
    """Poll as the clients do; returns what condition() returned."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure("timed out: " + what)
        time.sleep(0.01)


class Connection(http.client.HTTPConnection):
    def __init__(self, path, timeout=60):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)

    def call(self, method, target, body=None):
        """Returns the status and what the body says, None without one."""
        text = None if body is None else json.dumps(body)
        headers = {} if body is None else {"Content-Type": "application/json"}
        self.request(method, target, text, headers)
        answer = self.getresponse()
        data = answer.read()
        return answer.status, json.loads(data) if data else None


class Fifo:
    """Made by the client before it names it, read by it."""

    def __init__(self, path):
        os.mkfifo(path)
        self.path = path
        self.fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.data = b""

    def lines(self):
        while select.select([self.fd], [], [], 0)[0]:
            data = os.read(self.fd, 65536)
            if not data:
                break
            self.data += data
        return self.data.decode().splitlines()


class Events:
    """GET /events, line by line."""

    def __init__(self, path, since=None):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        query = "" if since is None else "?since=%d" % since
        self.sock.sendall(b"GET /events" + query.encode() +
                          b" HTTP/1.1\r\n\r\n")
        self.file = self.sock.makefile("rb")
        check("status of /events", self.file.readline().split()[1], b"200")
        self.chunked = False
        while True:
            line = self.file.readline().strip().lower()
            self.chunked |= line == b"transfer-encoding: chunked"
            if not line:
                break
        self.pending = b""
        self.seen = []

    def next(self, seconds=60):
        """None at the end of the stream."""
        self.sock.settimeout(seconds)
        while b"\n" not in self.pending:
            data = self.read_some()
            if not data:
                return None
            self.pending += data
        line, self.pending = self.pending.split(b"\n", 1)
        event = json.loads(line)
        if self.seen:
            check("seq", event["seq"], self.seen[-1]["seq"] + 1)
            if event["time_ns"] < self.seen[-1]["time_ns"]:
                raise Failure("time went back: %r" % event)
        self.seen.append(event)
        return event

    def read_some(self):
        if not self.chunked:
            return self.file.readline()
        size = int(self.file.readline() or b"0", 16)
        data = self.file.read(size)
        self.file.readline()
        return data

    def wait_for(self, kind, device=None):
        while True:
            event = self.next()
            if event is None:
                raise Failure("no event %s, but %r" % (
                    kind, [e["type"] for e in self.seen]))
            if event["type"] == kind and device in (None, event["id"]):
                return event


class Vmm:
    """In the current directory: console.log is its stdout, stderr its own."""

    def __init__(self, mote, *arguments, api="api.sock"):
        self.api = api
        self.console = open("hvc0", "ab")
        self.errors = open("stderr", "ab")
        self.process = subprocess.Popen(
            [mote, "--api-sock", api, *arguments], stdin=subprocess.DEVNULL,
            stdout=self.console, stderr=self.errors)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.console.close()
        self.errors.close()

    def call(self, method, target, body=None):
        connection = Connection(self.api)
        try:
            return connection.call(method, target, body)
        finally:
            connection.close()

    def do(self, method, target, body=None):
        """For what must succeed; returns the answer."""
        status, answer = self.call(method, target, body)
        wanted = 200 if method == "GET" else 204
        if status != wanted:
            raise Failure("%s %s %r: %d %r" % (method, target, body, status,
                                               answer))
        return answer

    def put(self, target, **body):
        return self.do("PUT", target, body)

    def patch(self, target, **body):
        return self.do("PATCH", target, body)

    def get(self, target):
        return self.do("GET", target)

    def refused(self, method, target, body):
        status, answer = self.call(method, target, body)
        check("%s %s %r" % (method, target, body), status, 400)
        return answer["fault_message"]

    def action(self, name):
        self.put("/actions", action_type=name)

    def answers(self, target="/"):
        """None until there is somebody."""
        try:
            return self.get(target)
        except (FileNotFoundError, ConnectionError):
            check("exit status, too early", self.process.poll(), None)
            return None

    def wait_until_up(self, target="/"):
        return until(20, "the API answers", lambda: self.answers(target))

    def says(self, text, seconds=90):
        """On its console: after the next call this does not count again."""
        def has_said():
            with open("hvc0", errors="replace") as console:
                if text in console.read():
                    return True
            check("exit status, before %r" % text, self.process.poll(), None)
            return False
        until(seconds, "the guest says %r" % text, has_said)

    def order(self, uds, command):
        """By Firecracker's hybrid protocol, as all its clients: again when
        nobody listens yet."""
        def told():
            line = socket.socket(socket.AF_UNIX)
            with line:
                line.settimeout(10)
                try:
                    line.connect(uds)
                    line.sendall(b"CONNECT 10789\n")
                    answer = line.recv(32)
                    if not answer.startswith(b"OK "):
                        return False
                    line.sendall(command.encode() + b"\n")
                    return True
                except (ConnectionError, socket.timeout):
                    return False
        until(60, "the agent of the guest answers", told)

    def answer_of(self, uds, command, answer):
        self.order(uds, "echo said: $(%s)" % command)
        self.says("said: " + answer, 30)

    def has_size(self, uds, disk, size):
        """The driver takes a new size when it finds the time."""
        self.answer_of(uds, "until [ $(blockdev --getsize64 /dev/%s) = %d ]; "
                       "do usleep 50000; done; echo %s has %d" %
                       (disk, size, disk, size), "%s has %d" % (disk, size))

    def wait(self, wanted, seconds=30):
        """As subprocess has it: -N for signal N."""
        check("exit status", self.process.wait(timeout=seconds), wanted)

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)


def make_file(path, size, text=""):
    with open(path, "wb") as file:
        file.write(text.encode())
        file.truncate(size)
    return path
