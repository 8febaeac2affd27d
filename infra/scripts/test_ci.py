"""`.ci/run` runs its steps in order, stops at a failure, and asserts that the budgets sum to the stated total."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Run(unittest.TestCase):
    """A copy of the script, in a folder whose `make` only records its target."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        (self.root / ".ci").mkdir()
        self.script = self.root / ".ci/run"
        shutil.copy(ROOT / ".ci/run", self.script)
        self.text = self.script.read_text()

    def run_with(self, failing="none"):
        make = self.root / "make"
        make.write_text(
            f'#!/bin/sh\necho "$1" >>{self.root}/calls\n'
            '[ "$1" != lint-deny ] || echo "advisories: no database" >>"$NOT_RUN"\n'
            f'[ "$1" != {failing} ]\n'
        )
        make.chmod(0o755)
        environment = os.environ | {"PATH": f"{self.root}:{os.environ['PATH']}"}
        return subprocess.run([str(self.script)], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)

    def targets(self):
        return re.findall(r'^ +"[\d:]+ +\S+ +(\S+)"$', self.text, re.MULTILINE)

    def test_all_steps_run_in_order_and_are_targets_of_the_makefile(self):
        result = self.run_with()
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertEqual((self.root / "calls").read_text().split(), self.targets())
        self.assertIn("green after 0:", result.stdout.splitlines()[-1])
        self.assertIn("NOT RUN: advisories: no database", result.stdout.splitlines())
        makefile = (ROOT / "Makefile").read_text()
        for target in self.targets():
            self.assertRegex(makefile, rf"(?m)^{target}:")

    def test_a_failing_step_ends_the_run_and_is_named(self):
        result = self.run_with(failing="lint-docs")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("FAILED in step 'docs'", result.stdout)
        self.assertEqual((self.root / "calls").read_text().split()[-1], "lint-docs")

    def test_budgets_that_do_not_sum_to_the_total_fail_before_the_first_step(self):
        self.script.write_text(re.sub(r"(?m)^total=\d+", "total=7", self.text))
        result = self.run_with()
        self.assertEqual(result.returncode, 1)
        self.assertIn("the stated total is 7:00 min", result.stderr)
        self.assertFalse((self.root / "calls").exists())


if __name__ == "__main__":
    unittest.main()
