# SPDX-License-Identifier: Apache-2.0
"""client.py - requests to mote's API over its Unix socket, each held against
docs/api/openapi.yaml

A client that was given a Description checks every request that the server
accepts and every response that it emits, and raises Mismatch where one is not
as described. Without one it only talks.

    with Mote() as mote:
        api = mote.client(Description.load())
        api.expect(204, "PUT", "/boot-source", {"kernel_image_path": path})
        print(api.request("GET", "/vm/config").json)

Bodies are objects, which become JSON, or bytes, which are sent as they are.
"""
import array
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
MOTE = os.environ.get("MOTE", os.path.join(TOP, "build", "release", "mote"))
DESCRIPTION = os.path.join(TOP, "docs", "api", "openapi.yaml")
METHODS = ("get", "put", "patch", "delete")
TIMEOUT = 10    # seconds that an answer may take on a loaded machine


class Mismatch(AssertionError):
    """The server and its description say different things."""


class Response:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers      # lower-case name -> value
        self.body = body            # bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def fault(self):
        """The text of an error, whichever kind it is."""
        # Transport errors hold a line feed, which strict JSON forbids.
        value = json.loads(self.body, strict=False)
        return value.get("fault_message", value.get("error"))

    def __repr__(self):
        return f"<{self.status} {self.body[:200]!r}>"


def is_integer(_checker, value):
    """The server takes no 1.0 for 1, unlike JSON Schema."""
    return isinstance(value, int) and not isinstance(value, bool)


class Description:
    """An OpenAPI document: operations, and validators for what they carry."""

    def __init__(self, document):
        import jsonschema
        base = jsonschema.Draft202012Validator
        self.document = document
        self.validator = jsonschema.validators.extend(
            base, type_checker=base.TYPE_CHECKER.redefine(
                "integer", is_integer))
        self.resolver = jsonschema.RefResolver("", document)
        self.validators = {}

    @classmethod
    def load(cls, path=DESCRIPTION):
        import yaml
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        with open(path, encoding="utf-8") as file:
            return cls(yaml.load(file, loader))

    def resolve(self, value):
        """What a reference refers to; anything else is itself."""
        while isinstance(value, dict) and set(value) == {"$ref"}:
            value = self.resolver.resolve(value["$ref"])[1]
        return value

    def operations(self):
        """(method, path template, operation) of each."""
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if method in item:
                    yield method.upper(), path, item[method]

    def find(self, method, target):
        """The operation that serves this request, or None."""
        parts = target.split("?")[0].strip("/").split("/")
        for path, item in self.document["paths"].items():
            names = path.strip("/").split("/")
            if len(names) == len(parts) and method.lower() in item and all(
                    name == part or name.startswith("{") and part
                    for name, part in zip(names, parts)):
                return item[method.lower()]
        return None

    def body_schema(self, operation):
        body = self.resolve(operation.get("requestBody"))
        return body and body["content"]["application/json"]["schema"]

    def errors(self, schema, value):
        """What is wrong with value, as a list of texts."""
        key = id(schema)
        if key not in self.validators:
            self.validators[key] = self.validator(schema,
                                                  resolver=self.resolver)
        return [f"{'/'.join(map(str, error.path)) or '.'}: {error.message}"
                for error in self.validators[key].iter_errors(value)]

    def check_request(self, method, target, body):
        """That a request may be accepted."""
        operation = self.find(method, target)
        if operation is None:
            raise Mismatch(f"{method} {target}: accepted, not described")
        schema = self.body_schema(operation)
        if (schema is None) != (body is None):
            raise Mismatch(f"{method} {target}: accepted "
                           f"{'without' if body is None else 'with'} a body")
        if schema is not None:
            self.demand(f"{method} {target}: accepted {body!r}",
                        self.errors(schema, json.loads(body)))

    def check_response(self, method, target, response):
        """That an answer is one of those described."""
        what = f"{method} {target}: {response!r}"
        operation = self.find(method, target)
        if operation is None:
            shared = self.document["components"]["responses"]
            described = {"400": shared["Error"]}
        else:
            described = operation["responses"]
        described = self.resolve(described.get(str(response.status),
                                               described.get("default")))
        if described is None:
            raise Mismatch(f"{what}: status not described")
        self._check_headers(what, described, response)
        content = described.get("content")
        if not content:
            if response.body:
                raise Mismatch(f"{what}: body not described")
            return
        kind = response.headers.get("content-type", "").split(";")[0]
        kinds = {name.split(";")[0]: entry for name, entry in content.items()}
        if kind not in kinds:
            raise Mismatch(f"{what}: content type {kind!r} not described")
        value = response.body.decode()
        if kind == "application/json":
            value = json.loads(value, strict=False)
        self.demand(what, self.errors(kinds[kind]["schema"], value))

    def _check_headers(self, what, described, response):
        headers = {name.lower(): self.resolve(header) for name, header
                   in described.get("headers", {}).items()}
        for name, header in headers.items():
            if name in response.headers:
                self.demand(f"{what}: header {name}",
                            self.errors(header["schema"],
                                        response.headers[name]))
            elif header.get("required"):
                raise Mismatch(f"{what}: no header {name}")
        framing = {"connection", "content-type", "content-length",
                   "transfer-encoding"}
        for name in set(response.headers) - set(headers) - framing:
            raise Mismatch(f"{what}: header {name} not described")

    def demand(self, what, errors):
        """That there are no errors."""
        if errors:
            raise Mismatch("\n  ".join([what, *errors]))


class Client:
    """One connection, kept alive, made when it is needed."""

    def __init__(self, path, description=None, timeout=TIMEOUT):
        self.path = path
        self.description = description
        self.timeout = timeout
        self.sock = None
        self.rest = b""     # received beyond the last answer

    def close(self):
        if self.sock is not None:
            self.sock.close()
        self.sock, self.rest = None, b""

    def connect(self):
        if self.sock is None:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(self.timeout)
            self.sock.connect(self.path)

    def send(self, data, fds=()):
        """Bytes as they are, descriptors with the first of them."""
        self.connect()
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                   array.array("i", fds))] if fds else []
        sent = self.sock.sendmsg([data], rights)
        if sent < len(data):
            self.sock.sendall(data[sent:])

    def request(self, method, target, body=None, fds=(), headers=()):
        """Ask, and return the checked Response."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        lines = [f"{method} {target} HTTP/1.1", "Host: localhost", *headers]
        if body is not None:
            lines += ["Content-Type: application/json",
                      f"Content-Length: {len(body)}"]
        head = "\r\n".join(lines).encode() + b"\r\n\r\n"
        self.send(head + (body or b""), fds)
        response = self.receive()
        if self.description is not None:
            if response.status < 300:
                self.description.check_request(method, target, body)
            self.description.check_response(method, target, response)
        return response

    def expect(self, status, method, target, body=None, fds=()):
        """request(), and the status must be this one."""
        response = self.request(method, target, body, fds)
        if response.status != status:
            raise AssertionError(f"{method} {target} {body!r}: {response!r}, "
                                 f"expected {status}")
        return response

    def get(self, target):
        return self.expect(200, "GET", target).json

    def put(self, target, body, fds=()):
        return self.expect(204, "PUT", target, body, fds)

    def patch(self, target, body, fds=()):
        return self.expect(204, "PATCH", target, body, fds)

    # --- answers

    def _more(self):
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        self.rest += data

    def _until(self, mark):
        while mark not in self.rest:
            self._more()
        text, self.rest = self.rest.split(mark, 1)
        return text

    def _bytes(self, count):
        while len(self.rest) < count:
            self._more()
        data, self.rest = self.rest[:count], self.rest[count:]
        return data

    def _head(self):
        lines = self._until(b"\r\n\r\n").decode().split("\r\n")
        status = int(lines[0].split(" ")[1])
        headers = {}
        for line in lines[1:]:
            name, value = line.split(":", 1)
            headers[name.lower()] = value.strip()
        return status, headers

    def receive(self):
        """The next answer that is no "100 Continue"."""
        status, headers = self._head()
        while status == 100:
            status, headers = self._head()
        body = self._bytes(int(headers.get("content-length", 0)))
        if headers.get("connection") == "close":
            self.close()
        return Response(status, headers, body)

    def events(self, since=None):
        """Each event of GET /events, from now on and without end.

        The connection is the stream's from here on."""
        query = "" if since is None else f"?since={since}"
        self.send(f"GET /events{query} HTTP/1.1\r\n\r\n".encode())
        status, headers = self._head()
        if status != 200:
            raise AssertionError(f"GET /events{query}: {status}")
        schema = self.description and self.description.resolve(
            {"$ref": "#/components/schemas/Event"})
        if headers.get("content-type") != "application/x-ndjson":
            raise Mismatch(f"GET /events: {headers}")
        return self._lines(schema)

    def _lines(self, schema):
        text = b""
        while True:
            size = int(self._until(b"\r\n"), 16)
            if size == 0:
                return
            text += self._bytes(size)
            self._bytes(2)
            *lines, text = text.split(b"\n")
            for line in lines:
                event = json.loads(line)
                if schema is not None:
                    self.description.demand(
                        f"event {event}", self.description.errors(
                            schema, event))
                yield event


class Mote:
    """A `mote --api-sock` in a directory of its own, ended with the block."""

    def __init__(self, *options, program=MOTE):
        self.directory = tempfile.mkdtemp(prefix="mote-api-")
        self.socket = self.file("api.sock")
        self.clients, self.servers = [], []
        with open(self.file("output"), "wb") as output:
            self.process = subprocess.Popen(
                [program, "--api-sock", self.socket, *options],
                cwd=self.directory, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT)

    def file(self, name):
        return os.path.join(self.directory, name)

    def output(self):
        with open(self.file("output"), encoding="utf-8",
                  errors="replace") as file:
            return file.read()

    def serve(self, name):
        """Listen there as a vhost-user server that says nothing would."""
        server = socket.socket(socket.AF_UNIX)
        server.bind(self.file(name))
        server.listen(64)
        self.servers.append(server)

        def take_all():
            while True:
                try:
                    server.accept()[0].close()
                except OSError:
                    return
        threading.Thread(target=take_all, daemon=True).start()

    def client(self, description=None):
        """Connected; waits until the socket is there."""
        client = Client(self.socket, description)
        end = time.monotonic() + TIMEOUT
        while True:
            try:
                client.connect()
                break
            except (FileNotFoundError, ConnectionRefusedError):
                client.close()
                if self.process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"mote: no API: {self.output()}")
                time.sleep(0.005)
        self.clients.append(client)
        return client

    def __enter__(self):
        return self

    def stop(self):
        """As users do, so that what looks for leaks at the end can."""
        try:
            Client(self.socket).request("PUT", "/actions",
                                        {"action_type": "InstanceStop"})
        except (OSError, ConnectionError):
            self.process.terminate()

    def __exit__(self, *_exception):
        for client in self.clients:
            client.close()
        for server in self.servers:
            server.shutdown(socket.SHUT_RDWR)
            server.close()
        if self.process.poll() is None:
            self.stop()
        try:
            self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        output = self.output()
        if "Sanitizer" in output or "runtime error:" in output:
            raise AssertionError(output)
        shutil.rmtree(self.directory)
