#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""stress.py CASE MOTE - many VMs, many clients

The guest is a kernel of three bytes that halts; any /dev/kvm runs it. Exit
status 77: there is none.
"""
import os
import struct
import sys
import tempfile
import threading
import time

from vmm import Connection, Failure, Vmm, check, make_file, until

VMS, CLIENTS, TURNS = 100, 8, 60


def make_kernel(path):
    """An ELF file with a PVH entry: cli; hlt; jmp to the hlt."""
    code = b"\xfa\xf4\xeb\xfd"
    note = struct.pack("<III4sI", 4, 4, 18, b"Xen\0", 0x1000000)
    at = 64 + 2 * 56
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 2, 62, 1,
                         0x1000000, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 5, at, 0x1000000, 0x1000000,
                       len(code), len(code), 1)
    notes = struct.pack("<IIQQQQQQ", 4, 4, at + len(code), 0, 0, len(note),
                        len(note), 4)
    with open(path, "wb") as file:
        file.write(header + load + notes + code + note)


def processes(mote):
    """Of this executable, whoever started them."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink("/proc/%s/exe" % pid) == os.path.realpath(mote):
                found.append(int(pid))
        except OSError:
            pass
    return set(found)


def open_files(vmm):
    """When those of connections that ended are gone."""
    time.sleep(0.2)
    fds = "/proc/%d/fd/" % vmm.process.pid
    return sorted(os.readlink(fds + fd) for fd in os.listdir(fds))


def one_vm(mote, n):
    with Vmm(mote, "--id", "vm-%d" % n) as vmm:
        vmm.wait_until_up()
        vmm.put("/machine-config", vcpu_count=1, mem_size_mib=64)
        vmm.put("/boot-source", kernel_image_path="kernel")
        vmm.put("/drives/d", drive_id="d", is_root_device=False,
                path_on_host="disk")
        vmm.put("/vsock", guest_cid=3, uds_path="v.sock")
        vmm.action("InstanceStart")
        check("state", vmm.get("/")["state"], "Running")
        if n % 2 == 0:
            vmm.action("InstanceStop")
            vmm.wait(0)
        else:
            vmm.terminate()
            vmm.wait(-15)


def create_and_destroy(mote):
    """Nothing is left of 100 VMs: their memory is that of their processes."""
    make_file("disk", 1 << 20)
    one_vm(mote, 0)
    files, descriptors = set(os.listdir(".")), len(os.listdir("/proc/self/fd"))
    before = processes(mote)
    files.add("stderr")
    for n in range(VMS):
        one_vm(mote, n)
    until(5, "the last process ends", lambda: processes(mote) <= before)
    check("files", set(os.listdir(".")) - files, set())
    check("descriptors", len(os.listdir("/proc/self/fd")), descriptors)


def socket_names(mote):
    """The socket of a dead process is replaced, that of a live one is not."""
    with Vmm(mote) as first:
        first.wait_until_up()
        with Vmm(mote) as other:
            other.wait(1)
        first.get("/")
        first.process.kill()
        first.process.wait()
    if not os.path.exists("api.sock"):
        make_stale("api.sock")
    with Vmm(mote) as third:
        third.wait_until_up()
        for path in ("v1.sock", "v1.sock", "v2.sock"):
            third.put("/vsock", guest_cid=3, uds_path=path)
            check(path, os.path.exists(path), True)
        check("a socket no longer named", os.path.exists("v1.sock"), False)
        third.terminate()
        third.wait(-15)
    check("sockets", [name for name in os.listdir() if name.endswith(".sock")], [])


def make_stale(path):
    import socket
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(path)


def start_again(mote):
    """A start that fails leaves everything as it was."""
    make_file("bad", 4096, "no kernel")
    make_file("disk", 1 << 20)
    with Vmm(mote) as vmm:
        vmm.wait_until_up()
        vmm.put("/boot-source", kernel_image_path="bad")
        vmm.put("/drives/d", drive_id="d", is_root_device=False,
                path_on_host="disk")
        vmm.put("/vsock", guest_cid=3, uds_path="v.sock")
        config = vmm.get("/vm/config")
        count = open_files(vmm)
        text = vmm.refused("PUT", "/actions",
                           dict(action_type="InstanceStart"))
        if not text.startswith("Start microvm error"):
            raise Failure("answer: " + text)
        for _ in range(3):
            check("answer again", vmm.refused(
                "PUT", "/actions", dict(action_type="InstanceStart")), text)
        check("descriptors", open_files(vmm), count)
        check("configuration", vmm.get("/vm/config"), config)
        check("state", vmm.get("/")["state"], "Not started")
        vmm.put("/boot-source", kernel_image_path="kernel")
        vmm.action("InstanceStart")
        check("state", vmm.get("/")["state"], "Running")
        vmm.action("InstanceStop")
        vmm.wait(0)


# What belongs together, each a pair that one request sets as a whole.
def requests_of(client, turn):
    n = (client + turn) % 7 + 1
    path = "disk%d" % n
    return [
        ("/machine-config", dict(vcpu_count=n, mem_size_mib=64 * n)),
        ("/drives/d%d" % client, dict(drive_id="d%d" % client,
                                      is_root_device=False, path_on_host=path,
                                      is_read_only=n % 2 == 0)),
        ("/boot-source", dict(kernel_image_path="kernel",
                              boot_args="n=%d" % n, initrd_path=path)),
    ][turn % 3]


def require_whole(config):
    machine = config["machine-config"]
    check("memory", machine["mem_size_mib"], 64 * machine["vcpu_count"])
    for drive in config["drives"]:
        n = int(drive["path_on_host"][4:])
        check("drive", drive["is_read_only"], n % 2 == 0)
    boot = config["boot-source"]
    if boot is not None:
        check("boot", boot["initrd_path"][4:], boot["boot_args"][2:])


def concurrent(mote):
    """Clients that change the same things: each sees them whole."""
    failures = []

    def run(client):
        connection = Connection("api.sock")
        try:
            for turn in range(TURNS):
                target, body = requests_of(client, turn)
                status, answer = connection.call("PUT", target, body)
                check("PUT %s: %r" % (target, answer), status, 204)
                status, config = connection.call("GET", "/vm/config")
                require_whole(config)
        except (Failure, OSError, ValueError) as failure:
            failures.append(failure)
        connection.close()

    for n in range(1, 8):
        make_file("disk%d" % n, 4096)
    with Vmm(mote) as vmm:
        vmm.wait_until_up()
        vmm.put("/machine-config", vcpu_count=1, mem_size_mib=64)
        threads = [threading.Thread(target=run, args=(n,))
                   for n in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        check("failures", [str(f) for f in failures], [])
        check("drives", len(vmm.get("/vm/config")["drives"]), CLIENTS)
        vmm.terminate()
        vmm.wait(-15)


def allowed_cpus(pid, name):
    """Where the thread of this name may run, as the kernel lists it."""
    for task in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/status" % (pid, task)) as file:
            fields = dict(line.split(":\t", 1) for line in file if ":\t" in line)
        if fields["Name"].strip() == name:
            return fields["Cpus_allowed_list"].strip()
    raise Failure("no thread %s" % name)


def affinity(mote):
    """A vCPU runs where it was told to; a CPU that is not there is refused."""
    mine = sorted(os.sched_getaffinity(0))
    with Vmm(mote) as vmm:
        vmm.wait_until_up()
        vmm.put("/boot-source", kernel_image_path="kernel")
        vmm.put("/machine-config", vcpu_count=2, mem_size_mib=64,
                cpu_affinity=[mine[0], 1023])
        vmm.refused("PUT", "/actions", {"action_type": "InstanceStart"})
        vmm.put("/machine-config", vcpu_count=2, mem_size_mib=64,
                cpu_affinity=[mine[-1]])
        vmm.action("InstanceStart")
        check("vcpu0", allowed_cpus(vmm.process.pid, "vcpu0"), str(mine[-1]))
        if len(mine) > 1 and allowed_cpus(vmm.process.pid, "vcpu1") == str(mine[-1]):
            raise Failure("vcpu1 was pinned, too")
        vmm.action("InstanceStop")
        vmm.wait(0)


CASES = {
    "affinity": (affinity, True),
    "create-and-destroy": (create_and_destroy, True),
    "start-again": (start_again, True),
    "socket-names": (socket_names, False),
    "concurrent": (concurrent, False),
}


def main():
    case, needs_kvm = CASES[sys.argv[1]]
    mote = os.path.realpath(sys.argv[2])
    if needs_kvm and not os.access("/dev/kvm", os.R_OK | os.W_OK):
        print("there is no /dev/kvm")
        return 77
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        make_kernel("kernel")
        try:
            case(mote)
        except Failure as failure:
            print("FAIL: %s" % failure)
            for name in ("hvc0", "stderr"):
                with open(name, errors="replace") as file:
                    print(file.read()[-2000:])
            return 1
        finally:
            os.chdir("/")
    return 0


if __name__ == "__main__":
    sys.exit(main())
