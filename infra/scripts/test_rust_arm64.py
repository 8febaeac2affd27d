"""rust-arm64.sh downloads from the machine's apt sources without changing the machine, and names the reason for a failure."""

import os
import shutil
import tempfile
from pathlib import Path

import test_install

WANTED = "1.94.1"
TOOLS = ("chmod", "cksum", "grep", "mkdir", "mv", "readlink", "tar")


@test_install.unittest.skipUnless(shutil.which("dpkg"), "versions are compared by dpkg")
class RustArm64(test_install.Machine):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        (self.root / "infra/scripts").mkdir(parents=True)
        (self.root / "Cargo.toml").write_text(f'rust-version = "{WANTED}"\n')
        self.script = Path(shutil.copy(test_install.SCRIPTS / "rust-arm64.sh", self.root / "infra/scripts"))
        for command in TOOLS:
            (self.bin / command).symlink_to(shutil.which(command))
        self.calls = self.bin / "calls"

    def is_debian(self, architecture="amd64", candidate="1.96.0+dfsg1-1", downloads="exit 0"):
        log = f'echo "${{0##*/}} $*" >>{self.calls}'
        self.has("dpkg", does=f'if [ "$1" = --print-architecture ]; then echo {architecture}; else exec {shutil.which("dpkg")} "$@"; fi')
        self.has("apt-cache", does=f"{log}\ncase $* in *policy*) echo '  Candidate: {candidate}' ;; *) echo libllvm; echo libc6 ;; esac")
        self.has("apt-get", does=f"{log}\ncase $* in *download*) {downloads} ;; esac")

    def run_for(self, purpose):
        return self.run_script(self.script, purpose)

    def left(self):
        return sorted(path.name for path in (self.root / ".tools").glob("*"))

    def test_on_other_systems_it_names_the_reason(self):
        result = self.run_for("compiler")
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertIn("needs Debian for x86_64", result.stderr)
        self.is_debian(architecture="arm64")
        self.assertIn("needs Debian for x86_64", self.run_for("emulator").stderr)
        self.assertFalse(self.calls.exists())

    def test_a_compiler_that_is_too_old_is_rejected(self):
        for candidate in ("1.85.0+dfsg3-1~deb12u3", "(none)"):
            self.is_debian(candidate=candidate)
            result = self.run_for("compiler")
            self.assertEqual(result.returncode, 1, result.stdout)
            self.assertIn(f"but {WANTED} or newer is needed", result.stderr)
        self.assertNotIn(" download ", self.calls.read_text())
        self.assertEqual(self.left(), [])

    def test_apt_uses_its_own_files_and_installs_nothing(self):
        self.is_debian(downloads="echo 'E: gone' >&2; exit 100")
        for purpose in ("compiler", "emulator"):
            result = self.run_for(purpose)
            self.assertEqual(result.returncode, 1)
            self.assertIn("E: gone", result.stderr)
        calls = self.calls.read_text().splitlines()
        tools = os.path.realpath(self.root / ".tools")
        for call in calls:
            for option in ("Dir::State", "Dir::State::status", "Dir::State::lists", "Dir::Cache"):
                self.assertIn(f" {option}={tools}/apt-", call)
            self.assertNotIn("install", call)
        downloads = [call.partition(" download ")[2] for call in calls if " download " in call]
        self.assertEqual(downloads, ["rustc-web libllvm libstd-rust-web-dev:arm64", "qemu-user-static"])
        self.assertEqual(self.left(), [])

    def test_the_download_is_kept_until_the_script_or_the_version_changes(self):
        self.is_debian(downloads="exit 100")
        cksum = test_install.subprocess.run(["cksum"], input=self.script.read_bytes(), capture_output=True).stdout.decode()
        for folder in ("rust-arm64", "arm64"):
            (self.root / ".tools" / folder).mkdir(parents=True)
            (self.root / ".tools" / folder / "made-from").write_text(f"{WANTED} {cksum}")
        for purpose in ("compiler", "emulator"):
            result = self.run_for(purpose)
            self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))
        self.assertFalse(self.calls.exists())
        (self.root / "Cargo.toml").write_text('rust-version = "1.95.0"\n')
        self.assertEqual(self.run_for("compiler").returncode, 1)
        self.assertEqual(self.left(), ["arm64", "rust-arm64"], "what was there stays until its successor is whole")


if __name__ == "__main__":
    test_install.unittest.main()
