#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""measure_net.py - the network of monitors side by side, for bench/net

The host pings the guest and streams to and from it, through vhost-net and a
tap, with net_peer.c on the host and guest_net.c in the guest. Run in a network
namespace of its own.
"""
import os
import subprocess

import measure

TAP, MAC = "bench0", "02:00:00:00:be:01"
HOST, GUEST = "198.18.0.1", "198.18.0.2"     # net_peer.h


def make_tap():
    for words in (f"tuntap add dev {TAP} mode tap", f"link set {TAP} addrgenmode none",
                  f"addr add {HOST}/24 dev {TAP}", f"link set {TAP} up",
                  f"neigh add {GUEST} lladdr {MAC} dev {TAP} nud permanent"):
        subprocess.run(["ip"] + words.split(), check=True)


def mote(args):
    return measure.Monitor("mote", [
        args.mote, "run", "--kernel", args.vmlinux, "--initrd", args.initrd,
        "--cmdline", measure.cmdline(QUIET), "--memory", "128M", "--console", "none",
        "--net", f"tap={TAP},mac={MAC}"])


def qemu(args, name, pci=False):
    command = measure.qemu_without_devices(args, args.vmlinux, QUIET, pci)
    command += ["-netdev", f"tap,id=n,ifname={TAP},script=no,downscript=no,vhost=on",
                "-device", f"virtio-net-{'pci' if pci else 'device'},netdev=n,mac={MAC}"
                + (",romfile=" if pci else "")]
    return measure.Monitor(name, command)


QUIET = "ipv6.disable=1 cryptomgr.notests"


def peer(args, kind, count):
    """median, begin and end of what net_peer did, in ns."""
    words = subprocess.run([args.peer, kind, str(count)], check=True,
                           stdout=subprocess.PIPE).stdout.split()
    return [int(word) for word in words]


def exits(args, event):
    trace = measure.Trace(event)
    _, begin, end = peer(args, "ping", args.pings)
    return f"{trace.count(event, begin, end) / args.pings:.2f}"


def net(args):
    """Ping round trips, and streams of TCP both ways."""
    make_tap()
    pings, streams = [], []
    for monitor in (mote(args), qemu(args, "QEMU microvm"),
                    qemu(args, "QEMU microvm with PCI", pci=True)):
        trace = measure.Trace("kvm_pio")
        with monitor:
            trace.wait_for_mark(monitor, measure.MARK_INIT)
            measure.Trace()
            pings.append([monitor.name, f"{peer(args, 'ping', args.pings)[0]:,}",
                          exits(args, "kvm_userspace_exit"), exits(args, "kvm_exit")])
            measure.Trace()
            row = [monitor.name]
            for kind in ("to", "from"):
                median, begin, end = peer(args, kind, args.mib)
                row += [measure.millions(median), measure.millions((end - begin) / args.mib)]
            streams.append(row)
    measure.table(f"ping of 64 bytes, per round trip, {args.unit_one}",
                  ["", "median", "exits to user space", "exits to the kernel"], pings)
    measure.table(f"TCP, per MiB, {args.unit}",
                  ["", "to the guest: median", "mean", "to the host: median", "mean"], streams)


if __name__ == "__main__":
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    measure.main(net)
