# SPDX-License-Identifier: Apache-2.0
"""test_examples.py - docs/api.md does what it says"""
import json
import os
import re
import shutil
import tempfile
import unittest

import client
import examples
import guest
import test_fields

PAGE = os.path.join(client.TOP, "docs", "api.md")


class Examples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.examples = examples.read(PAGE)
        with open(PAGE, encoding="utf-8") as file:
            cls.page = file.read()

    def test_every_operation_has_an_example(self):
        description = client.Description.load()
        typed = "\n".join(example.text() for example in self.examples)
        for method, path, operation in description.operations():
            if operation.get("x-mote-refused"):
                continue
            path = re.sub(r"\\{\w+\\}", r"\\w+", re.escape(path))
            self.assertRegex(typed, rf"api {method} '?{path}(['? \n]|$)",
                             f"no example of {method} {path}")

    def test_every_block_is_json(self):
        """Those that say so; and files fit their schema."""
        description = client.Description.load()
        schema = {"$ref": "#/components/schemas/ConfigFile"}
        for block in re.findall(r"```json\n(.*?)```", self.page, re.S):
            description.demand("configuration file in docs/api.md",
                               description.errors(schema, json.loads(block)))

    def test_all(self):
        reason = guest.no_kvm()
        if reason:
            self.skipTest(reason)
        if shutil.which("curl") is None:
            self.skipTest("no curl")
        if not test_fields.host_has_taps():
            self.skipTest("no taps can be made here")
        directory = tempfile.mkdtemp(prefix="mote-doc-")
        try:
            guest.write_kernel(os.path.join(directory, "vmlinux"))
            for name in ("root.img", "data.img", "other.img", "fs.img",
                         "tools.img", "initrd.img"):
                with open(os.path.join(directory, name), "wb") as file:
                    file.truncate(1 << 20)
            # docs/api.md says `mote`; no other is meant. Python is Debian's.
            os.symlink(os.path.abspath(client.MOTE),
                       os.path.join(directory, "mote"))
            environment = {**os.environ, "LC_ALL": "C.UTF-8",
                           "PATH": f"{directory}:/usr/bin:/bin"}
            outputs = examples.run(self.examples, directory, environment)
        finally:
            shutil.rmtree(directory)
        for example, output in zip(self.examples, outputs):
            with self.subTest(line=example.line):
                self.assertTrue(
                    examples.agrees(example, output),
                    f"docs/api.md line {example.line}: {example.text()}\n"
                    f"prints\n{output}\nand not\n" + "\n".join(example.output))


if __name__ == "__main__":
    unittest.main()
