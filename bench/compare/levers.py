#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""levers.py - what a setting does to the memory of an idle guest.

What bench/density --levers runs next to /dev/kvm, as root. Two mote guests are
started with each setting; their pages are read from the host and compared. No
KSM is needed: what is zero, poison or the same in both it would merge, what is a
guest's own it could not.
"""
import argparse
import os
import signal
import struct
import sys
import tempfile
import time
import zlib
from dataclasses import dataclass, replace

import pages
import report
from subjects import CMDLINE_IDLE, Guest, Instance, Marks, Mote

CLASSES = ("zero", "poison", "same", "own")
REST_SECONDS = 4    # from up until the guest's kernel has nothing left to do
SHOW_SECONDS = 120


@dataclass
class Lever:
    """One setting; words of the command line are added, or taken away with "-"."""
    words: str = ""
    memory: int = 128
    mote_memory: str = "mergeable=on"

    def label(self):
        parts = [self.words]
        if self.memory != Lever.memory:
            parts.append(f"{self.memory} MiB")
        if self.mote_memory != Lever.mote_memory:
            parts.append(f"--memory …,{self.mote_memory}")
        return " ".join(filter(None, parts)) or "(nothing)"

    def cmdline(self, base):
        words = base.split()
        for word in self.words.split():
            if word.startswith("-"):
                words.remove(word[1:])
            else:
                words.append(word)
        return " ".join(words)


LEVERS = (
    Lever(),
    Lever("-initcall_blacklist=tracer_init_tracefs,slab_sysfs_init -debugfs=off"),
    Lever("-retain_initrd"),
    Lever("cgroup_disable=memory"),
    Lever("audit=0 apparmor=0"),
    Lever("dhash_entries=512 ihash_entries=512 mhash_entries=512 mphash_entries=512 "
          "thash_entries=512 uhash_entries=256"),
    Lever("slub_max_order=0"),
    Lever("slab_nomerge"),
    Lever("transparent_hugepage=never"),
    Lever("nr_cpus=1 possible_cpus=1"),
    Lever("log_buf_len=16K"),
    Lever("random.trust_cpu=on no_hash_pointers"),
    Lever("norandmaps"),
    Lever("init_on_alloc=0"),
    Lever("init_on_free=1"),
    Lever("mitigations=off"),
    Lever(memory=64),
    Lever(memory=72),
    Lever(memory=96),
    Lever(mote_memory="mergeable=off,thp=off"),
)


def mib(count):
    return report.mib(count * pages.PAGE // 1024)


def inflate(data):
    """The gzip members in data, one after the other; the last may be cut off."""
    members = []
    while data:
        one = zlib.decompressobj(wbits=31)
        members.append(one.decompress(data))
        if not one.eof:
            raise EOFError
        data = one.unused_data
    return members


class Pair:
    """Two guests with one setting; the first may show files of its /proc."""

    def __init__(self, args, lever, marks):
        self.args, self.lever, self.marks = args, lever, marks
        self.shown = tempfile.NamedTemporaryFile()

    def guest(self, show):
        a = self.args
        guest = Guest(kernel=a.kernel, initrd=a.initrd, root="", memory=self.lever.memory,
                      cmdline=self.lever.cmdline(a.cmdline), mote=a.mote,
                      mote_memory=self.lever.mote_memory)
        if show:
            guest = replace(guest, cmdline=f"{guest.cmdline} bench.show={show}",
                            mote_extra=("--early-console", self.shown.name))
        return guest

    def wait_for_show(self, count):
        end = time.monotonic() + SHOW_SECONDS
        while time.monotonic() < end:
            time.sleep(0.5)
            with open(self.shown.name, "rb") as f:
                try:
                    members = inflate(f.read())
                except EOFError:
                    continue
            if len(members) >= count:
                return members
        raise SystemExit(f"the guest did not show {count} files in {SHOW_SECONDS} s")

    def look(self, show=()):
        """Pages of both, and what the first showed once its pages had been read."""
        subjects = [Mote(self.guest(",".join(show)), self.marks), Mote(self.guest(""), self.marks)]
        instances = []
        try:
            for subject in subjects:
                instances.append(Instance(subject.command(0)))
            for instance in instances:
                instance.wait(self.marks.heard, f"mote with {self.lever.label()}")
            time.sleep(REST_SECONDS)
            seen = [pages.guest_pages(i.pid, self.lever.memory << 20) for i in instances]
            shown = self.wait_for_show(len(show)) if show else []
        finally:
            for instance in instances:
                instance.end()
        return seen, dict(zip(show, shown))


def line(label, counts):
    return [label, mib(sum(counts.values())), *(mib(counts[name]) for name in CLASSES)]


def table_of_levers(args, marks):
    rows = []
    for lever in args.levers:
        try:
            (one, other), _ = Pair(args, lever, marks).look()
        except SystemExit as failure:
            print(f"{lever.label()}: {failure}", file=sys.stderr, flush=True)
            rows.append([lever.label(), "no start", *["-"] * len(CLASSES)])
            continue
        rows.append(line(lever.label(), pages.tally(pages.classify(one, other))["all"]))
        print("  ".join(rows[-1]), file=sys.stderr, flush=True)
    return report.table(["MiB of one of two guests", "anonymous", *CLASSES], rows)


def breakdown(args, marks):
    """What the pages are to the guest's kernel, and which of its slabs are big."""
    (one, other), shown = Pair(args, args.levers[0], marks).look(("kpageflags", "slabinfo"))
    data = shown["kpageflags"]
    flags = struct.unpack(f"={len(data) // 8}Q", data)
    found = pages.tally(pages.classify(one, other), flags)
    rows = [line(kind, counts) for kind, counts in
            sorted(found.items(), key=lambda item: -sum(item[1].values()))]
    lines = report.table(["MiB, by use in the guest", "anonymous", *CLASSES], rows)
    slabs = pages.parse_slabinfo(shown["slabinfo"].decode())
    return lines + [""] + report.table(
        ["slab", "objects", "MiB"], [[name, objects, mib(count)] for name, objects, count in
                                     sorted(slabs, key=lambda slab: -slab[2])[:16]])


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--lever", action="append", metavar="WORDS",
                        help="only this addition to the guest's command line; -WORD takes one "
                        "away (repeatable)")
    parser.add_argument("--breakdown", action="store_true",
                        help="instead: what the pages are to the guest's kernel, with the first "
                        "--lever")
    parser.add_argument("--cmdline", default=CMDLINE_IDLE)
    for name in ("mote", "kernel", "initrd"):
        parser.add_argument("--" + name, required=True)
    args = parser.parse_args(argv)
    args.levers = LEVERS if args.lever is None else [Lever(words) for words in args.lever]
    return args


def main(argv=None):
    args = parse(argv)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    marks = Marks()
    try:
        lines = breakdown(args, marks) if args.breakdown else table_of_levers(args, marks)
    finally:
        marks.close()
    print("\n".join(lines))


if __name__ == "__main__":
    os.umask(0o022)
    main()
