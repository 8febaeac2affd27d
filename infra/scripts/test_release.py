"""A release has everything that a deployment needs, for one architecture; its checksums are right, and the same inputs give the same bytes."""

import struct
import subprocess
import tempfile
import unittest
import zipfile
from pathlib import Path

import package
import release
from check_template import dependencies, find_cycle
from transform import ROOT, artefacts, load_template, transformed

SOURCE = (ROOT / "template.yaml").read_text(encoding="utf-8")
TEMPLATE = load_template(ROOT / "template.yaml")
CODE = {uri for _, uri in artefacts(TEMPLATE).values()}
CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n- soon\n\n## [0.2.0] - 2026-12-01\n\n### Added\n\n- this\n\n## [0.1.0]\n\n- that\n"


def program(architecture):
    """Returns the beginning of a program for an architecture."""
    return b"\x7fELF" + bytes(14) + struct.pack("<H", package.TARGETS[architecture][1])


class Release(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.folder = self.root / "target/release-0.2.0"
        for name in (*release.FILES, *CODE, release.README, release.ADMIN, "infra/docs/deploy.md", "target/sbom.cdx.json"):
            self.write(name, name.encode())
        self.write("template.yaml", SOURCE.encode())
        self.write("CHANGELOG.md", CHANGELOG.encode())
        self.write("Cargo.toml", b'[workspace.package]\nversion = "0.2.0"\n')
        self.package("arm64")

    def write(self, name, content):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def package(self, architecture):
        """Imitates `make package`, with small programs."""
        self.write(release.ADMIN, program(architecture))
        for uri in CODE:
            if uri.endswith("/bootstrap.zip"):
                release.write_zip(self.root / uri, [("bootstrap", program(architecture) + uri.encode(), True)])

    def make(self, *architectures):
        for architecture in architectures or ("arm64", "x86_64"):
            self.package(architecture)
            release.add(self.root, TEMPLATE, self.folder, "0.2.0", architecture)
        return release.finish(self.root, self.folder, "0.2.0")

    def test_the_template_of_a_zip_names_only_files_that_lie_beside_it(self):
        self.make()
        for architecture in ("arm64", "x86_64"):
            with self.subTest(architecture), tempfile.TemporaryDirectory() as folder:
                with zipfile.ZipFile(self.folder / f"files-0.2.0-{architecture}.zip") as archive:
                    archive.extractall(folder)
                template = load_template(Path(folder) / "template.yaml")
                self.assertEqual({uri for _, uri in artefacts(template).values()}, CODE)
                self.assertEqual([uri for uri in CODE if not (Path(folder) / uri).is_file()], [])
                self.assertIsNone(find_cycle(dependencies(transformed(template))))

    def test_the_template_of_a_zip_is_for_its_architecture_alone(self):
        self.make()
        for architecture in ("arm64", "x86_64"):
            with zipfile.ZipFile(self.folder / f"files-0.2.0-{architecture}.zip") as archive:
                text = archive.read("template.yaml").decode()
                self.assertIn(package.TARGETS[architecture][1].to_bytes(2, "little"), archive.read("bin/files-admin"))
            self.assertEqual(len(text.splitlines()), len(SOURCE.splitlines()))
            path = self.root / "template-of-zip.yaml"
            path.write_text(text)
            parameter = load_template(path)["Parameters"]["Architecture"]
            self.assertEqual((parameter["Default"], parameter["AllowedValues"]), (architecture, [architecture]))

    def test_a_platform_engineer_finds_instructions_pages_and_a_program_to_make_keys(self):
        self.make()
        with zipfile.ZipFile(self.folder / "files-0.2.0-arm64.zip") as archive:
            self.assertEqual(archive.read("README.md").decode(), release.README)
            self.assertLessEqual({"infra/docs/deploy.md", "samconfig.toml"}, set(archive.namelist()))
            programs = [one.filename for one in archive.infolist() if one.external_attr >> 16 & 0o111]
        self.assertEqual(programs, ["bin/files-admin"])

    def test_zips_of_the_other_architecture_are_refused(self):
        self.package("x86_64")
        with self.assertRaisesRegex(package.Fault, "is built for another architecture"):
            release.add(self.root, TEMPLATE, self.folder, "0.2.0", "arm64")

    def test_a_template_without_the_known_parameter_is_refused(self):
        with self.assertRaisesRegex(release.Fault, "no parameter Architecture"):
            release.template_of(SOURCE.replace("Default: arm64", "Default: x86_64"), "arm64")

    def test_the_checksums_are_those_of_all_files(self):
        found = self.make()
        lines = [line.split("  ") for line in (self.folder / "SHA256SUMS").read_text().splitlines()]
        self.assertEqual([name for _, name in lines], [path.name for path in found])
        self.assertEqual({path.name for path in found}, {
            "CHANGES.md", "files-0.2.0-arm64.zip", "files-0.2.0-x86_64.zip", "files-0.2.0.cdx.json",
            *(f"files-0.2.0-{program}-layer-{architecture}.zip" for program in ("ffprobe", "ffmpeg") for architecture in ("arm64", "x86_64"))})

    def test_sha256sum_accepts_them_and_finds_a_change(self):
        self.make()
        check = ["sha256sum", "--check", "--strict", "--ignore-missing", "SHA256SUMS"]
        done = subprocess.run(check, cwd=self.folder, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done.stderr)
        (self.folder / "files-0.2.0-x86_64.zip").unlink()  # only one architecture was downloaded
        self.assertEqual(subprocess.run(check, cwd=self.folder, capture_output=True, stdin=subprocess.DEVNULL).returncode, 0)
        (self.folder / "files-0.2.0-arm64.zip").write_bytes(b"other")
        done = subprocess.run(check, cwd=self.folder, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        self.assertIn("files-0.2.0-arm64.zip: FAILED", done.stdout)

    def test_the_same_inputs_give_the_same_bytes(self):
        self.make()
        first = (self.folder / "SHA256SUMS").read_text()
        self.make()
        self.assertEqual((self.folder / "SHA256SUMS").read_text(), first)

    def test_the_changes_are_those_of_the_version(self):
        self.assertEqual(release.changes(CHANGELOG, "0.2.0"), "### Added\n\n- this\n")
        with self.assertRaisesRegex(release.Fault, "no section of 0.3.0"):
            release.changes(CHANGELOG, "0.3.0")

    def test_a_tag_of_another_version_is_refused(self):
        self.assertEqual(release.version_of(self.root, "v0.2.0"), "0.2.0")
        with self.assertRaisesRegex(release.Fault, "the tag is v0.3.0"):
            release.version_of(self.root, "v0.3.0")

    def test_what_is_not_built_is_named(self):
        for name in ("layers/ffmpeg/dist/ffmpeg-layer-x86_64.zip", "target/lambda/get-file/bootstrap.zip", release.ADMIN):
            kept = (self.root / name).read_bytes()
            (self.root / name).unlink()
            with self.assertRaisesRegex(release.Fault, f"missing: {name}; run `make release ARCHITECTURE=arm64`"):
                release.add(self.root, TEMPLATE, self.folder, "0.2.0", "arm64")
            self.write(name, kept)

    def test_the_files_of_a_release_exist(self):
        self.assertEqual([name for name in (*release.FILES, release.README, "template.yaml") if not (ROOT / name).is_file()], [])


if __name__ == "__main__":
    unittest.main()
