#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""replay.py CLIENT MOTE KERNEL INITRD - what a client of Firecracker does

Its flags, the order and fields of its requests, its polling, and how it ends
the VM, read from its source. An initrd is added, for kernels without built-in
disks. Runs in an empty directory, with an interface tap0.
"""
import json
import os
import re
import signal
import subprocess
import sys
import time

from vmm import Failure, Fifo, Vmm, check, make_file, until

MIB = 1 << 20
MAC = "06:00:ac:10:00:02"
DEFAULT_ARGS = "ro console=ttyS0 noapic reboot=k panic=1 pci=off nomodules"
# Of the tests, for they take long in a test bed.
TEST_ARGS = " quiet cryptomgr.notests"
LOG_LINE = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9} \["


def check_metrics(fifo):
    lines = fifo.lines()
    if not lines:
        raise Failure("no line of metrics")
    for line in lines:
        if "utc_timestamp_ms" not in json.loads(line):
            raise Failure("no metrics: " + line)


def check_log(fifo):
    """Our servers write there as well, in a shape of their own."""
    for line in fifo.lines():
        if not re.match(LOG_LINE, line):
            raise Failure("no line of a log: " + line)


def go_sdk(mote, kernel, initrd):
    log, metrics = Fifo("log.fifo"), Fifo("metrics.fifo")
    make_file("root", 4 * MIB, "the root\n")
    make_file("data", 2 * MIB, "the data\n")
    with Vmm(mote, "--id", "6b0a6e1c-2d7b-4e0e-9a5d-3f0d6d2f9c11",
             "--no-seccomp") as vmm:
        until(20, "the socket", lambda: os.path.exists(vmm.api))
        vmm.wait_until_up("/machine-config")
        vmm.put("/logger", log_path=log.path, level="Debug", show_level=True,
                show_log_origin=False)
        vmm.put("/metrics", metrics_path=metrics.path)
        machine = dict(mem_size_mib=256, vcpu_count=2, smt=False,
                       track_dirty_pages=False)
        vmm.put("/machine-config", **machine)
        got = vmm.get("/machine-config")
        check("machine", {k: got[k] for k in machine}, machine)
        vmm.put("/boot-source", kernel_image_path=kernel, initrd_path=initrd,
                boot_args=DEFAULT_ARGS + TEST_ARGS)
        vmm.put("/drives/2", drive_id="2", is_root_device=False,
                is_read_only=False, path_on_host="data")
        vmm.put("/drives/1", drive_id="1", is_root_device=True,
                is_read_only=True, path_on_host="root")
        vmm.put("/network-interfaces/1", iface_id="1", host_dev_name="tap0",
                guest_mac=MAC)
        vmm.put("/vsock", guest_cid=3, uds_path="v.sock", vsock_id="agent")
        vmm.action("InstanceStart")
        check("state", vmm.get("/")["state"], "Running")
        vmm.answer_of("v.sock", "head -n 1 /dev/vda", "the root")
        vmm.answer_of("v.sock", "head -n 1 /dev/vdb", "the data")
        vmm.answer_of("v.sock", "cat /sys/class/net/eth0/address", MAC)
        vmm.answer_of("v.sock", "grep -o 'root=/dev/vda ro' /proc/cmdline",
                      "root=/dev/vda ro")
        vmm.get("/version")
        vmm.get("/vm/config")
        vmm.patch("/vm", state="Paused")
        check("state", vmm.get("/")["state"], "Paused")
        vmm.patch("/vm", state="Resumed")
        vmm.action("SendCtrlAltDel")    # Shutdown()
        vmm.wait(0)                     # else Wait() returns an error
    check_metrics(metrics)
    check_log(log)


def firectl(mote, kernel, initrd):
    """Has no agent: the console is all there is."""
    make_file("root", 4 * MIB)
    make_file("data", 2 * MIB)
    with Vmm(mote) as vmm:
        vmm.wait_until_up("/machine-config")
        vmm.put("/machine-config", mem_size_mib=512, vcpu_count=1, smt=True)
        vmm.get("/machine-config")
        vmm.put("/boot-source", kernel_image_path=kernel, initrd_path=initrd,
                boot_args=DEFAULT_ARGS + TEST_ARGS)
        vmm.put("/drives/2", drive_id="2", is_root_device=False,
                is_read_only=False, path_on_host="data", partuuid="")
        vmm.put("/drives/1", drive_id="1", is_root_device=True,
                is_read_only=False, path_on_host="root", partuuid="")
        vmm.action("InstanceStart")
        vmm.says("agent up")
        vmm.action("SendCtrlAltDel")    # what it does for SIGINT
        vmm.wait(0)


def kata_go(mote, kernel, initrd):
    word = subprocess.check_output([mote, "--api-sock", "x", "--version"],
                                   text=True).splitlines()[0].split()[1]
    version = tuple(int(n) for n in word.lstrip("v").split("."))
    if version < (0, 21, 1):
        raise Failure("version %s" % word)
    log, metrics = Fifo("log.fifo"), Fifo("metrics.fifo")
    make_file("root", 4 * MIB, "the root\n")
    drives = [dict(drive_id="rootfs", path_on_host="root", is_root_device=False,
                   is_read_only=True)]
    for n in range(8):
        drives.append(dict(drive_id="drive_%d" % n, is_root_device=False,
                           path_on_host=make_file("drive_%d" % n, 0),
                           is_read_only=False))
    config = {
        "boot-source": dict(kernel_image_path=kernel, initrd_path=initrd,
                            boot_args=DEFAULT_ARGS + TEST_ARGS),
        "machine-config": dict(vcpu_count=1, mem_size_mib=256, smt=False),
        "vsock": dict(guest_cid=3, uds_path="kata.hvsock", vsock_id="root"),
        "logger": dict(log_path=log.path, level="Debug"),
        "metrics": dict(metrics_path=metrics.path),
        "drives": drives,
        "network-interfaces": [
            dict(iface_id="net0", host_dev_name="tap0", guest_mac=MAC,
                 rx_rate_limiter={}, tx_rate_limiter={})],
    }
    with open("fcConfig.json", "w") as file:
        json.dump(config, file)
    with Vmm(mote, "--config-file", "fcConfig.json") as vmm:
        until(10, "Running", lambda: (vmm.answers() or {}).get("state") ==
              "Running")
        os.chmod("kata.hvsock", 0o660)
        vmm.has_size("kata.hvsock", "vdb", 0)
        make_file("container", 3 * MIB, "the container\n")
        vmm.patch("/drives/drive_0", drive_id="drive_0",
                  path_on_host="container")
        vmm.has_size("kata.hvsock", "vdb", 3 * MIB)
        vmm.answer_of("kata.hvsock", "head -n 1 /dev/vdb", "the container")
        vmm.answer_of("kata.hvsock", "head -n 1 /dev/vda", "the root")
        vmm.terminate()
        vmm.wait(-signal.SIGTERM, 15)
    check_metrics(metrics)
    check_log(log)


def retry(vmm, method, target, **body):
    """On any failure, 10 ms later. The client tries 500 times; a test bed may
    need longer to start a process."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return vmm.do(method, target, body)
        except (OSError, Failure):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def kata_rust(mote, kernel, initrd):
    make_file("root", 4 * MIB, "the root\n")
    with Vmm(mote, "--no-seccomp") as vmm:
        retry(vmm, "PUT", "/boot-source", kernel_image_path=kernel,
              initrd_path=initrd, boot_args=DEFAULT_ARGS + TEST_ARGS)
        retry(vmm, "PUT", "/machine-config", mem_size_mib=256, vcpu_count=1)
        retry(vmm, "PUT", "/drives/rootfs", drive_id="rootfs",
              path_on_host="root", is_root_device=False, is_read_only=True)
        for n in range(1, 6):
            name = "drive%d" % n
            retry(vmm, "PUT", "/drives/" + name, drive_id=name,
                  path_on_host=make_file(name, 0), is_root_device=False,
                  is_read_only=False)
        for _ in range(2):
            retry(vmm, "PUT", "/vsock", guest_cid=3, uds_path="kata.hvsock",
                  vsock_id="root")
        retry(vmm, "PUT", "/network-interfaces/eth0", iface_id="eth0",
              host_dev_name="tap0", guest_mac=None)
        retry(vmm, "PUT", "/actions", action_type="InstanceStart")
        vmm.answer_of("kata.hvsock", "head -n 1 /dev/vda", "the root")
        make_file("container", 3 * MIB, "the container\n")
        retry(vmm, "PATCH", "/drives/drive5", drive_id="drive5",
              path_on_host="container", rate_limiter=None)
        vmm.has_size("kata.hvsock", "vdf", 3 * MIB)
        vmm.answer_of("kata.hvsock", "head -n 1 /dev/vdf", "the container")
        vmm.process.kill()
        vmm.wait(-signal.SIGKILL)


def containerd(mote, kernel, initrd):
    log, metrics = Fifo("log.fifo"), Fifo("metrics.fifo")
    stub = "MN2HE43UOVRDA"
    make_file("root", 4 * MIB, "the root\n")
    make_file("stub", 512, "stub\n")
    with Vmm(mote, "--id", "vm-1", api="firecracker.sock") as vmm:
        vmm.wait_until_up("/machine-config")
        vmm.put("/logger", log_path=log.path, level="Debug", show_level=True,
                show_log_origin=False)
        vmm.put("/metrics", metrics_path=metrics.path)
        vmm.put("/machine-config", mem_size_mib=256, vcpu_count=1, smt=False,
                cpu_template="T2", track_dirty_pages=False)
        vmm.get("/machine-config")
        vmm.put("/boot-source", kernel_image_path=kernel, initrd_path=initrd,
                boot_args=DEFAULT_ARGS + TEST_ARGS)
        vmm.put("/drives/root_drive", drive_id="root_drive",
                is_root_device=True, is_read_only=True, path_on_host="root")
        vmm.put("/drives/" + stub, drive_id=stub, is_root_device=False,
                is_read_only=False, path_on_host="stub")
        vmm.put("/vsock", guest_cid=0, uds_path="fc.vsock",
                vsock_id="agent_api")
        vmm.action("InstanceStart")
        vmm.answer_of("fc.vsock", "head -n 1 /dev/vdb", "stub")
        make_file("container", 3 * MIB, "the container\n")
        vmm.patch("/drives/" + stub, drive_id=stub, path_on_host="container")
        vmm.answer_of("fc.vsock", "head -n 1 /dev/vdb", "the container")
        vmm.patch("/drives/" + stub, drive_id=stub, path_on_host="stub")
        vmm.has_size("fc.vsock", "vdb", 512)
        check("state", vmm.get("/")["state"], "Running")
        vmm.order("fc.vsock", "reboot -f")
        vmm.wait(0)
    check_metrics(metrics)
    check_log(log)


CLIENTS = {
    "go-sdk": go_sdk,
    "firectl": firectl,
    "kata-go": kata_go,
    "kata-rust": kata_rust,
    "containerd": containerd,
}

if __name__ == "__main__":
    try:
        CLIENTS[sys.argv[1]](*sys.argv[2:])
    except Failure as failure:
        sys.exit("FAIL: %s" % failure)
