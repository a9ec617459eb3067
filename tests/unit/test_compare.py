#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_compare.py - the pure parts of bench/density and bench/service."""
import gzip
import os
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "..", "bench", "compare"))
import density      # noqa: E402
import host         # noqa: E402
import levers       # noqa: E402
import load         # noqa: E402
import pages        # noqa: E402
import plot         # noqa: E402
import report       # noqa: E402
import settle       # noqa: E402

MEMINFO = """MemTotal:        1000000 kB
MemFree:          700000 kB
MemAvailable:     800000 kB
Buffers:            1000 kB
Cached:           120000 kB
AnonPages:         90000 kB
Shmem:             20000 kB
KReclaimable:       3000 kB
SReclaimable:       3000 kB
SUnreclaim:         7000 kB
KernelStack:        1000 kB
PageTables:         2000 kB
SecPageTables:       500 kB
Percpu:              300 kB
HugePages_Total:       0
"""
ZONEINFO = """Node 0, zone      DMA
  pages free     3840
  pagesets
    cpu: 0
              count: 10
              high:  38
              batch: 1
    cpu: 1
              count: 7
"""
ROLLUP = """55d0-7ffd ---p 00000000 00:00 0          [rollup]
Rss:                1720 kB
Pss:                 351 kB
Pss_Dirty:            92 kB
"""
STAT = "7 (a b) c) S 2 7 7 0 -1 4194560 1 2 3 4 120 34 5 6 20 0 1 0 99 0 0\n"


class Host(unittest.TestCase):
    def setUp(self):
        self.info = host.parse_meminfo(MEMINFO)

    def test_meminfo(self):
        self.assertEqual(self.info["MemTotal"], 1000000)
        self.assertEqual(self.info["HugePages_Total"], 0)

    def test_used_and_adjusted(self):
        self.assertEqual(host.used(self.info), 200000)
        # 300000 not free, of which 101000 are cached files
        self.assertEqual(host.adjusted(self.info), 199000)

    def test_kernel_parts_add_up(self):
        parts = host.kernel_parts(self.info)
        self.assertEqual(sum(parts.values()) + self.info["AnonPages"] + self.info["Shmem"],
                         host.adjusted(self.info))
        self.assertEqual(parts["other"], 75200)

    def test_old_kernel_without_a_counter(self):
        del self.info["SecPageTables"]
        self.assertEqual(host.kernel_parts(self.info)["SecPageTables"], 0)

    def test_zoneinfo(self):
        self.assertEqual(host.parse_zoneinfo(ZONEINFO), 17 * 4)

    def test_rollup(self):
        self.assertEqual(host.parse_rollup(ROLLUP)["Pss"], 351)
        self.assertEqual(host.parse_rollup(ROLLUP * 2)["Pss"], 702)

    def test_stat_with_brackets_in_the_name(self):
        self.assertEqual(host.parse_cpu_ticks(STAT), 154)

    def test_rmap_items(self):
        ksm = {"pages_shared": 1, "pages_sharing": 16, "pages_unshared": 14,
               "pages_volatile": 1, "full_scans": 1000}
        self.assertEqual(host.rmap_items_kib(ksm), 2)

    def test_ksm_settings_come_back(self):
        saved = host.KSM
        with tempfile.TemporaryDirectory() as host.KSM:
            try:
                values = {"pages_to_scan": "100", "sleep_millisecs": "7",
                          "use_zero_pages": "0", "run": "0"}
                for name, value in values.items():
                    host.Ksm.write(name, value + "\n")
                ksm = host.Ksm()
                ksm.start(5000, True)
                self.assertEqual(host.read(f"{host.KSM}/run"), "1")
                self.assertEqual(host.read(f"{host.KSM}/pages_to_scan"), "5000")
                ksm.restore()
                for name, value in values.items():
                    self.assertEqual(host.read(f"{host.KSM}/{name}"), value)
            finally:
                ksm.restore()
                host.KSM = saved


class Settle(unittest.TestCase):
    def test_without_ksm_needs_the_whole_window(self):
        rule = settle.Without(window=5)
        self.assertEqual([rule.feed(t, 100000, None) for t in range(6)],
                         [False] * 5 + [True])

    def test_without_ksm_sees_a_slow_drift(self):
        rule = settle.Without(window=5)
        self.assertFalse(any(rule.feed(t, 100000 + 400 * t, None) for t in range(30)))

    def test_without_ksm_forgets_what_is_past(self):
        rule = settle.Without(window=5)
        used = [0, 50000] + [100000] * 7
        self.assertEqual([rule.feed(t, kib, None) for t, kib in enumerate(used)],
                         [False] * 7 + [True] * 2)

    def test_little_noise_on_little_memory(self):
        rule = settle.Without(window=2)
        self.assertTrue([rule.feed(t, 100 + 200 * (t % 2), None) for t in range(4)][-1])

    @staticmethod
    def scans(*samples):
        rule = settle.WithKsm()
        return [rule.feed(0, used, {"full_scans": scan, "pages_shared": shared})
                for scan, shared, used in samples]

    def test_ksm_needs_full_scans(self):
        self.assertEqual(self.scans((10, 0, 9000), (10, 0, 9000), (11, 0, 9000), (12, 0, 9000),
                                    (12, 0, 9000), (13, 0, 9000)),
                         [False] * 5 + [True])

    def test_ksm_waits_for_pages_shared(self):
        self.assertEqual(self.scans((0, 0, 9000), (3, 1000, 9000), (4, 1060, 9000),
                                    (5, 1100, 9000)),
                         [False, False, False, True])

    def test_ksm_waits_for_memory(self):
        self.assertEqual(self.scans((0, 0, 900000), (3, 1000, 500000), (4, 1000, 400000),
                                    (5, 1000, 399000)),
                         [False, False, False, True])

    def test_wait_is_bounded(self):
        _, stable = settle.wait(settle.WithKsm(),
                                lambda: (0, {"full_scans": 0, "pages_shared": 0}),
                                bound=0.02, interval=0.01)
        self.assertFalse(stable)


class Density(unittest.TestCase):
    def test_steps(self):
        self.assertEqual(density.steps(3, 10), [1, 2, 3])
        self.assertEqual(density.steps(30, 10), list(range(1, 11)) + [20, 30])
        self.assertEqual(density.steps(25, 10), list(range(1, 11)) + [20, 25])
        self.assertEqual(density.steps(12, 10), list(range(1, 11)) + [12])

    def test_ksm_is_put_back_however_a_round_ends(self):
        """A setting the kernel refuses; an ending that is ended by a second signal."""
        args = ["--ksm", "on", "--subjects", "mote"]
        for name in ("mote", "kernel", "initrd", "root"):
            args += ["--" + name, "x"]
        for start, end in ((OSError("refused"), None), (None, SystemExit(1))):
            ksm = mock.Mock()
            ksm.start.side_effect = start
            with mock.patch.object(density, "Round") as one, \
                    mock.patch.object(density, "Marks"), \
                    mock.patch.object(density.signal, "signal"), \
                    mock.patch.object(density.host, "Ksm", return_value=ksm):
                one.return_value.end.side_effect = end
                with self.assertRaises((OSError, SystemExit)):
                    density.main(args)
            ksm.restore.assert_called_once_with()


MAPS = """7f0000000000-7f0000200000 ---p 00000000 00:00 0
7f0000200000-7f0001200000 rw-p 00000000 00:00 0
7f0001200000-7f0002200000 rw-p 00200000 00:2a 77    /a kernel
7f0002200000-7f0004200000 rw-p 00000000 00:00 0
7f0004200000-7f0004400000 ---p 00000000 00:00 0
7f0005000000-7f0005001000 r-xp 00000000 00:2a 78    /mote
"""
SLABINFO = """slabinfo - version: 2.1
# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables
inode_cache        10190  10200    680   12    2 : tunables    0    0    0 : slabdata    850    850      0
"""


class Pages(unittest.TestCase):
    def test_ram_is_what_adds_up(self):
        maps = pages.parse_maps(MAPS)
        self.assertEqual(len(maps), 6)
        self.assertEqual(pages.find_ram(maps, 64 << 20), 0x7f0000200000)
        with self.assertRaises(SystemExit):
            pages.find_ram(maps, 32 << 20)

    def test_anonymous(self):
        present, of_file, zero = 1 << 63, 1 << 61, 77
        self.assertEqual(pages.anonymous([0, present | 5, present | of_file | 6, present | zero],
                                         zero), [1])

    def test_classes_and_kinds(self):
        zero, poison = pages.digest(bytes(4096)), pages.digest(b"\xcc" * 4096)
        classes = pages.classify({0: zero, 1: poison, 2: b"x", 3: b"y"}, {9: b"x", 8: zero})
        self.assertEqual(classes, {0: "zero", 1: "poison", 2: "same", 3: "own"})
        found = pages.tally(classes, [1 << 10, 1 << 10, 0, 1 << 7])
        self.assertEqual(found["all"]["own"], 1)
        self.assertEqual(found["free"], {"zero": 1, "poison": 1})
        self.assertEqual((found["slab"]["own"], found[pages.OTHER]["same"]), (1, 1))

    def test_slabinfo(self):
        self.assertEqual(pages.parse_slabinfo(SLABINFO), [("inode_cache", 10200, 1700)])


class Levers(unittest.TestCase):
    def test_words_come_and_go(self):
        self.assertEqual(levers.Lever("-b c=1").cmdline("a b"), "a c=1")
        self.assertEqual(levers.Lever().label(), "(nothing)")
        self.assertEqual(levers.Lever(memory=64).label(), "64 MiB")

    def test_every_lever_can_be_applied(self):
        for lever in levers.LEVERS:
            lever.cmdline(levers.CMDLINE_IDLE)

    def test_inflate(self):
        two = gzip.compress(b"one") + gzip.compress(b"two")
        self.assertEqual(levers.inflate(two), [b"one", b"two"])
        with self.assertRaises(EOFError):
            levers.inflate(two[:-1])


class Report(unittest.TestCase):
    def test_table(self):
        self.assertEqual(report.table(["", "MiB"], [["mote", "7.0"], ["QEMU microvm", "41.0"]]),
                         ["               MiB", "mote           7.0",
                          "QEMU microvm  41.0"])

    def test_csv_round_trip(self):
        rows = [{"subject": "mote", "count": 1, "start_s": 0.25},
                {"subject": "qemu", "count": 2, "start_s": 1.5}]
        with tempfile.TemporaryDirectory() as where:
            path = os.path.join(where, "x.csv")
            for row in rows:
                report.append_csv(path, row)
            self.assertEqual(report.read_csv(path), rows)
            with open(path, encoding="ascii") as f:
                self.assertEqual(f.readline(), "subject,count,start_s\n")


class Plot(unittest.TestCase):
    def test_density_series(self):
        rows = [{"subject": "mote", "ksm": k, "count": n, "raw_kib": 2048} for k in (0, 1)
                for n in (1, 2)]
        series = plot.density_series(rows)
        self.assertEqual([s[0] for s in series], ["mote", "mote, KSM"])
        self.assertEqual(series[0][3], [(1, 2.0), (2, 4.0)])

    def test_bars_have_a_value_for_each_label(self):
        rows = [{"test": "download", "size": "1K", "subject": "mote", "mib_s": 5},
                {"test": "download", "size": "1M", "subject": "mote", "mib_s": 9},
                {"test": "download", "size": "1M", "subject": "qemu", "mib_s": 8}]
        labels, groups = plot.throughput_groups(rows)
        self.assertEqual(labels, ["download 1K", "download 1M"])
        self.assertEqual([g[2] for g in groups], [[5, 9], [0, 8]])

    def test_quotes(self):
        self.assertEqual(plot.quoted('a"b\\'), '"a\\"b\\\\"')


WRK = """Running 2s test @ http://127.0.0.1/1K
  1 threads and 4 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   254.12us  100.02us   1.90ms   75.40%
  Latency Distribution
     50%  250.00us
     75%    1.20ms
     99%    2.50s
  30000 requests in 2.00s, 36.10MB read
  Socket errors: connect 0, read 1, write 0, timeout 2
  Non-2xx or 3xx responses: 4
Requests/sec:  15000.50
Transfer/sec:     18.05MB
"""


class Load(unittest.TestCase):
    def test_wrk(self):
        self.assertEqual(load.parse_wrk(WRK),
                         {"requests_s": 15000.5, "mib_s": 18.05, "p50_ms": 0.25,
                          "p99_ms": 2500.0, "errors": 7})

    def test_size(self):
        self.assertEqual([load.parse_size(text) for text in ("512", "1K", "16M")],
                         [512, 1024, 16 << 20])

    def test_percentile(self):
        values = list(range(1, 101))
        self.assertEqual(load.percentile(values, 50), 50)
        self.assertEqual(load.percentile(values, 99), 99)
        self.assertEqual(load.percentile([3], 99), 3)

    def test_head_of_a_reply(self):
        head = b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 1024\r\n\r\nabc"
        self.assertEqual(load.parse_head(head), (200, 1024, len(head) - 3))
        self.assertIsNone(load.parse_head(head[:20]))
        self.assertEqual(load.parse_head(b"HTTP/1.1 204 No Content\r\n\r\n")[:2], (204, 0))


if __name__ == "__main__":
    unittest.main()
