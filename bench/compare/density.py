#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""density.py - memory of N virtual machines or containers, as N grows.

What bench/density runs next to /dev/kvm, as root, in a mount namespace of its own. The method is the one LXD was
compared with qemu-lite by: start instances one by one, later in groups; wait
after each until memory is stable; divide what is gone by their number.
"""
import argparse
import os
import signal
import sys
import time

import host
import report
import settle
from subjects import CMDLINE_BASE, CMDLINE_IDLE, SUBJECTS, Guest, Marks, mount_image

ONE_BY_ONE = 10


def steps(count, group):
    """After how many instances to measure: 1 to 10, then every `group`."""
    first = list(range(1, min(count, ONE_BY_ONE) + 1))
    return first + sorted({*range(ONE_BY_ONE + group, count + 1, group), count} - set(first))


def say(text, end="\n"):
    print(text, file=sys.stderr, end=end, flush=True)


class Round:
    """One subject, one setting of KSM, from nothing to N instances."""

    def __init__(self, args, subject, ksm):
        self.args, self.subject, self.ksm = args, subject, ksm
        self.base = None
        self.base_cpu = ksm.cpu_seconds() if ksm else 0.0

    def sample(self):
        info = host.read_meminfo()
        counters = host.read_ksm() if self.ksm else None
        return host.used(info) - (host.used(self.base) if self.base else 0), counters

    def settle(self):
        rule = settle.WithKsm() if self.ksm else settle.Without(self.args.window)
        return settle.wait(rule, self.sample, self.args.bound)

    def measure_base(self):
        settle.wait(settle.Without(self.args.window), self.sample, self.args.bound)
        self.base = host.read_meminfo()

    def row(self, count, start_seconds, settled):
        now = host.read_meminfo()
        before = host.kernel_parts(self.base)
        row = {"subject": self.subject.name, "ksm": int(self.ksm is not None), "count": count,
               "raw_kib": (host.used(now) - host.used(self.base)) // count,
               "adjusted_kib": (host.adjusted(now) - host.adjusted(self.base)) // count,
               "pss_kib": host.pss(self.subject.pids()) // count,
               "anon_kib": (now["AnonPages"] - self.base["AnonPages"]) // count,
               "shmem_kib": (now["Shmem"] - self.base["Shmem"]) // count}
        for name, kib in host.kernel_parts(now).items():
            row[f"kernel_{name.lower()}_kib"] = (kib - before[name]) // count
        counters = dict.fromkeys(host.KSM_COUNTERS, 0)
        if self.ksm:
            counters = host.read_ksm()
        row.update(counters)
        row["rmap_items_kib"] = host.rmap_items_kib(counters) // count
        cpu = self.ksm.cpu_seconds() - self.base_cpu if self.ksm else 0
        row["ksmd_cpu_s"] = round(cpu, 2)
        row["start_s"] = round(start_seconds, 3)
        row["settle_s"], row["stable"] = round(settled[0], 1), int(settled[1])
        return row

    def warm_up(self):
        """Files read, caches of the host filled: none of that is the first one's."""
        self.subject.start()
        self.subject.end()

    def label(self):
        return f"{self.subject.name}{', KSM' if self.ksm else ''}"

    def measure(self, count, times):
        """Wait until memory stands still, then write a row."""
        say("and memory settles", end="")
        settled = self.settle()
        row = self.row(count, sum(times) / max(len(times), 1), settled)
        say(f"\r\033[K{self.label()}: {count:3} at {report.mib(row['raw_kib'])} MiB each, "
            f"adjusted {report.mib(row['adjusted_kib'])}, start {row['start_s']:.2f} s, "
            f"settled in {row['settle_s']:.0f} s{'' if row['stable'] else ' (not stable)'}")
        report.append_csv(self.args.csv, row)

    def run(self):
        label = self.label()
        say(f"{label}: starting", end="")
        self.warm_up()
        self.measure_base()
        for count in steps(self.args.count, self.args.group):
            times = []
            while len(self.subject.running) < count:
                times.append(self.subject.start())
                say(f"\r{label}: {len(self.subject.running)} of {self.args.count} up ", end="")
            self.measure(count, times)

    def run_ksm_after(self, ksm):
        """The instances that are up, once more after KSM had its turn at them."""
        self.ksm, self.base_cpu = ksm, ksm.cpu_seconds()
        self.measure(self.args.count, [])

    def end(self):
        self.subject.end()


def summary(rows):
    """The last step of each round, as a table."""
    last = {}
    for row in rows:
        last[row["subject"], row["ksm"]] = row
    head = ["MiB per instance", "KSM", "N", "raw", "adjusted", "PSS", "page tables", "slab",
            "rmap items", "ksmd CPU s", "start s"]
    lines = []
    for row in last.values():
        lines.append([row["subject"], "on" if row["ksm"] else "off", row["count"],
                      report.mib(row["raw_kib"]), report.mib(row["adjusted_kib"]),
                      report.mib(row["pss_kib"]),
                      report.mib(row["kernel_pagetables_kib"] + row["kernel_secpagetables_kib"]),
                      report.mib(row["kernel_sreclaimable_kib"] + row["kernel_sunreclaim_kib"]),
                      report.mib(row["rmap_items_kib"]), row["ksmd_cpu_s"], row["start_s"]])
    return report.table(head, lines)


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--group", type=int, default=10)
    parser.add_argument("--subjects", default="mote,qemu,container")
    parser.add_argument("--ksm", default="off,on", choices=("off", "on", "off,on", "after"),
                        help="rounds without and with KSM; after: one round without, then KSM "
                        "at its last step, in half the time")
    parser.add_argument("--memory", type=int, default=128, help="MiB of each guest")
    parser.add_argument("--cmdline")
    parser.add_argument("--mote-memory", default="mergeable=on")
    parser.add_argument("--mote-extra", action="append", default=[])
    parser.add_argument("--pages-to-scan", type=int, default=5000)
    parser.add_argument("--zero-pages", type=int, choices=(0, 1), default=1)
    parser.add_argument("--window", type=float, default=5)
    parser.add_argument("--bound", type=float, default=600)
    parser.add_argument("--csv", default="density.csv")
    for name in ("mote", "kernel", "initrd", "root"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--image", default="")
    args = parser.parse_args(argv)
    if args.cmdline is None:
        args.cmdline = CMDLINE_BASE if args.image else CMDLINE_IDLE
    args.subjects = args.subjects.split(",")
    for name in args.subjects:
        if name not in SUBJECTS:
            parser.error(f"no subject {name}: there are {', '.join(SUBJECTS)}")
    return args


def rounds(args):
    """(subject, with KSM) in the order in which they run."""
    for ksm in args.ksm.replace("after", "off").split(","):
        for name in args.subjects:
            # Nothing of a container is mergeable.
            if ksm == "off" or name != "container":
                yield name, ksm == "on"


def main(argv=None):
    args = parse(argv)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    guest = Guest(kernel=args.kernel, initrd=args.initrd, root=args.root, image=args.image,
                  memory=args.memory, cmdline=args.cmdline, mote=args.mote,
                  mote_memory=args.mote_memory, mote_extra=tuple(args.mote_extra))
    mount_image(guest)
    marks, ksm = Marks(), host.Ksm()
    try:
        for name, with_ksm in rounds(args):
            one = Round(args, SUBJECTS[name](guest, marks), ksm if with_ksm else None)
            try:
                if with_ksm:
                    ksm.start(args.pages_to_scan, args.zero_pages)
                one.run()
                if args.ksm == "after" and name != "container":
                    ksm.start(args.pages_to_scan, args.zero_pages)
                    one.run_ksm_after(ksm)
            finally:
                try:
                    one.end()
                finally:
                    ksm.restore()   # also when a second signal ends the ending
            time.sleep(1)
    finally:
        marks.close()
    print("\n".join(summary(report.read_csv(args.csv))))


if __name__ == "__main__":
    os.umask(0o022)
    main()
