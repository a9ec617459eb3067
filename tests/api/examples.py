# SPDX-License-Identifier: Apache-2.0
"""examples.py - the commands of a Markdown file, run as they stand there

A block marked ```console is a session: lines behind "$ " are typed, with those
that they continue on, and what follows up to the next one is what they print.
All blocks of a file are one session in one shell. "…" stands for any text on
its line; a line that is only that, for any lines.
"""
import os
import re
import signal
import subprocess
import tempfile

MARK = "--- that was %d"


class Example:
    def __init__(self, line):
        self.line = line            # number in the file
        self.command = []
        self.output = []

    def text(self):
        return "\n".join(self.command)


def read(path):
    """The examples of a file, in order."""
    found, inside = [], False
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip("\n")
            if line.startswith("```"):
                inside = line == "```console"
            elif inside and line.startswith("$ "):
                found.append(Example(number))
                found[-1].command.append(line[2:])
            elif inside and line.startswith("> "):
                found[-1].command.append(line[2:])
            elif inside:
                found[-1].output.append(line)
    return found


def end_group(shell):
    """The shell, and whatever it left in the background."""
    try:
        os.killpg(shell.pid, signal.SIGTERM)
    except ProcessLookupError:
        pass
    shell.kill()
    shell.wait()


def run(examples, directory, environment):
    """What each prints, as a list of texts; one shell for all of them."""
    script = []
    for i, example in enumerate(examples):
        script += [example.text(), f"echo; echo '{MARK % i}'"]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        shell = subprocess.Popen(["bash", "-s"], stdin=subprocess.PIPE,
                                 stdout=output, stderr=subprocess.STDOUT,
                                 cwd=directory, env=environment, text=True,
                                 start_new_session=True)
        try:
            shell.communicate("\n".join(script) + "\n", timeout=60)
        except subprocess.TimeoutExpired:
            pass                    # its output says how far it came
        end_group(shell)
        output.seek(0)
        text = output.read()
    outputs, rest = [], text
    for i in range(len(examples)):
        output, _, rest = rest.partition(f"\n{MARK % i}\n")
        outputs.append(output)
    return outputs


def pattern(lines):
    parts = []
    for line in lines:
        if line.strip() == "…":
            parts.append("(.*\n)*")
        else:
            parts.append(".*".join(map(re.escape, line.split("…"))) + "\n")
    return "".join(parts)


def agrees(example, output):
    text = "".join(f"{line.rstrip()}\n" for line in output.splitlines()
                   if line.strip())
    wanted = [line.rstrip() for line in example.output if line.strip()]
    return re.fullmatch(pattern(wanted), text) is not None
