# SPDX-License-Identifier: Apache-2.0
"""pages.py - what is in the pages of a guest, seen from the host.

A guest's memory is read through /proc/PID/mem where /proc/PID/pagemap says that
a page is anonymous: the host's page cache and what was never touched cost a VM
nothing. Needs root. KSM must be off: it merges while we look.
"""
import collections
import ctypes
import hashlib
import mmap
import os
import re
import struct

PAGE = 4096
PRESENT, FILE_OR_SHMEM, PFN = 1 << 63, 1 << 61, (1 << 55) - 1     # pagemap.rst

# free_init_pages() and the like fill with POISON_FREE_INITMEM.
POISON = b"\xcc" * PAGE


def digest(data):
    return hashlib.blake2b(data, digest_size=12).digest()


ZERO_DIGEST, POISON_DIGEST = digest(bytes(PAGE)), digest(POISON)

# Bits of /proc/kpageflags (admin-guide/mm/pagemap.rst), the first that is set
# names the page. Without any it is the kernel's: stacks, per-CPU, modules, ...
KINDS = ((32, "reserved"), (20, "no page"), (10, "free"), (7, "slab"), (26, "page tables"),
         (12, "processes"), (5, "files"), (11, "files"))
OTHER = "other kernel"


def parse_maps(text):
    """(start, end, permissions) of each mapping, in order."""
    return [(int(m[1], 16), int(m[2], 16), m[3])
            for m in re.finditer(r"^(\w+)-(\w+) (\S{4})", text, re.M)]


def find_ram(maps, size):
    """Where writable mappings that touch each other make up `size` bytes."""
    start = end = None
    for low, high, permissions in [*maps, (0, 0, "----")]:
        writable = permissions.startswith("rw")
        if writable and low == end:
            end = high
            continue
        if end is not None and end - start == size:
            return start
        start, end = (low, high) if writable else (None, None)
    raise SystemExit(f"no mapping of {size >> 20} MiB in this process")


def anonymous(entries, zero_pfn):
    """Numbers of the pages that are memory of this process's own."""
    return [i for i, e in enumerate(entries)
            if e & PRESENT and not e & FILE_OR_SHMEM and e & PFN != zero_pfn]


def read_entries(pid, start, count):
    with open(f"/proc/{pid}/pagemap", "rb") as f:
        f.seek(start // PAGE * 8)
        return struct.unpack(f"={count}Q", f.read(8 * count))


def zero_pfn():
    """Frame of the page that stands for all that was only read."""
    with mmap.mmap(-1, PAGE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as page:
        byte = ctypes.c_char.from_buffer(page)
        assert byte.value == b"\0"
        pfn = read_entries(os.getpid(), ctypes.addressof(byte), 1)[0] & PFN
        del byte
    return pfn


def guest_pages(pid, size):
    """{guest page number: digest} of the anonymous pages of guest memory."""
    with open(f"/proc/{pid}/maps", encoding="ascii", errors="replace") as f:
        start = find_ram(parse_maps(f.read()), size)
    entries = read_entries(pid, start, size // PAGE)
    zero, pages = zero_pfn(), {}
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
        for i in anonymous(entries, zero):
            mem.seek(start + i * PAGE)
            pages[i] = digest(mem.read(PAGE))
    return pages


def classify(one, other):
    """{page number: "zero", "poison", "same" or "own"} of the first of two guests."""
    common = set(one.values()) & set(other.values())
    names = {ZERO_DIGEST: "zero", POISON_DIGEST: "poison"}
    return {number: names.get(seen, "same" if seen in common else "own")
            for number, seen in one.items()}


def kind(flags):
    """What the guest's kernel uses a page for."""
    return next((name for bit, name in KINDS if flags >> bit & 1), OTHER)


def tally(classes, flags=()):
    """{kind: Counter of classes}; one kind "all" unless flags of each page are given."""
    found = collections.defaultdict(collections.Counter)
    for number, name in classes.items():
        found["all"][name] += 1
        if number < len(flags):
            found[kind(flags[number])][name] += 1
    return found


def parse_slabinfo(text):
    """(name, objects, pages) of each cache."""
    found = []
    for fields in (text_line.split() for text_line in text.splitlines()):
        if len(fields) >= 15 and fields[1].isdigit():
            found.append((fields[0], int(fields[2]), int(fields[14]) * int(fields[5])))
    return found
