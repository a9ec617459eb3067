#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""measure.py - what bench/* run next to /dev/kvm: monitors side by side.

Moments come from the host kernel's trace events: the exec of the monitor
(sched_process_exec), the first entry into the guest (kvm_entry), and the port
writes of guest_bench.c (kvm_pio). In the counting test bed one nanosecond is one
instruction; elsewhere it is a nanosecond.
"""
import argparse
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

TRACE = "/sys/kernel/tracing"
MARK_PORT = 0xE4
MARK_INIT, MARK_BEGIN, MARK_END = 1, 2, 3
TIMEOUT = 600
KVM_RUN = 0xAE80        # _IO(KVMIO, 0x80) of <linux/kvm.h>


def write(path, text):
    with open(os.path.join(TRACE, path), "w", encoding="ascii") as f:
        f.write(text)


class Trace:
    """The kernel's trace buffer, with only the events asked for."""

    def __init__(self, *events):
        if not os.path.exists(TRACE + "/trace"):
            subprocess.run(["mount", "-t", "tracefs", "tracefs", TRACE], check=True)
        write("tracing_on", "0")
        write("events/enable", "0")
        write("trace_clock", "mono")
        write("buffer_size_kb", "16384")
        write("trace", "")
        write("events/sched/sched_process_exec/enable", "1")
        write("events/kvm/kvm_pio/filter", f"port == {MARK_PORT}")
        write("events/syscalls/sys_enter_ioctl/filter", f"cmd == {KVM_RUN}")
        for event in events:
            group = event.split("_")[0]
            group = {"sys": "syscalls", "sched": "sched"}.get(group, "kvm")
            write(f"events/{group}/{event}/enable", "1")
        write("tracing_on", "1")

    LINE = re.compile(r"-(\d+)\s+\[\d+\]\s+\S+\s+(\d+)\.(\d+): (\w+)[:(] ?(.*)")

    def events(self):
        """(pid, ns, name, text) of everything traced so far."""
        with open(TRACE + "/trace", encoding="ascii", errors="replace") as f:
            for line in f:
                m = self.LINE.search(line)
                if m:
                    ns = int(m[2]) * 10**9 + int(m[3].ljust(9, "0"))
                    yield int(m[1]), ns, m[4], m[5]

    SWITCH = re.compile(r"\[(\d+)\]\s+\S+\s+(\d+)\.(\d+): "
                        r"(?:sched_switch: .*prev_pid=(\d+) .*next_pid=(\d+)|"
                        r"sched_process_fork: .* pid=(\d+) .*child_pid=(\d+))")

    def cpu_time(self, pid, begin, end):
        """ns on CPUs of a process and its descendants between two moments."""
        family, running, total = {pid}, {}, 0
        with open(TRACE + "/trace", encoding="ascii", errors="replace") as f:
            for line in f:
                m = self.SWITCH.search(line)
                if not m:
                    continue
                ns = int(m[2]) * 10**9 + int(m[3].ljust(9, "0"))
                ns = min(max(ns, begin), end)
                if m[7] and int(m[6]) in family:
                    family.add(int(m[7]))
                elif m[5]:
                    who, since = running.get(m[1], (int(m[4]), begin))
                    total += ns - since if who in family else 0
                    running[m[1]] = (int(m[5]), ns)
        return total + sum(end - since for who, since in running.values() if who in family)

    def exec_of(self, pid):
        for who, ns, name, _ in self.events():
            if who == pid and name == "sched_process_exec":
                return ns
        raise SystemExit(f"no exec of process {pid} in the trace")

    def find(self, name, text=""):
        """Time of the first event of this name that contains text, or None."""
        for _, ns, event, what in self.events():
            if event == name and text in what:
                return ns
        return None

    def wait_for(self, monitor, name, text=""):
        """The same, while the monitor runs; it must come."""
        end = time.monotonic() + TIMEOUT
        while True:
            ended = monitor.process.poll() is not None
            found = self.find(name, text)
            if found is not None:
                return found
            if ended or time.monotonic() > end:
                monitor.output.seek(0)
                sys.stderr.buffer.write(monitor.output.read())
                raise SystemExit(f"{monitor.name}: {name} {text} never came")
            time.sleep(0.2)

    def wait_for_mark(self, monitor, value):
        return self.wait_for(monitor, "kvm_pio", f"val 0x{value:x}")

    def count(self, name, begin, end):
        return sum(1 for _, ns, event, _ in self.events()
                   if event == name and begin <= ns <= end)


class Monitor:
    """One way to run the guest: the helpers it needs, then its command."""

    def __init__(self, name, command, helpers=()):
        self.name, self.command, self.helpers = name, command, helpers
        self.children = []

    def __enter__(self):
        for helper, socket in self.helpers:
            if os.path.exists(socket):
                os.unlink(socket)
            self.children.append(subprocess.Popen(helper, stdin=subprocess.DEVNULL))
            while not os.path.exists(socket):
                time.sleep(0.05)
        self.output = tempfile.TemporaryFile()
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL,
                                        stdout=self.output, stderr=self.output)
        self.pid = self.process.pid
        return self

    def __exit__(self, *_):
        for child in [self.process] + self.children:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
            try:
                child.wait(30)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.children = []
        self.output.close()


QEMU = shutil.which("qemu-system-x86_64") or "qemu-system-x86_64"
STORAGE_DAEMON = shutil.which("qemu-storage-daemon") or "qemu-storage-daemon"


def cmdline(extra):
    # nokaslr: bzImages decompress to the same place in each run
    return "console=hvc0 panic=-1 quiet nokaslr " + extra


def mote(args, kernel, extra, disks=1, load="auto", consoles=True, name=None, user=None):
    command = [args.mote, "run", "--kernel", kernel, "--initrd", args.initrd,
               "--cmdline", cmdline(extra), "--memory", "128M", "--load", load,
               "--console", "stdio" if consoles else "none"]
    helpers = []
    if user:
        command += ["--vhost-user", f"blk,socket={user[1]}"]
        helpers = [user]
    elif disks:
        command += ["--disk", args.disk]
    return Monitor(name or "mote", command, helpers)


def qemu_without_devices(args, kernel, extra, pci=False):
    machine = "microvm,accel=kvm,x-option-roms=off,isa-serial=off,rtc=off,pic=off,pit=off"
    return [QEMU, "-M", machine + (",pcie=on" if pci else ""), "-cpu", "host,-arch-capabilities",
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-global", "virtio-mmio.force-legacy=false",
            "-m", "128", "-smp", "1", "-kernel", kernel, "-initrd", args.initrd,
            "-append", cmdline(extra)]


def qemu(args, kernel, extra, name="QEMU microvm", pci=False, user=None):
    bus = "pci" if pci else "device"
    command = qemu_without_devices(args, kernel, extra, pci)
    command += ["-chardev", "stdio,id=c",
                "-device", f"virtio-serial-{bus}", "-device", "virtconsole,chardev=c"]
    helpers = []
    if user:
        command += ["-object", "memory-backend-memfd,id=m,size=128M,share=on",
                    "-machine", "memory-backend=m", "-chardev", f"socket,id=u,path={user[1]}",
                    "-device", f"vhost-user-blk{'-pci' if pci else ''},chardev=u"]
        helpers = [user]
    else:
        command += ["-drive", f"if=none,id=d,format=raw,file={args.disk}",
                    "-device", f"virtio-blk-{bus},drive=d"]
    return Monitor(name, command, helpers)


def storage_daemon(args):
    socket = os.path.join(args.dir, "qsd.sock")
    return ([STORAGE_DAEMON, "--blockdev", f"driver=file,node-name=d,filename={args.disk}",
             "--export", "type=vhost-user-blk,id=e,node-name=d,writable=on,"
             f"addr.type=unix,addr.path={socket}"], socket)


def table(title, head, rows):
    print(f"\n{title}")
    rows = [head] + rows
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(head))]
    for row in rows:
        print("  " + "  ".join(str(cell).ljust(w) if i == 0 else str(cell).rjust(w)
                               for i, (cell, w) in enumerate(zip(row, widths))))
    sys.stdout.flush()


def millions(ns):
    return f"{ns / 1e6:,.2f}"


def start(args):
    """exec -> first KVM_RUN, backends' start included."""
    # Tracing system calls costs each of them instructions; but not every KVM
    # has kvm_entry.
    first, seen = "kvm_entry", ("kvm_entry",)
    more = []
    if not args.counting:
        first, seen = "sys_enter_ioctl", ("sys_ioctl", f"cmd: {KVM_RUN:#x}")
        more = ["sched_switch", "sched_process_fork"]
    rows = []
    for monitor in (mote(args, args.vmlinux, "", load="map",
                         name="mote --load map (vmlinux)"),
                    mote(args, args.vmlinux, "", name="mote --load auto (vmlinux)"),
                    mote(args, args.bzimage, "", name="mote --load auto (bzImage)"),
                    qemu(args, args.vmlinux, "", "QEMU microvm (vmlinux)"),
                    qemu(args, args.bzimage, "", "QEMU microvm (bzImage)")):
        times, cpu = [], []
        for _ in range(args.runs + 1):
            trace = Trace(first, *more)
            with monitor:
                entry = trace.wait_for(monitor, *seen)
                begin = trace.exec_of(monitor.pid)
                times.append(entry - begin)
                cpu.append(trace.cpu_time(monitor.pid, begin, entry))
        # The first run finds cold caches.
        row = [monitor.name, millions(min(times[1:])), millions(statistics.median(times[1:]))]
        # No minimum: a run of whose events the trace lost some would be it.
        rows.append(row + ([millions(statistics.median(cpu[1:]))] if more else []))
    table(f"exec -> first KVM_RUN, console and one disk, {args.unit}",
          ["", "minimum", "median"] + (["CPU, median"] if more else []), rows)


def boot(args):
    """exec -> first instruction of the guest's init."""
    rows = []
    for line, extra in (("kernel defaults", ""), ("mote's default line", "cryptomgr.notests")):
        for kind, kernel in (("vmlinux", args.vmlinux), ("bzImage", args.bzimage)):
            for monitor in (mote(args, kernel, extra), qemu(args, kernel, extra)):
                times = []
                for _ in range(args.runs):
                    trace = Trace("kvm_pio")
                    with monitor:
                        init = trace.wait_for_mark(monitor, MARK_INIT)
                        times.append(init - trace.exec_of(monitor.pid))
                rows.append([f"{monitor.name} ({kind}, {line})", millions(min(times)),
                             millions(statistics.median(times))])
    table(f"exec -> guest init, 1 CPU, 128 MiB, {args.unit}",
          ["", "minimum", "median"], rows)


def block(args):
    """4 KiB random reads at depth 1 from an image in tmpfs."""
    rows = []
    extra = f"bench.read={args.reads}"
    user = storage_daemon(args)
    for monitor in (mote(args, args.vmlinux, extra, name="mote, mote block"),
                    mote(args, args.vmlinux, extra, name="mote, qemu-storage-daemon", user=user),
                    qemu(args, args.vmlinux, extra, "QEMU microvm, in process"),
                    qemu(args, args.vmlinux, extra, "QEMU microvm, qemu-storage-daemon", user=user),
                    qemu(args, args.vmlinux, extra, "QEMU microvm PCI, qemu-storage-daemon",
                         pci=True, user=user)):
        figures = []
        for events in (("kvm_pio",), ("kvm_pio", "kvm_userspace_exit"),
                       ("kvm_pio", "kvm_exit")):
            trace = Trace(*events)
            with monitor:
                end = trace.wait_for_mark(monitor, MARK_END)
            begin = trace.find("kvm_pio", f"val 0x{MARK_BEGIN:x}")
            if len(events) == 1:
                figures.append((end - begin) / args.reads)
            else:       # the two marks are exits themselves
                figures.append((trace.count(events[1], begin, end) - 1) / args.reads)
        rows.append([monitor.name, f"{figures[0]:,.0f}", f"{max(figures[1], 0):.2f}",
                     f"{max(figures[2], 0):.2f}"])
    table(f"4 KiB random read, depth 1, per read, {args.unit_one}",
          ["", "cost", "exits to user space", "exits to the kernel"], rows)


def descendants(pid):
    found = [pid]
    for who in found:
        with open(f"/proc/{who}/task/{who}/children", encoding="ascii") as f:
            found += [int(word) for word in f.read().split()]
    return found


def pss_outside_ram(pid):
    """KiB of proportional set size, guest RAM left out."""
    total, counted = 0, True
    with open(f"/proc/{pid}/smaps", encoding="ascii", errors="replace") as f:
        for line in f:
            if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                low, high = (int(x, 16) for x in line.split()[0].split("-"))
                counted = high - low < 64 << 20 and "memfd:" not in line
            elif line.startswith("Pss:") and counted:
                total += int(line.split()[1])
    return total


def memory(args):
    """Own memory of every process, guest RAM left out, guest idle."""
    rows = []
    for monitor in (mote(args, args.vmlinux, "bench.idle"),
                    qemu(args, args.vmlinux, "bench.idle")):
        trace = Trace("kvm_pio")
        with monitor:
            trace.wait_for_mark(monitor, MARK_INIT)
            time.sleep(5)
            for pid in descendants(monitor.pid):
                with open(f"/proc/{pid}/cmdline", encoding="ascii") as f:
                    words = f.read().split("\0")
                role = os.path.basename(words[0]) + " " + words[1]
                if "qemu" in role:
                    role = monitor.name
                rows.append([role, f"{pss_outside_ram(pid):,}"])
    table("PSS outside guest RAM, idle guest, KiB", ["", "PSS"], rows)


def main(*functions):
    """functions: the kinds there are, each of the name of a bench/NAME."""
    kinds = {f.__name__: f for f in functions}
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("kind", choices=kinds)
    for name in ("mote", "vmlinux", "bzimage", "initrd"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--reads", type=int, default=2000)
    parser.add_argument("--pings", type=int, default=2000)
    parser.add_argument("--mib", type=int, default=128)
    parser.add_argument("--peer", help="net_peer, for net")
    parser.add_argument("--counting", action="store_true", help="one ns is one instruction")
    args = parser.parse_args()
    args.unit = "millions of instructions" if args.counting else "ms"
    args.unit_one = "instructions" if args.counting else "ns"
    with tempfile.TemporaryDirectory(prefix="mote-bench.") as args.dir:
        args.disk = os.path.join(args.dir, "disk.img")
        with open(args.disk, "wb") as f:
            for _ in range(64):
                f.write(os.urandom(1 << 20))
        kinds[args.kind](args)


if __name__ == "__main__":
    main(start, boot, block, memory)
