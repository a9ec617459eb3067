# SPDX-License-Identifier: Apache-2.0
"""test_fields.py - every field of every body: what the description allows is
accepted, the rest is answered 400 and has changed nothing"""
import json
import os
import unittest

import client
import fields
import guest

LIMITER = {"bandwidth": {"size": 0, "refill_time": 0, "one_time_burst": 0},
           "ops": {"size": 9, "refill_time": 0, "one_time_burst": None}}

# A right body for each operation, all of its fields there. What fits the
# description may still be refused for these fields: the host decides.
CASES = {
    "putAction": {
        "target": "/actions", "refusable": True,
        "body": {"action_type": "FlushMetrics"}},
    "putBootSource": {
        "target": "/boot-source", "host": ["kernel_image_path", "initrd_path"],
        "body": {"kernel_image_path": "vmlinux", "initrd_path": "disk.img",
                 "boot_args": "console=ttyS0 noapic reboot=k"}},
    "putMachineConfig": {
        "target": "/machine-config", "host": ["memory_sharing"],
        "body": {"vcpu_count": 2, "mem_size_mib": 64, "smt": False,
                 "cpu_template": "T2", "track_dirty_pages": False,
                 "huge_pages": "None", "memory_sharing": "auto",
                 "mergeable": False, "prefault": False, "load": "auto",
                 "cpu_affinity": [0]}},
    "patchMachineConfig": {
        "target": "/machine-config", "host": ["memory_sharing"],
        "body": {"vcpu_count": 2, "mem_size_mib": 64, "smt": False,
                 "cpu_template": None, "track_dirty_pages": False,
                 "huge_pages": "None", "memory_sharing": "auto",
                 "mergeable": False, "prefault": False, "load": "auto",
                 "cpu_affinity": None}},
    "putCpuConfig": {
        "target": "/cpu-config",
        "body": {"kvm_capabilities": [], "cpuid_modifiers": [],
                 "msr_modifiers": None}},
    "putDrive": {
        "target": "/drives/d_1", "host": ["drive_id", "path_on_host"],
        "body": {"drive_id": "d_1", "is_root_device": True, "partuuid": "0-1",
                 "cache_type": "Unsafe", "is_read_only": False,
                 "path_on_host": "disk.img", "rate_limiter": LIMITER,
                 "io_engine": "Sync", "socket": None, "direct": False,
                 "queues": 1}},
    "putDrive by socket": {
        "target": "/drives/d_2", "host": ["drive_id", "socket"],
        "body": {"drive_id": "d_2", "is_root_device": False,
                 "socket": "user.sock"}},
    "putNetworkInterface": {
        "target": "/network-interfaces/n_1", "host": [
            "iface_id", "host_dev_name"], "needs": "tap",
        "body": {"iface_id": "n_1", "host_dev_name": "mote0",
                 "guest_mac": "02:00:00:00:00:01", "mtu": 1500,
                 "rx_rate_limiter": LIMITER, "tx_rate_limiter": {}}},
    "putVsock": {
        "target": "/vsock", "host": ["uds_path"],
        "body": {"guest_cid": 3, "uds_path": "v.sock", "vsock_id": "v",
                 "kernel": False}},
    "putVsock of the kernel": {
        "target": "/vsock",
        "body": {"guest_cid": 3, "uds_path": None, "kernel": True}},
    "putPmem": {
        "target": "/pmem/p_1", "host": ["id", "path_on_host"],
        "body": {"id": "p_1", "path_on_host": "disk.img", "root_device": True,
                 "read_only": True, "rate_limiter": LIMITER}},
    "putVhostUser": {
        "target": "/vhost-user/f_1", "host": ["id", "socket"],
        "body": {"id": "f_1", "type": "fs", "socket": "user.sock",
                 "listen": False, "queues": 2, "queue_size": 128,
                 "tag": "share", "mac": None}},
    "putVhostUser of a network": {
        "target": "/vhost-user/f_2", "host": ["id", "socket"],
        "body": {"id": "f_2", "type": "net", "socket": "user.sock",
                 "mac": "02:00:00:00:00:02"}},
    "putSerial": {
        "target": "/serial",
        "body": {"serial_out_path": "serial", "rate_limiter": {
            "size": 1, "refill_time": 0, "one_time_burst": None}}},
    "putLogger": {
        "target": "/logger", "host": ["log_path"],
        "body": {"log_path": "log", "level": "iNfO", "show_level": True,
                 "show_log_origin": False, "module": "vm"}},
    "putMetrics": {
        "target": "/metrics", "host": ["metrics_path"], "once": True,
        "body": {"metrics_path": "metrics", "emit_id": True,
                 "properties": {"a": "b"}}},
    # After the start:
    "patchVm": {"target": "/vm", "body": {"state": "Resumed"}},
    "patchDrive": {
        "target": "/drives/disk", "host": ["drive_id", "path_on_host"],
        "body": {"drive_id": "disk", "path_on_host": "other.img",
                 "rate_limiter": LIMITER}},
    # No interface: none can be started where there is no vhost-net.
    "patchNetworkInterface": {
        "target": "/network-interfaces/n_1", "refusable": True,
        "body": {"iface_id": "n_1", "rx_rate_limiter": LIMITER,
                 "tx_rate_limiter": None}},
}


def host_has_taps():
    """In a network namespace where we may make some."""
    with client.Mote() as mote:
        answer = mote.client().request(
            "PUT", "/network-interfaces/n",
            {"iface_id": "n", "host_dev_name": "mote-probe"})
    return answer.status == 204


class Session:
    """A mote in the phase that an operation needs, and its state."""

    def __init__(self, description, name, case):
        self.description = description
        self.case = case
        operation = next(
            (method, entry) for method, _, entry in description.operations()
            if entry.get("operationId") == name.split()[0])
        self.method, self.operation = operation
        self.schema = description.body_schema(self.operation)
        self.mote = None

    def open(self):
        self.close()
        self.mote = client.Mote()
        guest.write_kernel(self.mote.file("vmlinux"))
        self.mote.serve("user.sock")
        for image in ("disk.img", "other.img"):
            with open(self.mote.file(image), "wb") as file:
                file.truncate(1 << 20)
        self.api = self.mote.client(self.description)
        self.plain = self.mote.client()
        if self.operation["x-mote-phase"] == "after":
            self.api.put("/boot-source", {"kernel_image_path": "vmlinux"})
            self.api.put("/drives/disk", {
                "drive_id": "disk", "is_root_device": False,
                "path_on_host": "disk.img"})
            self.api.put("/actions", {"action_type": "InstanceStart"})
        if not self.case.get("refusable") and not self.case.get("once"):
            self.ask(self.case["body"], 204)
        self.state = self.get_state()

    def close(self):
        if self.mote is not None:
            self.mote.__exit__()
        self.mote = None

    def get_state(self):
        return (self.plain.request("GET", "/vm/config").body +
                self.plain.request("GET", "/").body)

    def ask(self, body, expected=None):
        answer = self.api.request(self.method, self.case["target"], body)
        if expected is not None and answer.status != expected:
            raise AssertionError(f"{self.method} {self.case['target']} "
                                 f"{body!r}: {answer!r}, not {expected}")
        return answer

    def refused(self, body, status=None):
        """It must be, whatever it is, and nothing have changed."""
        answer = self.ask(body, 400) if status is None else status
        json.loads(answer.body)["fault_message"].encode()
        if self.get_state() != self.state:
            raise AssertionError(f"{self.method} {self.case['target']} "
                                 f"{body!r}: refused, and yet it changed "
                                 f"{self.state} to {self.get_state()}")

    def try_body(self, body):
        # No schema needs to say that there is no NUL in any text.
        right = "\\u0000" not in json.dumps(body) and \
            not self.description.errors(self.schema, body)
        answer = self.ask(body)     # accepted: checked against the schema
        if answer.status == 400:
            self.refused(body, answer)
            base = self.case["body"]
            free = any(body.get(name) != base.get(name)
                       for name in self.case.get("host", []))
            if right and not free and not self.case.get("refusable"):
                raise AssertionError(
                    f"{self.method} {self.case['target']} {body!r} is refused:"
                    f" {answer.fault}")
        elif self.case.get("once"):
            self.open()
        else:
            self.again()

    def again(self):
        """Back to the right body, whatever was accepted."""
        if self.case["target"] == "/actions":
            self.open()
            return
        answer = self.ask(self.case["body"])
        if answer.status != 204 or self.get_state() != self.state:
            self.open()


class Fields(unittest.TestCase):
    """One test for each case; they are made below."""

    @classmethod
    def setUpClass(cls):
        cls.description = client.Description.load()
        cls.taps = host_has_taps()
        cls.no_kvm = guest.no_kvm()

    def run_case(self, name):
        case = CASES[name]
        session = Session(self.description, name, case)
        if case.get("needs") == "tap" and not self.taps:
            self.skipTest("no taps can be made here")
        if session.operation["x-mote-phase"] == "after" and self.no_kvm:
            self.skipTest(self.no_kvm)
        try:
            session.open()
            self.run_bodies(session)
        finally:
            session.close()

    def run_bodies(self, session):
        body = session.case["body"]
        for data in fields.NO_OBJECTS + fields.NO_JSON:
            session.refused(data)
        for _, data in fields.repeated(body):
            session.refused(data)
        for _, other in fields.changed(self.description, session.schema, body):
            session.try_body(other)
        if session.method == "PATCH":
            session.refused(None)

    def test_every_body_has_a_case(self):
        bodies = {entry["operationId"]
                  for _, _, entry in self.description.operations()
                  if "requestBody" in entry and not entry.get("x-mote-refused")}
        self.assertEqual(bodies, {name.split()[0] for name in CASES})

    def test_every_field_has_a_value(self):
        """So that each is left out and repeated at least once."""
        given = {}
        for name, case in CASES.items():
            given.setdefault(name.split()[0], set()).update(case["body"])
        for _, _, entry in self.description.operations():
            name = entry.get("operationId")
            if name in given:
                schema = self.description.body_schema(entry)
                known = fields.properties(self.description, schema)
                self.assertEqual(set(known), given[name], name)


class Phases(unittest.TestCase):
    """What belongs to the other phase is refused, by these words, with no effect."""

    TEXT = ("The requested operation is not supported {} starting the microVM.")

    def check_phase(self, wrong, word, start):
        description = client.Description.load()
        phases = {entry["operationId"]: (method, entry["x-mote-phase"])
                  for method, _, entry in description.operations()
                  if "operationId" in entry}
        seen = 0
        with client.Mote() as mote:
            guest.write_kernel(mote.file("vmlinux"))
            plain = mote.client()
            if start:
                self.assertEqual(plain.request("PUT", "/boot-source", {
                    "kernel_image_path": "vmlinux"}).status, 204)
                self.assertEqual(plain.request("PUT", "/actions", {
                    "action_type": "InstanceStart"}).status, 204)
            state = plain.request("GET", "/vm/config").body
            for name, case in CASES.items():
                method, phase = phases[name.split()[0]]
                if phase != wrong:
                    continue
                seen += 1
                answer = plain.request(method, case["target"], case["body"])
                self.assertEqual(answer.status, 400, name)
                self.assertIn(self.TEXT.format(word), answer.body.decode(), name)
                self.assertEqual(plain.request("GET", "/vm/config").body, state, name)
        self.assertGreater(seen, 2)

    def test_before_the_start(self):
        self.check_phase("after", "before", False)

    def test_after_the_start(self):
        if guest.no_kvm():
            self.skipTest(guest.no_kvm())
        self.check_phase("before", "after", True)


def add_tests():
    for name in CASES:
        words = "_".join(name.split())
        setattr(Fields, f"test_{words}",
                lambda self, name=name: self.run_case(name))


add_tests()

if __name__ == "__main__":
    os.umask(0o77)
    unittest.main()
