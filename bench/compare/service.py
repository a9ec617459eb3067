#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""service.py - one HTTP server, reached in five ways.

What bench/service runs next to /dev/kvm, as root, in network and mount
namespaces of its own: taps, veth pairs and mounts end with them. nginx of the same Debian image serves the
same files natively (over loopback), in a network namespace behind a veth pair,
in mote and in QEMU's microvm behind vhost-net on a tap.
"""
import argparse
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import load
import report
from subjects import CMDLINE_BASE, Container, Guest, Marks, Mote, Qemu, mount_image

CONNECT_SECONDS = 60


def ip(*words, pid=None):
    inside = ["nsenter", "-t", str(pid), "-n"] if pid else []
    subprocess.run([*inside, "ip", *words], check=True)


class Tap:
    """A network of two: this namespace at .1, the server at .2."""

    def __init__(self, number):
        self.name = f"bench{number}"
        self.host, self.server = f"10.88.{number}.1", f"10.88.{number}.2"

    def make(self):
        ip("tuntap", "add", "dev", self.name, "mode", "tap", "vnet_hdr")
        ip("addr", "add", f"{self.host}/24", "dev", self.name)
        ip("link", "set", self.name, "up")

    def remove(self):
        subprocess.run(["ip", "link", "del", self.name], check=False,
                       stderr=subprocess.DEVNULL)


class Virtual:
    """Mixed into a monitor: its guest serves on a tap."""

    def __init__(self, guest, marks, number):
        super().__init__(guest, marks)
        self.tap = Tap(number)

    def up(self):
        self.tap.make()
        self.guest.cmdline = f"{CMDLINE_BASE} bench.ip={self.tap.server}/24"
        self.start()
        return self.tap.server

    def down(self):
        self.end()
        self.tap.remove()


class MoteService(Virtual, Mote):
    def command(self, index):
        return super().command(index) + ["--net", f"tap={self.tap.name}"]


class QemuService(Virtual, Qemu):
    def command(self, index):
        return super().command(index) + [
            "-netdev", f"tap,id=n,ifname={self.tap.name},script=no,downscript=no,vhost=on",
            "-device", "virtio-net-device,netdev=n"]


class Native(Container):
    """The image and its nginx in this very network namespace."""
    name = "native"

    def __init__(self, guest, marks, _number):
        super().__init__(guest, marks)

    def command(self, index):
        return [word for word in super().command(index) if word != "--net"]

    def up(self):
        self.start()
        return "127.0.0.1"

    def down(self):
        self.end()


class Namespace(Native):
    """The same behind a veth pair."""
    name = "namespace"

    def __init__(self, guest, marks, number):
        super().__init__(guest, marks, number)
        self.tap = Tap(number)

    def command(self, index):
        return Container.command(self, index)

    def up(self):
        self.start()
        pid = self.pids()[0]
        ip("link", "add", self.tap.name, "type", "veth", "peer", "name", "eth0",
           "netns", str(pid))
        ip("addr", "add", f"{self.tap.server}/24", "dev", "eth0", pid=pid)
        ip("link", "set", "eth0", "up", pid=pid)
        ip("addr", "add", f"{self.tap.host}/24", "dev", self.tap.name)
        ip("link", "set", self.tap.name, "up")
        return self.tap.server

    def down(self):
        self.end()
        self.tap.remove()


SUBJECTS = {"native": Native, "namespace": Namespace, "mote": MoteService, "qemu": QemuService}


def wait_for_server(address):
    end = time.monotonic() + CONNECT_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"http://{address}/1K", timeout=5) as reply:
                if len(reply.read()) == 1024:
                    return
        except (urllib.error.URLError, OSError) as error:
            if time.monotonic() > end:
                raise SystemExit(f"no answer from http://{address}/: {error}") from error
        time.sleep(0.2)


def measure(args, name, address):
    """All rows of one subject."""
    base = f"http://{address}"
    for test, sizes in (("download", args.downloads), ("upload", args.uploads)):
        for size in sizes:
            script = "upload.lua" if test == "upload" else None
            result = load.wrk(base, size, args.workers, args.seconds, script)
            yield {"subject": name, "test": test, "size": size, "rate": 0, **result}
    for rate in args.rates:
        result = load.open_loop(address, 80, "/1K", rate, args.seconds, args.workers)
        yield {"subject": name, "test": "rate", "size": "1K", "rate": rate,
               "requests_s": result["requests_s"], "mib_s": result["requests_s"] / 1024,
               "p50_ms": result["p50_ms"], "p99_ms": result["p99_ms"],
               "errors": result["errors"]}


def rounded(row):
    return {key: round(value, 3) if isinstance(value, float) else value
            for key, value in row.items()}


def tables(rows):
    tests = list(dict.fromkeys((r["test"], r["size"], r["rate"]) for r in rows))
    names = list(dict.fromkeys(r["subject"] for r in rows))
    found = {(r["subject"], r["test"], r["size"], r["rate"]): r for r in rows}
    lines = []
    for kind, head, cell in (
            ("download", "MiB/s (p99 ms)", lambda r: f"{r['mib_s']:.1f} ({r['p99_ms']:.1f})"),
            ("upload", "MiB/s (p99 ms)", lambda r: f"{r['mib_s']:.1f} ({r['p99_ms']:.1f})"),
            ("rate", "p50 / p99 ms at N/s", lambda r: f"{r['p50_ms']:.2f} / {r['p99_ms']:.2f}")):
        these = [t for t in tests if t[0] == kind]
        body = [[name] + [cell(found[name, *t]) if (name, *t) in found else "-" for t in these]
                for name in names]
        if these:
            lines += report.table([f"{kind}, {head}"] + [t[2] or t[1] for t in these], body) + [""]
    return lines


def words(kind):
    return lambda text: [kind(word) for word in text.split(",") if word]


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--subjects", type=words(str), default=list(SUBJECTS))
    parser.add_argument("--downloads", type=words(str), default=["1K", "100K", "1M", "16M"])
    parser.add_argument("--uploads", type=words(str), default=["100K", "1M"])
    parser.add_argument("--rates", type=words(float), metavar="N,N...",
                        default=[500, 1000, 2000, 4000, 8000])
    parser.add_argument("--workers", type=int, default=16, help="connections at a time")
    parser.add_argument("--seconds", type=int, default=10, help="of each measurement")
    parser.add_argument("--quick", action="store_true",
                        help="for the test bed: 4 workers, 3 seconds, low rates")
    parser.add_argument("--memory", type=int, default=256, help="MiB of each guest")
    parser.add_argument("--mote-root", choices=("pmem", "disk"), default="pmem")
    parser.add_argument("--csv", default="service.csv")
    for name in ("mote", "kernel", "initrd", "root", "image"):
        parser.add_argument("--" + name, required=True)
    args = parser.parse_args(argv)
    if args.quick:
        args.workers, args.seconds = 4, 3
        args.downloads, args.uploads = ["1K", "100K"], ["100K"]
        args.rates = [5, 10, 20, 40]
    for name in args.subjects:
        if name not in SUBJECTS:
            parser.error(f"no subject {name}: there are {', '.join(SUBJECTS)}")
    return args


def main(argv=None):
    args = parse(argv)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    ip("link", "set", "lo", "up")
    mount_image(Guest(args.kernel, args.initrd, args.root, args.image))
    marks, rows = Marks(), []
    try:
        for number, name in enumerate(args.subjects):
            guest = Guest(kernel=args.kernel, initrd=args.initrd, root=args.root,
                          image=args.image, memory=args.memory, mote=args.mote,
                          mote_memory="mergeable=on" if args.mote_root == "pmem" else "",
                          mote_root=args.mote_root)
            subject = SUBJECTS[name](guest, marks, number)
            try:
                address = subject.up()
                wait_for_server(address)
                for row in measure(args, name, address):
                    rows.append(rounded(row))
                    report.append_csv(args.csv, rows[-1])
                    print(" ".join(f"{v}" for v in rows[-1].values()), file=sys.stderr, flush=True)
            finally:
                subject.down()
    finally:
        marks.close()
    print("\n".join(tables(rows)))


if __name__ == "__main__":
    os.umask(0o022)
    main()
