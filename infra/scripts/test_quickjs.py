"""Concurrent builds of a checkout build the JavaScript engine once."""

import contextlib
import io
import sys
import tempfile
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

sys.path.append(str(Path(__file__).resolve().parents[2] / "functions/resolve-url/quickjs"))

import quickjs  # noqa: E402: from the folder above

BUILDS = 4


class QuickJs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    def test_builds_at_the_same_time_compile_once(self):
        compilations, second_came = [], threading.Event()

        def compile_(command, **_):
            output = Path(command[-1])
            compilations.append(output)
            output.write_bytes(b"half")
            # Without a lock, another build would start now.
            second_came.wait(0.5) if len(compilations) == 1 else second_came.set()
            output.write_bytes(b"whole")
            return SimpleNamespace(returncode=0, stderr="")

        sources = self.root / "sources"
        sources.mkdir()
        (sources / "LICENSE").touch()
        with (
            mock.patch.object(quickjs, "KEPT", self.root / "kept"),
            mock.patch.object(quickjs, "sources", return_value=sources),
            mock.patch.object(quickjs, "zig_version", return_value="1"),
            mock.patch.object(quickjs.subprocess, "run", compile_),
            contextlib.redirect_stdout(io.StringIO()),
            ThreadPoolExecutor(BUILDS) as pool,
        ):
            paths = set(pool.map(quickjs.build, ["arm64"] * BUILDS))
        (path,) = paths
        self.assertEqual((len(compilations), path.read_bytes()), (1, b"whole"))

    def test_several_builds_write_to_the_same_path(self):
        program, target = self.root / "program", self.root / "release/qjs"
        program.write_bytes(b"x" * 1_000_000)
        program.chmod(0o755)
        with get_context("fork").Pool(BUILDS) as pool:
            for _ in range(20):
                target.unlink(missing_ok=True)
                pool.starmap(quickjs.place, [(program, target)] * BUILDS)
                self.assertEqual(target.read_bytes(), program.read_bytes())
        self.assertTrue(target.stat().st_mode & 0o100)
        self.assertEqual(list(target.parent.iterdir()), [target])


if __name__ == "__main__":
    unittest.main()
