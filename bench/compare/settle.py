# SPDX-License-Identifier: Apache-2.0
"""settle.py - when memory counts as stable.

A rule is fed samples and says when it is content; wait() takes the samples. The
rules know no clock and no files, so that tests can feed them.
"""
import time

SCANS_FIRST = 3     # a page needs two scans to be seen as still, one to be merged


class Without:
    """Used memory moved by less than 1 % (or 512 KiB) over `window` seconds."""

    def __init__(self, window=5.0, share=0.01, floor_kib=512):
        self.window, self.share, self.floor = window, share, floor_kib
        self.samples = []

    def feed(self, seconds, used_kib, _ksm):
        self.samples.append((seconds, used_kib))
        while len(self.samples) > 1 and seconds - self.samples[1][0] >= self.window:
            del self.samples[0]
        if seconds - self.samples[0][0] < self.window:
            return False
        seen = [used for _, used in self.samples]
        return max(seen) - min(seen) <= max(self.floor, abs(used_kib) * self.share)


class WithKsm:
    """pages_shared and used memory stood still between two full scans.

    pages_shared by 5 %, as the method has it. Alone it would be content while
    pages still join those shared already, hence used memory by 1 % as well.
    """

    def __init__(self, shared=0.05, share=0.01, floor_kib=512):
        self.shared, self.share, self.floor = shared, share, floor_kib
        self.first = self.last = None

    def feed(self, _seconds, used_kib, ksm):
        now = (ksm["full_scans"], ksm["pages_shared"], used_kib)
        if self.first is None:
            self.first = now[0]
        if self.last is not None and now[0] <= self.last[0]:
            return False
        before, self.last = self.last, now
        if before is None or now[0] - self.first < SCANS_FIRST:
            return False
        return (abs(now[1] - before[1]) <= self.shared * max(before[1], now[1]) and
                abs(now[2] - before[2]) <= max(self.floor, abs(used_kib) * self.share))


def wait(rule, sample, bound, interval=0.5):
    """Seconds it took, and whether the rule was content before `bound` seconds."""
    start = time.monotonic()
    while True:
        seconds = time.monotonic() - start
        if rule.feed(seconds, *sample()):
            return seconds, True
        if seconds > bound:
            return seconds, False
        time.sleep(interval)
