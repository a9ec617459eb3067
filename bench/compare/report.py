# SPDX-License-Identifier: Apache-2.0
"""report.py - rows of results as a table, as CSV, and read back from CSV."""
import csv

MIB = 1024


def mib(kib):
    return f"{kib / MIB:.1f}"


def table(head, rows):
    """Lines of text: the first column flush left, the others right."""
    rows = [[str(cell) for cell in row] for row in [head] + rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    return ["  ".join(cell.rjust(w) if i else cell.ljust(w)
                      for i, (cell, w) in enumerate(zip(row, widths))).rstrip()
            for row in rows]


def append_csv(path, row):
    """One more line; the first brings the head along."""
    with open(path, "a", encoding="ascii", newline="") as f:
        out = csv.DictWriter(f, row, lineterminator="\n")
        if f.tell() == 0:
            out.writeheader()
        out.writerow(row)


def read_csv(path):
    """All rows; what looks like a number is one."""
    with open(path, encoding="ascii", newline="") as f:
        return [{key: number(value) for key, value in row.items()}
                for row in csv.DictReader(f)]


def number(text):
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
