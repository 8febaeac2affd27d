"""install.sh and check-rust.sh install or name what a machine lacks."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent
# The commands that the scripts themselves need. Each test adds others.
BASE = ("bash", "env", "cat", "cut", "dirname", "head", "id", "mktemp", "rm", "sed", "sort", "tail")


class Machine(unittest.TestCase):
    """A machine is a folder that is its whole PATH."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.bin = Path(folder.name)
        for command in BASE:
            (self.bin / command).symlink_to(shutil.which(command))

    def has(self, *commands, does="exit 0"):
        for command in commands:
            (self.bin / command).unlink(missing_ok=True)
            (self.bin / command).write_text(f"#!{shutil.which('bash')}\n{does}\n")
            (self.bin / command).chmod(0o755)

    def run_script(self, name, *arguments, **variables):
        command = [shutil.which("bash"), str(SCRIPTS / name), *arguments]
        environment = {"PATH": str(self.bin), "TMPDIR": str(self.bin)} | variables
        return subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)


FOR_TESTS = "ffmpeg (for the tests' media, and to compare ffprobe with); mediainfo (to compare metadata with)"


class Install(Machine):
    def test_print_names_packages_and_reasons_and_installs_nothing(self):
        self.has("cc", "curl")
        self.has("uname", does="echo x86_64")
        self.has("apt-get", "sudo", does=f"echo called >>{self.bin}/calls")
        result = self.run_script("install.sh", "build", "run", "test", "prove", SETUP="print")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertTrue(result.stdout.startswith(f"Would install: {FOR_TESTS}"), result.stdout)
        self.assertFalse((self.bin / "calls").exists())
        self.has("ffmpeg", "ffprobe", "mediainfo")
        result = self.run_script("install.sh", "build", "run", "test", SETUP="print")
        self.assertEqual((result.returncode, result.stdout), (0, "Nothing to install.\n"))

    def test_it_does_nothing_if_nothing_is_missing(self):
        self.has("cc", "ffmpeg", "ffprobe", "mediainfo", "curl", "git", "make", "python3")
        self.has("apt-get", does="exit 1")
        result = self.run_script("install.sh", "build", "run", "test", "lint", "layer")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))

    def test_it_installs_only_missing_packages_and_says_why(self):
        self.has("cc", "curl")
        self.has("id", does="echo 0")
        self.has("apt-get", does=f'echo "$*" >>{self.bin}/calls')
        result = self.run_script("install.sh", "build", "test")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout, f"Installing with apt-get (may take a minute): {FOR_TESTS}\n")
        calls = (self.bin / "calls").read_text().splitlines()
        self.assertTrue(calls[0].endswith("update"), calls)
        self.assertTrue(calls[1].endswith("install -y --no-install-recommends ffmpeg mediainfo"), calls)

    def test_other_users_use_sudo_without_a_password_prompt(self):
        self.has("ffmpeg", "ffprobe", "curl", "apt-get")
        self.has("id", does="echo 1000")
        self.has("sudo", does=f'printf "%s\\n" "$*" >>{self.bin}/calls')
        self.assertEqual(self.run_script("install.sh", "build").returncode, 0)
        calls = (self.bin / "calls").read_text()
        self.assertTrue(calls.startswith("-n env DEBIAN_FRONTEND=noninteractive apt-get"), calls)
        self.assertIn("gcc libc6-dev", calls)

    def test_the_proof_of_the_layer_installs_qemu_only_with_apt_get(self):
        self.has("ffmpeg", "ffprobe", "python3")
        self.has("uname", does="echo x86_64")
        result = self.run_script("install.sh", "prove")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))
        self.has("id", does="echo 0")
        self.has("apt-get", does=f'echo "$*" >>{self.bin}/calls')
        self.assertEqual(self.run_script("install.sh", "prove").returncode, 0)
        self.assertIn("install -y --no-install-recommends qemu-user\n", (self.bin / "calls").read_text())
        self.has("qemu-aarch64")
        self.assertEqual(self.run_script("install.sh", "prove").stdout, "")

    def test_without_apt_get_it_names_missing_commands_and_stops(self):
        self.has("ffmpeg", "ffprobe", "curl")
        result = self.run_script("install.sh", "build", "run")
        self.assertEqual(result.returncode, 1)
        self.assertIn("Missing: cc (C compiler and headers, for ring and SQLite).", result.stderr)

    def test_without_root_and_sudo_it_prints_the_command(self):
        self.has("cc", "curl", "apt-get")
        self.has("id", does="echo 1000")
        result = self.run_script("install.sh", "test")
        self.assertEqual(result.returncode, 1)
        self.assertIn("apt-get install ffmpeg", result.stderr)

    def test_a_failed_installation_shows_the_log(self):
        self.has("cc", "ffmpeg", "ffprobe")
        self.has("id", does="echo 0")
        self.has("apt-get", does="echo 'E: no such package' >&2; exit 100")
        result = self.run_script("install.sh", "run")
        self.assertEqual(result.returncode, 1)
        self.assertIn("E: no such package", result.stderr)
        self.assertIn("Missing: curl", result.stderr)


class Rust(Machine):
    def test_missing_rust_is_reported(self):
        result = self.run_script("check-rust.sh")
        self.assertEqual(result.returncode, 1)
        self.assertIn("Rust is missing", result.stderr)

    def test_versions_are_compared_as_numbers(self):
        manifest = (SCRIPTS.parents[1] / "Cargo.toml").read_text()
        wanted = re.search(r'^rust-version = "(.*)"', manifest, re.MULTILINE)[1]
        major, minor = wanted.split(".")[:2]
        for found, code in ((f"{major}.9.0", 1), (wanted, 0), (f"{major}.{int(minor) + 10}.0-nightly", 0)):
            with self.subTest(found):
                self.has("cargo")
                self.has("rustc", does=f"echo 'rustc {found} (0000 2026-01-01)'")
                result = self.run_script("check-rust.sh")
                self.assertEqual(result.returncode, code, result.stderr)
                self.assertEqual("too old" in result.stderr, code == 1)

    def test_a_missing_component_is_reported(self):
        self.has("rustc", does="echo 'rustc 999.0.0 (0000 2026-01-01)'")
        self.has("cargo", does='[ "$1" = fmt ]')
        result = self.run_script("check-rust.sh", "rustfmt", "clippy")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stderr, "clippy is missing (rustup component add clippy).\n")


if __name__ == "__main__":
    unittest.main()
