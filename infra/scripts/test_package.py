"""`make package` packs programs that Lambda can start, with reproducible bytes."""

import contextlib
import io
import os
import struct
import tempfile
import unittest
import zipfile
from pathlib import Path
from unittest import mock

import package
from transform import load_template

ARM64 = package.TARGETS["arm64"][1]


def program(machine=ARM64, glibc="2.34"):
    return b"\x7fELF".ljust(18, b"\0") + struct.pack("<H", machine) + f"\0GLIBC_2.2.5\0GLIBC_{glibc}\0".encode()


class Package(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    def packed(self, name, content, modified):
        folder = self.root / name / "worker"
        folder.mkdir(parents=True)
        (folder / "bootstrap").write_bytes(content)
        os.utime(folder / "bootstrap", (modified, modified))
        return package.pack(folder, ARM64), folder / "bootstrap.zip"

    def test_the_same_program_gives_the_same_bytes(self):
        (line, one), (again, other) = self.packed("a", program(), 1_000_000_000), self.packed("b", program(), 2_000_000_000)
        self.assertEqual(one.read_bytes(), other.read_bytes())
        self.assertEqual(line, again)
        _, different = self.packed("c", program() + b"x", 1_000_000_000)
        self.assertNotEqual(one.read_bytes(), different.read_bytes())

    def test_lambda_finds_an_executable_bootstrap(self):
        _, archive = self.packed("a", program(), 1_000_000_000)
        with zipfile.ZipFile(archive) as opened:
            (entry,) = opened.infolist()
            self.assertEqual((entry.filename, entry.external_attr >> 16), ("bootstrap", 0o100755))
            self.assertEqual(opened.read(entry), program())

    def test_programs_that_lambda_cannot_start_are_rejected(self):
        other = package.TARGETS["x86_64"][1]
        for content in (program(machine=other), b"#!/bin/sh\nexit 0\n".ljust(64)):
            with self.assertRaisesRegex(package.Fault, "architecture"):
                package.check_machine("worker", content, ARM64)
        for glibc in ("2.35", "2.100"):
            with self.assertRaisesRegex(package.Fault, f"needs glibc {glibc}"):
                package.check_glibc("worker", program(glibc=glibc))
        for content in (program(glibc="2.9"), program(), b"static"):
            package.check_glibc("worker", content)

    def test_existing_binaries_are_packed_unchanged(self):
        (self.root / "built").mkdir()
        (self.root / "built/worker").write_bytes(program())
        options = package.read_options(["arm64", "--built", str(self.root / "built"), "--into", str(self.root / "zips")])
        package.take_built(["worker"], options)
        package.pack(self.root / "zips/worker", ARM64)
        with zipfile.ZipFile(self.root / "zips/worker/bootstrap.zip") as opened:
            self.assertEqual(opened.read("bootstrap"), program())

    def test_a_python_function_is_packed_with_its_packages_and_its_engine(self):
        def installed(_, folder):
            for file in ("one/__init__.py", "one-1.0.dist-info/METADATA", "bin/one"):
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                (folder / file).write_text("")

        engine = self.root / "qjs"
        engine.write_bytes(program())
        options = package.read_options(["arm64", "--into", str(self.root / "zips")])
        (self.root / "zips/resolve-url").mkdir(parents=True)
        def compiled(folder):
            (folder / "one/__pycache__").mkdir(exist_ok=True)
            (folder / "one/__pycache__/__init__.cpython-313.pyc").write_bytes(package.MAGIC)
            return 1

        replaced = {"install": installed, "compile_ahead": compiled}
        with mock.patch.multiple(package, **replaced), mock.patch.object(package.quickjs, "build", return_value=engine):
            lines = [package.pack_python("resolve-url", options) for _ in range(2)]
        self.assertEqual(lines[0], lines[1])
        with zipfile.ZipFile(self.root / "zips/resolve-url/python.zip") as opened:
            modes = {entry.filename: entry.external_attr >> 16 for entry in opened.infolist()}
        self.assertEqual(modes["qjs"], 0o100755)
        self.assertLessEqual({"handler.py", "guard.py", "one/__init__.py", "one-1.0.dist-info/METADATA"}, set(modes))
        self.assertIn("one/__pycache__/__init__.cpython-313.pyc", modes)
        self.assertFalse([name for name in modes if name.startswith(("bin/", "test", "quickjs", "update"))])

    def modules(self, **sources):
        folder = self.root / "modules"
        for name, source in sources.items():
            (folder / "inner").mkdir(parents=True, exist_ok=True)
            (folder / "inner" / f"{name}.py").write_text(source)
        return folder

    def test_modules_are_compiled_for_lambdas_python(self):
        folder = self.modules(one="def f():\n    return [x for x in 'ab']\n", two="")
        self.assertEqual(package.compile_ahead(folder), 2)
        code = (folder / "inner/__pycache__/one.cpython-313.pyc").read_bytes()
        self.assertEqual(code[:4], package.MAGIC)
        self.assertEqual(int.from_bytes(code[4:8], "little"), 1, "hash-based, and never compared with its source")
        self.assertIn(b"/var/task/inner/one.py", code)
        self.assertNotIn(str(self.root).encode(), code)
        (folder / "inner/__pycache__/one.cpython-313.pyc").unlink()
        package.compile_ahead(folder)
        self.assertEqual((folder / "inner/__pycache__/one.cpython-313.pyc").read_bytes(), code, "the same bytes again")

    def test_a_module_that_is_not_compiled_stops_packaging(self):
        with self.assertRaisesRegex(package.Fault, "inner/broken.py is not compiled for Python 3.13"):
            package.compile_ahead(self.modules(good="", broken="print 1\n"))
        (self.root / "modules/inner/broken.py").unlink()
        self.assertEqual(package.check_compiled(self.root / "modules"), 1)
        with self.assertRaisesRegex(package.Fault, "cannot be compiled ahead"):
            package.run_tool("sh", "-c", "exit 3")
        (self.root / "modules/inner/__pycache__/good.cpython-313.pyc").write_bytes(b"\xa7\r\r\n")
        with self.assertRaisesRegex(package.Fault, "good.py is not compiled"):
            package.check_compiled(self.modules(good=""))

    def test_modules_are_compiled_for_the_runtime_of_the_template(self):
        functions = load_template(package.ROOT / "template.yaml")["Resources"].values()
        runtimes = {f["Properties"].get("Runtime") for f in functions if f["Type"] == "AWS::Serverless::Function"}
        self.assertEqual(runtimes, {None, f"python{package.PYTHON}"})

    def compiler(self, target, libraries, debian):
        """Returns the chosen compiler if rustc prints `libraries` as the target's folder, with or without Debian's compiler."""
        done = mock.Mock(returncode=0 if debian else 1)
        with (
            mock.patch.dict(os.environ, {"RUSTC": ""}),
            mock.patch.object(package, "output_of", return_value=str(libraries)),
            mock.patch.object(package.subprocess, "run", return_value=done) as run,
            contextlib.redirect_stdout(io.StringIO()),
        ):
            return package.compiler_for(package.TARGETS[target][0]), run.call_count

    def test_without_the_standard_library_debians_compiler_is_used_or_a_remedy_named(self):
        (self.root / "libstd-0.rlib").touch()
        for target in ("arm64", "x86_64"):
            self.assertEqual(self.compiler(target, self.root, debian=True), ("rustc", 0))
        compiler, asked = self.compiler("arm64", self.root / "none", debian=True)
        self.assertEqual((compiler.name, compiler.parent.name, asked), ("rustc", "rust-arm64", 1))
        with self.assertRaisesRegex(package.Fault, r"rustup target add aarch64-unknown-linux-gnu"):
            self.compiler("arm64", self.root / "none", debian=False)
        with self.assertRaisesRegex(package.Fault, r"rustup target add x86_64-unknown-linux-gnu"):
            self.compiler("x86_64", self.root / "none", debian=True)

    def test_a_build_calls_no_rustup(self):
        package.refuse_rustup(self.root)
        path = {"PATH": f"{self.root}:{os.environ['PATH']}"}
        done = package.subprocess.run(["rustup", "target", "list"], env=path, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("may not call rustup", done.stderr)

    def test_an_unknown_architecture_is_rejected(self):
        for arguments in ([], ["riscv64"]):
            with self.assertRaises(SystemExit), contextlib.redirect_stderr(io.StringIO()) as errors:
                package.main(arguments)
            self.assertIn("architecture", errors.getvalue())


if __name__ == "__main__":
    unittest.main()
