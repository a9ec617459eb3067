#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""cases.py CASE MOTE KERNEL INITRD - a VM's life through its API

Runs in an empty directory, with an interface tap0. The guest is that of
tests/system/cases-api.sh.
"""
import json
import os
import re
import signal
import subprocess
import sys
import time

from vmm import (Connection, Events, Failure, Vmm, check, make_file, until)

MIB = 1 << 20
ARGS = "console=hvc0 quiet panic=-1 cryptomgr.notests reboot=k"
UDS = "v.sock"


def configure(vmm, kernel, initrd, args=ARGS, cpus=1):
    vmm.wait_until_up()
    vmm.put("/machine-config", vcpu_count=cpus, mem_size_mib=256)
    vmm.put("/boot-source", kernel_image_path=kernel, initrd_path=initrd,
            boot_args=args)
    vmm.put("/vsock", guest_cid=3, uds_path=UDS)


def boot(vmm, kernel, initrd, args=ARGS, cpus=1):
    configure(vmm, kernel, initrd, args, cpus)
    vmm.action("InstanceStart")
    vmm.says("agent up")


def console():
    with open("hvc0", errors="replace") as file:
        return file.read()


def uptime(vmm, name):
    vmm.order(UDS, "echo %s: $(cat /proc/uptime)" % name)
    vmm.says(name + ":", 30)
    return float(re.search(name + r": ([0-9.]+)", console())[1])


def complaints(vmm, name):
    """How many lines of the kernel's log are about time that is missing."""
    vmm.order(UDS, "echo %s: $(dmesg | grep -ciE "
              "'lockup|stall|hung_task|unstable|skew') lines" % name)
    vmm.says(name + ": ", 30)
    until(5, "the whole line", lambda: re.search(name + r": \d+ lines",
                                                 console()))
    return re.search(name + r": (\d+) lines", console())[1]


def pause(mote, kernel, initrd):
    """Of 12 s: the guest stands still, and notices nothing bad."""
    with Vmm(mote) as vmm:
        boot(vmm, kernel, initrd, cpus=2)
        calm = complaints(vmm, "before")
        vmm.order(UDS, "(while usleep 200000; do echo tick; done) &")
        vmm.says("tick", 30)
        vmm.patch("/vm", state="Paused")
        vmm.patch("/vm", state="Paused")
        check("state", vmm.get("/")["state"], "Paused")
        time.sleep(1)       # what is on its way to the console
        before = console()
        time.sleep(12)
        check("output while paused", console()[len(before):], "")
        vmm.patch("/vm", state="Resumed")
        check("state", vmm.get("/")["state"], "Running")
        ticks = console().count("tick")
        until(30, "the guest goes on", lambda: console().count("tick") >
              ticks + 5)
        first, host = uptime(vmm, "first"), time.monotonic()
        time.sleep(3)
        passed = uptime(vmm, "second") - first
        at_most = time.monotonic() - host + 3
        if not 2 < passed < at_most:
            raise Failure("%.1f s in the guest since" % passed)
        check("complaints of the kernel", complaints(vmm, "after"), calm)
        vmm.order(UDS, "poweroff -f")
        vmm.wait(0)


def drives(mote, kernel, initrd):
    """Placeholders of 0 bytes, swapped, back again; bad ones change nothing."""
    make_file("empty", 0)
    make_file("small", MIB, "small\n")
    make_file("large", 8 * MIB, "large\n")
    with Vmm(mote) as vmm:
        configure(vmm, kernel, initrd)
        vmm.put("/drives/a", drive_id="a", is_root_device=False,
                path_on_host="empty")
        vmm.action("InstanceStart")
        vmm.says("agent up")
        vmm.has_size(UDS, "vda", 0)
        for path, size in (("small", MIB), ("large", 8 * MIB), ("small", MIB)):
            vmm.patch("/drives/a", drive_id="a", path_on_host=path)
            vmm.has_size(UDS, "vda", size)
            vmm.answer_of(UDS, "head -n 1 /dev/vda", path)
            check("drive", vmm.get("/vm/config")["drives"][0]["path_on_host"],
                  path)
        config = vmm.get("/vm/config")
        vmm.refused("PATCH", "/drives/a",
                    dict(drive_id="a", path_on_host="missing"))
        vmm.refused("PATCH", "/drives/b",
                    dict(drive_id="b", path_on_host="large"))
        check("configuration", vmm.get("/vm/config"), config)
        vmm.order(UDS, "echo written | dd of=/dev/vda conv=fsync; "
                  "poweroff -f")
        vmm.wait(0)
    with open("small") as file:
        check("image", file.readline(), "written\n")


def ends(mote, kernel, initrd):
    """A guest's end is the process's, and its exit status says how."""
    ways = {
        "poweroff -f": (0, "power-off"),
        "reboot -f": (0, "reset"),
        "echo c >/proc/sysrq-trigger": (4, "panic"),
    }
    for command, (status, how) in ways.items():
        with Vmm(mote) as vmm:
            boot(vmm, kernel, initrd)
            events = Events(vmm.api)
            vmm.order(UDS, command)
            check("end", events.wait_for("ended")["detail"], how)
            check("after the end", events.next(), None)
            vmm.wait(status)
            if how == "panic" and "guest-panic" not in [
                    e["type"] for e in events.seen]:
                raise Failure("no event of the panic")
        check("files of sockets", [f for f in (vmm.api, UDS)
                                   if os.path.exists(f)], [])
        os.truncate("hvc0", 0)


def power_button(mote, kernel, initrd):
    """With the parameters that firectl sends; then a pause before the press."""
    with Vmm(mote) as vmm:
        vmm.wait_until_up()
        vmm.refused("PUT", "/actions", dict(action_type="SendCtrlAltDel"))
        boot(vmm, kernel, initrd,
             "ro console=ttyS0 noapic reboot=k panic=1 pci=off nomodules"
             " quiet cryptomgr.notests")
        vmm.answer_of(UDS, "grep -o noapic /proc/cmdline || echo none", "none")
        vmm.action("SendCtrlAltDel")
        vmm.says("button pressed", 20)
        vmm.wait(0)


def config_file(mote, kernel, initrd):
    """What GET /vm/config answers is one."""
    make_file("root", MIB, "the root\n")
    with Vmm(mote) as vmm:
        configure(vmm, kernel, initrd)
        vmm.put("/drives/1", drive_id="1", is_root_device=True,
                path_on_host="root")
        vmm.put("/network-interfaces/1", iface_id="1", host_dev_name="tap0")
        config = vmm.get("/vm/config")
        vmm.terminate()
        vmm.wait(-signal.SIGTERM)
    with open("config.json", "w") as file:
        json.dump(config, file)
    with Vmm(mote, "--config-file", "config.json") as vmm:
        vmm.wait_until_up()
        check("configuration", vmm.get("/vm/config"), config)
        vmm.says("agent up")
        vmm.answer_of(UDS, "head -n 1 /dev/vda", "the root")
        vmm.terminate()
        vmm.wait(-signal.SIGTERM)
    with Vmm(mote, "--config-file", "config.json", "--no-api") as vmm:
        until(60, "the guest is up twice",
              lambda: console().count("agent up") == 2)
        vmm.order(UDS, "poweroff -f")
        vmm.wait(0)
        check("API socket", os.path.exists(vmm.api), False)


def events(mote, kernel, initrd):
    """In order, without gaps, from any number on, for any number of readers."""
    make_file("disk", MIB)
    with Vmm(mote) as vmm:
        configure(vmm, kernel, initrd)
        vmm.put("/drives/d", drive_id="d", is_root_device=False,
                path_on_host="disk")
        stream = Events(vmm.api)
        stream.wait_for("api-ready")
        check("first number", stream.seen[0]["seq"], 1)
        vmm.action("InstanceStart")
        stream.wait_for("started")
        devices = {"console0", "vsock0", "d"}
        while devices:
            devices.discard(stream.wait_for("device-ready")["id"])
        vmm.says("agent up")
        vmm.patch("/vm", state="Paused")
        stream.wait_for("paused")
        vmm.patch("/vm", state="Resumed")
        stream.wait_for("resumed")
        vmm.patch("/drives/d", drive_id="d",
                  path_on_host=make_file("other", 2 * MIB))
        stream.wait_for("config-changed", "d")
        again = Events(vmm.api, since=stream.seen[1]["seq"])
        late = Events(vmm.api)
        for one, skipped in ((again, 2), (late, 0)):
            while len(one.seen) < len(stream.seen) - skipped:
                one.next()
            check("read again", one.seen[:len(stream.seen) - skipped],
                  stream.seen[skipped:])
        vmm.order(UDS, "poweroff -f")
        for one in (stream, again, late):
            check("end", one.wait_for("ended")["detail"], "power-off")
            check("after the end", one.next(), None)
        vmm.wait(0)


def metrics(mote, kernel, initrd):
    with Vmm(mote) as vmm:
        boot(vmm, kernel, initrd)
        figures = vmm.get("/metrics")
        types = {d["id"]: d for d in figures["devices"]}
        check("devices", set(types), {"console0", "vsock0"})
        connection = Connection(vmm.api)
        connection.request("GET", "/metrics?format=prometheus")
        answer = connection.getresponse()
        check("status", answer.status, 200)
        line = re.compile(r'# (HELP|TYPE) [a-z0-9_]+ .*|'
                          r'[a-z_][a-z0-9_]*(\{[a-z_]+="[^"]*"'
                          r'(,[a-z_]+="[^"]*")*\})? [0-9.e+-]+')
        lines = answer.read().decode().splitlines()
        connection.close()
        for text in lines:
            if not line.fullmatch(text):
                raise Failure("not Prometheus': " + text)
        vmm.order(UDS, "poweroff -f")
        vmm.wait(0)


def backend_killed(mote, kernel, initrd):
    make_file("disk", MIB)
    with Vmm(mote) as vmm:
        configure(vmm, kernel, initrd)
        vmm.put("/drives/d", drive_id="d", is_root_device=False,
                path_on_host="disk")
        vmm.action("InstanceStart")
        vmm.says("agent up")
        stream = Events(vmm.api)
        pid = subprocess.check_output(["pgrep", "-f", "mote block"], text=True)
        os.kill(int(pid.split()[0]), signal.SIGKILL)
        stream.wait_for("backend-lost", "d")
        vmm.refused("PATCH", "/drives/d",
                    dict(drive_id="d", path_on_host="disk"))
        check("state", vmm.get("/")["state"], "Running")
        vmm.answer_of(UDS, "echo alive", "alive")
        vmm.order(UDS, "poweroff -f")
        vmm.wait(0)


CASES = {case.__name__.replace("_", "-"): case for case in (
    pause, drives, ends, power_button, config_file, events, metrics,
    backend_killed)}

if __name__ == "__main__":
    try:
        CASES[sys.argv[1]](*sys.argv[2:])
    except Failure as failure:
        sys.exit("FAIL: %s" % failure)
