# SPDX-License-Identifier: Apache-2.0
"""host.py - what the host's kernel says about memory, KSM and processes.

parse_* take text and are pure; read_* read the file and parse it. Memory is in
KiB, as /proc has it, unless a name says otherwise.
"""
import os
import re

KSM = "/sys/kernel/mm/ksm"
PAGE_KIB = 4
RMAP_ITEM_BYTES = 64    # struct ksm_rmap_item of 6.1 on a 64-bit machine

# Settings the tools change, in the order in which they are put back.
KSM_SETTINGS = ("pages_to_scan", "sleep_millisecs", "use_zero_pages", "run")
KSM_COUNTERS = ("pages_shared", "pages_sharing", "pages_unshared", "pages_volatile",
                "full_scans")

# Kernel memory shown by name; what is left of it is "other".
KERNEL_PARTS = ("PageTables", "SecPageTables", "SReclaimable", "SUnreclaim", "KernelStack",
                "Percpu")


def read(path):
    with open(path, encoding="ascii", errors="replace") as f:
        return f.read()


def parse_meminfo(text):
    """/proc/meminfo as {name: KiB}."""
    return {m[1]: int(m[2]) for m in re.finditer(r"^(\S+):\s+(\d+)", text, re.M)}


def parse_zoneinfo(text):
    """KiB on the CPUs' own lists of free pages.

    MemFree leaves them out although they are free; after a big process ended
    they hold up to the zone's low watermark, tens of MiB.
    """
    pages = sum(int(m[1]) for m in re.finditer(r"^ +count: +(\d+)", text, re.M))
    return pages * PAGE_KIB


def parse_rollup(text):
    """One smaps_rollup (or smaps, summed) as {name: KiB}."""
    sums = {}
    for m in re.finditer(r"^(\w+):\s+(\d+) kB$", text, re.M):
        sums[m[1]] = sums.get(m[1], 0) + int(m[2])
    return sums


def parse_cpu_ticks(text):
    """utime + stime of /proc/PID/stat; the name may hold spaces and brackets."""
    fields = text[text.rindex(")") + 2:].split()
    return int(fields[11]) + int(fields[12])


def used(meminfo):
    """Memory that cannot be had without ending something: the raw measure."""
    return meminfo["MemTotal"] - meminfo["MemAvailable"]


def adjusted(meminfo):
    """Everything that is neither free nor a cached file.

    MemAvailable counts slab the kernel could shrink as available although the
    VMs filled it; here all that the kernel allocated counts: page tables, KVM's
    own, slab (KSM's rmap_items with it), stacks, per-CPU data.
    """
    files = meminfo["Cached"] + meminfo["Buffers"] - meminfo["Shmem"]
    return meminfo["MemTotal"] - meminfo["MemFree"] - files


def kernel_parts(meminfo):
    """Kernel memory by name; "other" are pages no counter knows, KVM's among them."""
    parts = {name: meminfo.get(name, 0) for name in KERNEL_PARTS}
    parts["other"] = (adjusted(meminfo) - meminfo["AnonPages"] - meminfo["Shmem"] -
                      sum(parts.values()))
    return parts


def rmap_items_kib(ksm):
    """What KSM needs to remember its pages."""
    pages = sum(ksm[name] for name in KSM_COUNTERS if name.startswith("pages_"))
    return pages * RMAP_ITEM_BYTES // 1024


def read_meminfo():
    """With the CPUs' lists counted as the free memory they are."""
    info = parse_meminfo(read("/proc/meminfo"))
    listed = parse_zoneinfo(read("/proc/zoneinfo"))
    info["MemFree"] += listed
    info["MemAvailable"] += listed
    return info


def read_ksm():
    return {name: int(read(f"{KSM}/{name}")) for name in KSM_COUNTERS}


def read_rollup(pid):
    return parse_rollup(read(f"/proc/{pid}/smaps_rollup"))


def descendants(pid):
    """A process and all that it started."""
    found = [pid]
    for who in found:
        try:
            tasks = os.listdir(f"/proc/{who}/task")
            for task in tasks:
                found += [int(p) for p in read(f"/proc/{who}/task/{task}/children").split()]
        except FileNotFoundError:
            continue    # it ended meanwhile
    return found


def pss(pids):
    """Proportional set size of all these processes and their descendants."""
    total = 0
    for top in pids:
        for pid in descendants(top):
            try:
                total += read_rollup(pid).get("Pss", 0)
            except (FileNotFoundError, ProcessLookupError):
                continue
    return total


def kernel_thread(name):
    """Its pid, or None."""
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                if read(f"/proc/{entry}/comm").strip() == name:
                    return int(entry)
            except FileNotFoundError:
                continue
    return None


def cpu_seconds(pid):
    return parse_cpu_ticks(read(f"/proc/{pid}/stat")) / os.sysconf("SC_CLK_TCK")


class Ksm:
    """KSM switched on for a while; every setting is put back by restore()."""

    def __init__(self):
        self.saved = None
        self.thread = kernel_thread("ksmd")

    def start(self, pages_to_scan, zero_pages):
        """KSM must find nothing merged by others: run=2 would undo their work."""
        if not os.path.isdir(KSM):
            raise SystemExit("this kernel has no KSM (CONFIG_KSM)")
        self.saved = {name: read(f"{KSM}/{name}").strip() for name in KSM_SETTINGS}
        for name, value in (("use_zero_pages", int(zero_pages)), ("sleep_millisecs", 20),
                            ("pages_to_scan", pages_to_scan), ("run", 1)):
            self.write(name, value)

    def restore(self):
        if self.saved is not None:
            for name in KSM_SETTINGS:
                self.write(name, self.saved[name])
            self.saved = None

    def cpu_seconds(self):
        return cpu_seconds(self.thread) if self.thread else 0.0

    @staticmethod
    def write(name, value):
        with open(f"{KSM}/{name}", "w", encoding="ascii") as f:
            f.write(str(value))
