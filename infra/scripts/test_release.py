"""A release has everything that a deployment needs, its checksums are right, and the same inputs give the same bytes."""

import hashlib
import tempfile
import unittest
import zipfile
from pathlib import Path

import release
from transform import ROOT, code_uris, load_template

TEMPLATE = load_template(ROOT / "template.yaml")
CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n- soon\n\n## [0.2.0] - 2026-12-01\n\n### Added\n\n- this\n\n## [0.1.0]\n\n- that\n"


class Release(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.folder = self.root / "target/release-0.2.0"
        for name in (*release.FILES, *code_uris(TEMPLATE), release.layer("arm64"), release.layer("x86_64"), "target/sbom.cdx.json"):
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
        (self.root / "CHANGELOG.md").write_text(CHANGELOG)
        (self.root / "Cargo.toml").write_text('[workspace.package]\nversion = "0.2.0"\n')

    def make(self):
        for architecture in ("arm64", "x86_64"):
            release.add(self.root, TEMPLATE, self.folder, "0.2.0", architecture)
        return release.finish(self.root, self.folder, "0.2.0")

    def test_a_zip_has_the_template_and_every_file_that_it_names(self):
        self.make()
        with zipfile.ZipFile(self.folder / "files-0.2.0-arm64.zip") as archive:
            names = set(archive.namelist())
        self.assertLessEqual({"template.yaml", "samconfig.toml", *code_uris(TEMPLATE), release.layer("arm64")}, names)
        self.assertNotIn(release.layer("x86_64"), names)

    def test_the_checksums_are_those_of_all_files(self):
        found = self.make()
        lines = [line.split("  ") for line in (self.folder / "SHA256SUMS").read_text().splitlines()]
        self.assertEqual([name for _, name in lines], [path.name for path in found])
        self.assertEqual({path.name for path in found}, {
            "CHANGES.md", "files-0.2.0-arm64.zip", "files-0.2.0-x86_64.zip", "files-0.2.0.cdx.json",
            "files-0.2.0-ffprobe-layer-arm64.zip", "files-0.2.0-ffprobe-layer-x86_64.zip"})
        for digest, name in lines:
            self.assertEqual(hashlib.sha256((self.folder / name).read_bytes()).hexdigest(), digest)

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
        (self.root / release.layer("arm64")).unlink()
        with self.assertRaisesRegex(release.Fault, "missing: layers/ffprobe/dist/ffprobe-layer-arm64.zip"):
            release.add(self.root, TEMPLATE, self.folder, "0.2.0", "arm64")

    def test_the_files_of_a_release_exist(self):
        self.assertEqual([name for name in release.FILES if not (ROOT / name).is_file()], [])


if __name__ == "__main__":
    unittest.main()
