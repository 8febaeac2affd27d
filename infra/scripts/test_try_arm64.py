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

FUNCTIONS = ("get-file", "mux-streams", "probe-file")


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
        layers = mock.patch.object(try_arm64, "LAYERS", self.root / "layers")
        layers.start()
        self.addCleanup(layers.stop)
        for program in try_arm64.PROGRAMS:
            (try_arm64.LAYERS / program / "dist").mkdir(parents=True)
            layer = try_arm64.LAYERS / program / f"dist/{program}-layer-arm64.zip"
            write_zip(layer, [(f"bin/{program}", f"LAYER OF {program}".encode(), True)])
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

    def test_the_programs_of_the_layers_run_with_the_files_of_a_function(self):
        for program in ("ffprobe", "ffmpeg"):
            inner = self.folder / "probe-file/emulated"
            expected = f"{program} {inner}/{program}-layer an argument\nLAYER OF {program}"
            self.assertEqual(self.run_script(self.folder / program), expected)

    def test_each_function_that_runs_a_program_has_it(self):
        for function, programs in {"probe-file": ["ffmpeg", "ffprobe"], "mux-streams": ["ffmpeg"], "get-file": []}.items():
            found = sorted(path.name for path in (self.folder / function / "emulated").glob("ff*") if "-layer" not in path.name)
            self.assertEqual(found, programs)

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
