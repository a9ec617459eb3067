# SPDX-License-Identifier: Apache-2.0
"""test_description.py - docs/api/openapi.yaml is OpenAPI 3.1, and has the
server's routes, all of them and no others"""
import os
import re
import unittest

import client

ROUTES = os.path.join(client.TOP, "src", "api", "api_routes.c")

# OpenAPI 3.1, sections 4.8.1 to 4.8.24, as far as this document goes.
KEYS = {
    "document": {"openapi", "info", "servers", "tags", "security", "paths",
                 "components"},
    "info": {"title", "version", "license", "summary", "description"},
    "path": {"parameters", "get", "put", "patch", "delete"},
    "operation": {"operationId", "summary", "description", "tags",
                  "parameters", "requestBody", "responses"},
    "parameter": {"name", "in", "required", "description", "schema"},
    "body": {"required", "content", "description"},
    "response": {"description", "headers", "content"},
    "header": {"description", "required", "schema"},
    "components": {"parameters", "headers", "responses", "schemas"},
}


class Description(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.description = client.Description.load()
        cls.document = cls.description.document

    def check_keys(self, kind, value, where):
        unknown = {key for key in value if not key.startswith("x-mote-")}
        self.assertLessEqual(unknown, KEYS[kind], where)

    def test_top(self):
        self.assertEqual(self.document["openapi"], "3.1.0")
        self.check_keys("document", self.document, "top")
        self.check_keys("info", self.document["info"], "info")
        self.check_keys("components", self.document["components"],
                        "components")

    def test_operations(self):
        names = []
        tags = {tag["name"] for tag in self.document["tags"]}
        for method, path, operation in self.description.operations():
            where = f"{method} {path}"
            self.check_keys("operation", operation, where)
            self.assertLessEqual(set(operation["tags"]), tags, where)
            names.append(operation.get("operationId"))
            for parameter in operation.get("parameters", []):
                self.check_keys("parameter", parameter, where)
                self.assertEqual(parameter["in"], "query", where)
            self.assertNotEqual(operation.get("x-mote-refused", False),
                                "operationId" in operation, where)
            if method in ("GET", "DELETE"):
                self.assertNotIn("requestBody", operation, where)
            else:
                self.check_keys("body", operation["requestBody"], where)
            self.check_responses(operation, where)
        names = [name for name in names if name is not None]
        self.assertEqual(len(names), len(set(names)))

    def check_responses(self, operation, where):
        self.assertTrue(operation["responses"], where)
        for status, response in operation["responses"].items():
            self.assertRegex(status, "^(200|204|400|default)$", where)
            response = self.description.resolve(response)
            self.check_keys("response", response, where)
            self.assertIn("description", response, where)
            for header in response["headers"].values():
                self.check_keys("header", self.description.resolve(header),
                                where)
            for content in response.get("content", {}).values():
                self.assertEqual(set(content), {"schema"}, where)
        if operation.get("x-mote-refused"):
            self.assertEqual(set(operation["responses"]), {"400", "default"})
        else:
            self.assertRegex(operation["x-mote-phase"], "^(any|before|after)$")

    def test_paths(self):
        for path, item in self.document["paths"].items():
            self.check_keys("path", item, path)
            self.assertTrue(path.startswith("/"))
            given = [self.description.resolve(parameter)["name"]
                     for parameter in item.get("parameters", [])]
            self.assertEqual(re.findall(r"\{(\w+)\}", path), given)

    def test_schemas_are_schemas(self):
        for name, schema in self.document["components"]["schemas"].items():
            with self.subTest(name):
                self.description.validator.check_schema(schema)

    def test_references(self):
        """Each leads somewhere, and every component is used."""
        used = set()

        def walk(value):
            if isinstance(value, dict):
                if "$ref" in value:
                    used.add(value["$ref"])
                    self.description.resolve({"$ref": value["$ref"]})
                for part in value.values():
                    walk(part)
            elif isinstance(value, list):
                for part in value:
                    walk(part)

        walk(self.document)
        there = {f"#/components/{kind}/{name}"
                 for kind, parts in self.document["components"].items()
                 for name in parts}
        # A file is no request.
        self.assertEqual(there - used, {"#/components/schemas/ConfigFile"})

    def test_documented_values_are_right(self):
        """A default is one of the values that a field may have."""
        def walk(value):
            if isinstance(value, dict):
                if "default" in value and "responses" not in value:
                    errors = self.description.errors(value, value["default"])
                    self.assertEqual(errors, [], value)
                for key, part in value.items():
                    if key != "responses":
                        walk(part)
            elif isinstance(value, list):
                for part in value:
                    walk(part)

        walk(self.document["components"]["schemas"])


class Routes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.description = client.Description.load()
        with open(ROUTES, encoding="utf-8") as file:
            table = re.findall(r'\{ "([A-Z]+)",\s+"([a-z-]*)",\s*(\w+),\s*'
                               r'([A-Z_0| ]+),', file.read())
        cls.table = {(method, name): (handler, flags)
                     for method, name, handler, flags in table}
        cls.described = {}
        for method, path, operation in cls.description.operations():
            name = path.split("/")[1]
            cls.described.setdefault((method, name), []).append(
                (path, operation))

    def test_source(self):
        """The table of routes names what is described, flags included."""
        self.assertGreater(len(self.table), 30)
        self.assertEqual(set(self.table), set(self.described))
        for key, (handler, flags) in self.table.items():
            for path, operation in self.described[key]:
                self.assertEqual(handler.startswith("api_refuse"),
                                 bool(operation.get("x-mote-refused")), key)
                self.assertEqual("ROUTE_ID" in flags, "{id}" in path, key)
                if not handler.startswith("api_refuse"):
                    words = {"any": set(), "before": {"BEFORE"},
                             "after": {"AFTER"}}[operation["x-mote-phase"]]
                    there = set(re.findall(r"\b(BEFORE|AFTER)\b", flags))
                    # The machine says so for metrics, not the route.
                    if key != ("GET", "metrics"):
                        self.assertEqual(words, there, key)

    def test_server(self):
        """Each method of each path: there if and only if described."""
        names = {name for _, name in self.described} | {
            "pci", "cpu", "drive", "mmds-config", "Actions", "v1"}
        with client.Mote() as mote:
            api = mote.client(self.description)
            for name in sorted(names):
                for method in ("GET", "PUT", "PATCH", "DELETE"):
                    if (method, name) != ("GET", "events"):
                        self.check_route(api, method, name)

    def check_route(self, api, method, name):
        described = self.described.get((method, name), [])
        target = described[0][0] if described else f"/{name}/x"
        target = target.replace("{id}", "x")
        body = b"0" if method in ("PUT", "PATCH") else None
        answer = api.request(method, target, body)
        unknown = answer.status == 400 and answer.fault.startswith(
            f"Invalid request method and/or path: {method} {name}")
        self.assertEqual(unknown, not described,
                         f"{method} {target}: {answer}")
        for path, operation in described:
            target = path.replace("{id}", "x")
            answer = api.request(method, target, body)
            if operation.get("x-mote-refused"):
                self.assertIn("mote does not support this", answer.fault)

    def test_events(self):
        with client.Mote() as mote:
            self.assertEqual(next(mote.client(self.description).events())[
                "type"], "api-ready")
            api = mote.client(self.description)
            for query in ("since=x", "since=-1", "since=", "x=1",
                          f"since={2**64}"):
                api.expect(400, "GET", f"/events?{query}")

    def test_transport_errors(self):
        """They are answered `error`, and end the connection."""
        with client.Mote() as mote:
            for data in (b"POST / HTTP/1.1\r\n\r\n", b"GET / HTTP/2\r\n\r\n",
                         b"GET /" + b"x" * 1100 + b" HTTP/1.1\r\n\r\n",
                         b"PUT /logger HTTP/1.1\r\nContent-Length: 51201\r\n"
                         b"\r\n"):
                api = mote.client()
                api.send(data)
                answer = api.receive()
                self.assertEqual(answer.status, 400)
                self.description.check_response("GET", "/version", client.
                                                Response(408, answer.headers,
                                                         answer.body))
                self.assertIsNone(api.sock)

    def test_too_many_connections(self):
        with client.Mote() as mote:
            clients = [mote.client() for _ in range(10)]
            for api in clients:
                api.get("/")
            api = mote.client()
            answer = api.receive()
            self.assertEqual(answer.status, 503)
            self.assertEqual(answer.fault, "Too many open connections")
            for api in clients:
                api.close()


class States(unittest.TestCase):
    """What a request may not do to what others have set."""

    @classmethod
    def setUpClass(cls):
        cls.description = client.Description.load()

    def test_an_id_is_of_one_device(self):
        drive = {"drive_id": "x", "is_root_device": False, "socket": "s"}
        user = {"id": "x", "type": "fs", "socket": "s"}
        with client.Mote() as mote:
            mote.serve("s")
            api = mote.client(self.description)
            api.put("/drives/x", drive)
            api.expect(400, "PUT", "/vhost-user/x", user)
            self.assertEqual(api.get("/vm/config")["vhost-user"], [])
        with client.Mote() as mote:
            mote.serve("s")
            api = mote.client(self.description)
            api.put("/vhost-user/x", user)
            api.expect(400, "PUT", "/drives/x", drive)
            self.assertEqual(api.get("/vm/config")["drives"], [])

    def test_a_configuration_can_be_put_again(self):
        """GET /vm/config has bodies that are requests, and a file."""
        ids = {"drives": "drive_id", "pmem": "id", "vhost-user": "id"}
        with client.Mote() as mote, client.Mote() as other:
            for name in (mote.file("image"), other.file("image")):
                with open(name, "wb") as file:
                    file.truncate(1 << 20)
            mote.serve("s")
            other.serve("s")
            api = mote.client(self.description)
            api.put("/boot-source", {"kernel_image_path": "image"})
            api.put("/drives/b", {"drive_id": "b", "is_root_device": False,
                                  "socket": "s"})
            api.put("/drives/a", {"drive_id": "a", "is_root_device": True,
                                  "path_on_host": "image"})
            api.put("/pmem/p", {"id": "p", "path_on_host": "image",
                                "read_only": True})
            api.put("/vhost-user/f", {"id": "f", "type": "fs", "socket": "s"})
            api.put("/vsock", {"guest_cid": 3, "uds_path": "v"})
            api.put("/serial", {"serial_out_path": "serial"})
            api.put("/logger", {"log_path": "log"})
            config = api.get("/vm/config")
            schema = {"$ref": "#/components/schemas/ConfigFile"}
            self.description.demand("file",
                                    self.description.errors(schema, config))
            api = other.client(self.description)
            for name, section in config.items():
                for body in section if name in ids else [section]:
                    if body:
                        end = f"/{body[ids[name]]}" if name in ids else ""
                        api.put(f"/{name}{end}", body)
            self.assertEqual(api.get("/vm/config"), config)

    def test_a_server_is_connected_to_when_it_is_named(self):
        drive = {"drive_id": "x", "is_root_device": False, "socket": "s"}
        with client.Mote() as mote:
            api = mote.client(self.description)
            api.expect(400, "PUT", "/drives/x", drive)
            self.assertEqual(api.get("/vm/config")["drives"], [])
            mote.serve("s")
            api.put("/drives/x", drive)
            self.assertEqual(len(api.get("/vm/config")["drives"]), 1)

    def test_private_memory_has_no_backends(self):
        machine = {"vcpu_count": 1, "mem_size_mib": 64,
                   "memory_sharing": "private"}
        with client.Mote() as mote:
            mote.serve("s")
            api = mote.client(self.description)
            api.put("/drives/x", {"drive_id": "x", "is_root_device": False,
                                  "socket": "s"})
            before = api.get("/vm/config")
            api.expect(400, "PUT", "/machine-config", machine)
            self.assertEqual(api.get("/vm/config"), before)


if __name__ == "__main__":
    unittest.main()
