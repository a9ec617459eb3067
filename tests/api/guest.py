# SPDX-License-Identifier: Apache-2.0
"""guest.py - the smallest kernel that can be started: it halts, for good"""
import os
import struct

AT = 0x100000
CODE = b"\xfa\xf4\xeb\xfc"     # cli; hlt; jmp to the cli
HEADERS = 64 + 56


def write_kernel(path):
    """An ELF executable of one segment, elf(5)."""
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 62, 1,
                         AT + HEADERS, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, AT, AT,
                          HEADERS + len(CODE), HEADERS + len(CODE), 0x1000)
    with open(path, "wb") as file:
        file.write(header + segment + CODE)


def no_kvm():
    """Why no microVM can be started here, or None."""
    try:
        os.close(os.open("/dev/kvm", os.O_RDWR))
    except OSError as error:
        return f"/dev/kvm: {error.strerror}"
    return None
