#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""measure_api.py - what the API costs, for bench/api

CPU time of all processes of mote (monitor, spawner, backends) from the exec on,
as the scheduler counts it: in the counting test bed that is instructions. From
InstanceStart to the first KVM_RUN the trace's clock counts instead.
"""
import json
import os
import socket
import statistics
import subprocess
import time

import measure


def cpu_ns(pid):
    """Of every thread of a process and its descendants, and of those that ended."""
    total = 0
    for who in measure.descendants(pid):
        for task in os.listdir(f"/proc/{who}/task"):
            with open(f"/proc/{who}/task/{task}/schedstat", encoding="ascii") as f:
                total += int(f.read().split()[0])
    return total


class Api:
    """One mote, driven through its socket; one request a connection."""

    def __init__(self, args, number):
        self.path = os.path.join(args.dir, f"api{number}.sock")
        self.process = subprocess.Popen([args.mote, "--api-sock", self.path],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        end = time.monotonic() + measure.TIMEOUT
        while not os.path.exists(self.path) and time.monotonic() < end:
            time.sleep(0.001)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(measure.TIMEOUT)
        while True:
            try:
                self.socket.connect(self.path)
                break
            except ConnectionRefusedError:
                time.sleep(0.001)

    def request(self, method, path, body=None, look_away=0):
        """look_away: seconds without a process of ours that wants the CPU."""
        text = "" if body is None else json.dumps(body)
        head = f"{method} {path} HTTP/1.1\r\n"
        if text:
            head += f"Content-Length: {len(text)}\r\n"
        self.socket.sendall((head + "\r\n" + text).encode())
        time.sleep(look_away)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self.socket.recv(65536)
        status = int(answer.split()[1])
        if status >= 300:
            raise SystemExit(f"{method} {path}: {answer.decode()}")

    def cost(self, *request):
        """CPU time of the processes for one request; they are idle before and after."""
        before = cpu_ns(self.process.pid)
        self.request(*request)
        time.sleep(0.05)        # a backend that starts has settled
        return cpu_ns(self.process.pid) - before

    def end(self):
        self.socket.close()
        self.process.kill()
        self.process.wait()


def configure(args, load):
    """(name, request) of each call before the start."""
    return [
        ("PUT /machine-config", ("PUT", "/machine-config", {
            "vcpu_count": 1, "mem_size_mib": 128, "load": load})),
        ("PUT /boot-source", ("PUT", "/boot-source", {
            "kernel_image_path": args.vmlinux, "initrd_path": args.initrd,
            "boot_args": measure.cmdline("cryptomgr.notests bench.idle")})),
        ("PUT /drives/{id} by path", ("PUT", "/drives/d", {
            "drive_id": "d", "path_on_host": args.disk, "is_root_device": False})),
        ("GET /vm/config", ("GET", "/vm/config")),
    ]


def start_to_run(api, counting):
    """ns from the request of InstanceStart to the first entry into the guest."""
    first, seen = "kvm_entry", ("kvm_entry",)
    if not counting:
        first, seen = "sys_enter_ioctl", ("sys_ioctl", f"cmd: {measure.KVM_RUN:#x}")
    trace = measure.Trace(first, "sys_enter_sendto")
    api.request("PUT", "/actions", {"action_type": "InstanceStart"}, look_away=1)
    end = None
    while end is None:
        end = trace.find(*seen)
    begin = max(ns for pid, ns, name, _ in trace.events()
                if pid == os.getpid() and name == "sys_sendto" and ns < end)
    return end - begin


def one_life(args, number, load, costs):
    with_life = Api(args, number)
    try:
        with_life.request("GET", "/machine-config")
        add = lambda name, value: costs.setdefault(name, []).append(value)
        add("exec -> GET /machine-config answered", cpu_ns(with_life.process.pid))
        time.sleep(0.2)
        pss = sum(measure.pss_outside_ram(pid)
                  for pid in measure.descendants(with_life.process.pid)[:1])
        add("PSS of the idle API process, KiB", pss)
        for name, request in configure(args, load):
            add(name, with_life.cost(*request))
        add(f"InstanceStart -> first KVM_RUN, disk and console, load {load}",
            start_to_run(with_life, args.counting))
        time.sleep(1)
        for name, request in (
                ("PATCH /vm Paused", ("PATCH", "/vm", {"state": "Paused"})),
                ("GET /", ("GET", "/")),
                ("GET /metrics", ("GET", "/metrics")),
                ("PATCH /drives/{id}, another image",
                 ("PATCH", "/drives/d", {"drive_id": "d", "path_on_host": args.disk + ".2"})),
                ("PATCH /vm Resumed", ("PATCH", "/vm", {"state": "Resumed"}))):
            add(name, with_life.cost(*request))
    finally:
        with_life.end()


def api(args):
    """Figures of the API: no peer of Debian's has one."""
    costs = {}
    with open(args.disk + ".2", "wb") as f:
        f.truncate(1 << 20)
    for number in range(args.runs + 1):
        for load in ("map", "auto"):
            one_life(args, f"{number}{load}", load, costs)
    rows = []
    for name, values in costs.items():
        values = values[len(values) // (args.runs + 1):]    # the first run: cold caches
        shown = str if "KiB" in name else measure.millions
        rows.append([name, shown(min(values)), shown(statistics.median(values))])
    measure.table(f"the API: CPU of all processes of mote, {args.unit}",
                  ["", "minimum", "median"], rows)


if __name__ == "__main__":
    measure.main(api)
