"""The emulator runs a packaged program at any mount point, under the function's name."""

import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import try_arm64
from package import write_zip

# Stands in for QEMU: says how it was started.
EMULATOR = '#!/bin/sh\necho "${0##*/} $*"\ncat "$(eval echo "\\${$(($# - 1))}")"\n'

FUNCTIONS = ("get-file", "probe-file")


class Emulated(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        tools = self.root / "tools"
        (tools / "root/lib").mkdir(parents=True)
        (tools / "qemu-aarch64").write_text(EMULATOR)
        (tools / "qemu-aarch64").chmod(0o755)
        started = mock.patch.object(try_arm64, "EMULATION", tools)
        started.start()
        self.addCleanup(started.stop)
        for name in FUNCTIONS:
            (self.root / "zips" / name).mkdir(parents=True)
            write_zip(self.root / "zips" / name / "bootstrap.zip", [("bootstrap", name.upper().encode(), True)])
        layer = mock.patch.object(try_arm64, "LAYER", self.root / "layer.zip")
        layer.start()
        self.addCleanup(layer.stop)
        write_zip(try_arm64.LAYER, [("bin/ffprobe", b"LAYER", True)])
        self.folder = self.root / "functions"
        try_arm64.emulated(try_arm64.packed(self.root / "zips"), self.folder)

    def run_script(self, path):
        return subprocess.run([path, "an argument"], env={}, capture_output=True, text=True, check=True).stdout

    def test_the_folder_of_a_function_is_complete_at_any_path(self):
        for name in FUNCTIONS:
            task = (self.folder / name).rename(self.root / "task")
            inner = task / "emulated"
            expected = f"{name} -L {inner}/root {inner}/program an argument\n{name.upper()}"
            self.assertEqual(self.run_script(task / "bootstrap"), expected)
            task.rename(self.folder / name)

    def test_the_ffprobe_of_the_layer_runs_with_the_files_of_its_function(self):
        inner = self.folder / "probe-file/emulated"
        self.assertEqual(self.run_script(self.folder / "ffprobe"), f"ffprobe {inner}/layer an argument\nLAYER")

    def test_a_function_that_was_not_packaged_is_named(self):
        with self.assertRaisesRegex(SystemExit, "not packaged: .*create-file.*sweep"):
            try_arm64.main([str(self.root / "zips")])

    def test_a_filter_without_a_test_fails(self):
        listed = "list::one: test\nstory::two: test\n\n2 tests, 0 benchmarks\n"
        try_arm64.check_filters(["list::", "story::two"], listed)
        with self.assertRaisesRegex(SystemExit, "no test matches list::two"):
            try_arm64.check_filters(["list::two", "story::"], listed)


if __name__ == "__main__":
    unittest.main()
