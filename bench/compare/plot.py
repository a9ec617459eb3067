#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""plot.py - pictures of results, drawn by gnuplot from the rows of a CSV.

plot.py density|service CSV writes an SVG and a PNG beside the CSV.
"""
import os
import subprocess
import sys

import report

NAMES = {"mote": "mote", "qemu": "QEMU microvm", "container": "container",
         "native": "native (loopback)", "namespace": "network namespace (veth)"}
COLOURS = {"mote": "#1b6ca8", "qemu": "#d1495b", "container": "#3c8d5a",
           "native": "#555555", "namespace": "#e0a030"}

# Legends stand below the plot and the axis, where they hide nothing.
STYLE = """set border 3 lc rgb "#444444"
set tics nomirror out tc rgb "#333333"
set grid ytics lc rgb "#dddddd" lt 1 lw 1
set key at screen 0.53,0.02 bottom center horizontal samplen 3 width 2 tc rgb "#222222"
set bmargin 7.5
set lmargin 10
set rmargin 4
"""
TERMINALS = (("svg", 'svg size 960,600 font "DejaVu Sans,14" background "white"'),
             ("png", 'pngcairo size 1440,900 font "DejaVu Sans,15" background "white"'))


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def block(name, points):
    return f"${name} << EOD\n" + "".join(f"{x} {y}\n" for x, y in points) + "EOD\n"


def lines(series, title, xlabel, ylabel):
    """series: (label, colour, dashed, [(x, y), ...])."""
    text = STYLE + (f"set title {quoted(title)}\nset xlabel {quoted(xlabel)}\n"
                    f"set ylabel {quoted(ylabel)}\nset yrange [0:*]\n")
    plots = []
    for i, (label, colour, dashed, points) in enumerate(series):
        text += block(f"d{i}", points)
        plots.append(f"$d{i} with linespoints lw 2 dt {2 if dashed else 1} "
                     f"pt {6 if dashed else 7} ps {0.8 if len(points) > 1 else 1.6} lc rgb {quoted(colour)} "
                     f"title {quoted(label)}")
    return text + "plot " + ", \\\n  ".join(plots) + "\n"


def bars(groups, labels, title, ylabel):
    """groups: (label, colour, [value per label])."""
    text = STYLE + (f"set title {quoted(title)}\nset ylabel {quoted(ylabel)}\n"
                    "set yrange [0:*]\nset style data histograms\n"
                    "set style histogram clustered gap 1\n"
                    "set style fill solid 0.9 noborder\n")
    plots = []
    for i, (label, colour, values) in enumerate(groups):
        rows = zip(map(quoted, labels), values)
        text += block(f"d{i}", rows)
        plots.append(f"$d{i} using 2:xtic(1) lc rgb {quoted(colour)} title {quoted(label)}")
    return text + "plot " + ", \\\n  ".join(plots) + "\n"


def density_series(rows):
    series = {}
    for row in rows:
        points = series.setdefault((row["subject"], row["ksm"]), [])
        points.append((row["count"], round(row["raw_kib"] * row["count"] / 1024, 1)))
    return [(NAMES[name] + (", KSM" if ksm else ""), COLOURS[name], bool(ksm), points)
            for (name, ksm), points in series.items()]


def density(rows, note=""):
    return {"": lines(density_series(rows), "Memory used on the host" + note,
                      "instances", "MiB")}


def latency_series(rows):
    series = {}
    for row in rows:
        if row["test"] == "rate":
            series.setdefault(row["subject"], []).append((row["rate"], row["p99_ms"]))
    return [(NAMES[name], COLOURS[name], False, points) for name, points in series.items()]


def throughput_groups(rows):
    rows = [row for row in rows if row["test"] in ("download", "upload")]
    labels = list(dict.fromkeys(f"{row['test']} {row['size']}" for row in rows))
    values = {}
    for row in rows:
        values.setdefault(row["subject"], {})[f"{row['test']} {row['size']}"] = row["mib_s"]
    return labels, [(NAMES[name], COLOURS[name], [of.get(label, 0) for label in labels])
                    for name, of in values.items()]


def service(rows, note=""):
    labels, groups = throughput_groups(rows)
    series = latency_series(rows)
    text = {}
    if groups:
        text["-throughput"] = bars(groups, labels, "HTTP throughput" + note, "MiB/s")
    if series:
        text["-latency"] = "set logscale y\n" + lines(
            series, "HTTP latency, 99th percentile" + note, "requests per second asked for",
            "ms").replace("set yrange [0:*]\n", "")
    return text


def draw(base, scripts):
    """Each script as BASE + its name + .svg and .png; needs gnuplot."""
    for name, script in scripts.items():
        for kind, terminal in TERMINALS:
            out = f"{base}{name}.{kind}"
            text = f"set terminal {terminal}\nset output {quoted(out)}\n{script}"
            subprocess.run(["gnuplot"], input=text, text=True, check=True)


def main():
    kinds = {"density": density, "service": service}
    if len(sys.argv) < 3 or sys.argv[1] not in kinds:
        raise SystemExit("usage: plot.py density|service CSV [NOTE]")
    note = f" – {sys.argv[3]}" if len(sys.argv) > 3 else ""
    draw(os.path.splitext(sys.argv[2])[0], kinds[sys.argv[1]](report.read_csv(sys.argv[2]), note))


if __name__ == "__main__":
    main()
