"""The build's checks fail when they should, and its zip is the same every time."""

import struct
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path
from unittest import mock

import archive
import build
import check
import comparison
import compilation
import host
import sources


def elf(kind=3, machine=62, segments=(1,)):
    """The headers of an ELF program with these segment types."""
    header = bytearray(64)
    header[:6] = b"\x7fELF\x02\x01"
    struct.pack_into("<HH", header, 16, kind, machine)
    struct.pack_into("<Q", header, 32, 64)
    struct.pack_into("<HH", header, 54, 56, len(segments))
    return bytes(header) + b"".join(struct.pack("<I52x", segment) for segment in segments)


class Elf(unittest.TestCase):
    def test_a_static_position_independent_program_passes(self):
        check.check_elf(elf(), "x86_64")
        check.check_elf(elf(machine=183), "aarch64")

    def test_everything_else_fails(self):
        others = {
            "no 64-bit": b"#!/bin/sh\n",
            "for ELF machine 62": elf(),
            "not position-independent": elf(kind=2, machine=183),
            "names a loader": elf(machine=183, segments=(1, 3)),
        }
        for reason, content in others.items():
            with self.subTest(reason), self.assertRaisesRegex(check.CheckError, reason):
                check.check_elf(content, "aarch64")


class Readable(unittest.TestCase):
    def test_what_is_listed_passes_and_any_other_list_fails(self):
        listed = check.READABLE.read_text().splitlines()
        check.check_readable(listed)
        with self.assertRaisesRegex(check.CheckError, r"\+ demuxer hls"):
            check.check_readable([*listed, "demuxer hls"])
        with self.assertRaisesRegex(check.CheckError, "- " + listed[0]):
            check.check_readable(listed[1:])

    def test_it_opens_nothing_but_http(self):
        listed = check.READABLE.read_text().splitlines()
        self.assertEqual([line for line in listed if line.startswith("protocol ")], ["protocol http", "protocol tcp"])

    def test_the_whitelist_and_the_demuxers_are_compared_both_ways(self):
        listed = check.READABLE.read_text().splitlines()
        check.check_whitelist(listed)
        with self.assertRaisesRegex(check.CheckError, "built, but not allowed: hls"):
            check.check_whitelist([*listed, "demuxer hls"])
        with self.assertRaisesRegex(check.CheckError, "allowed, but not built: flac"):
            check.check_whitelist([line for line in listed if line != "demuxer flac"])


class Differences(unittest.TestCase):
    def test_only_what_was_reviewed_is_allowed(self):
        reviewed = comparison.Reviewed()
        self.assertTrue(reviewed.allows("a.mp4", "format.nb_stream_groups", comparison.ABSENT, 0))
        self.assertFalse(reviewed.allows("a.mp4", "format.nb_stream_groups", 1, 0))
        self.assertFalse(reviewed.allows("a.mp4", "streams.0.width", 320, 321))
        self.assertTrue(reviewed.allows("picture.jxl", "streams.0.pix_fmt", "rgb24", comparison.ABSENT))
        self.assertFalse(reviewed.allows("rgb.png", "streams.0.pix_fmt", "rgb24", comparison.ABSENT))

    def test_every_rule_says_why(self):
        for rule in comparison.Reviewed().rules:
            self.assertTrue(rule["why"] and rule["path"], rule)

    def test_leaves_have_their_path(self):
        value = {"streams": [{"index": 0}, {"tags": {"title": "x"}}], "status": 0}
        self.assertEqual(
            comparison.flat(value), {"streams.0.index": 0, "streams.1.tags.title": "x", "status": 0}
        )


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_the_zip_is_the_same_every_time(self):
        files = [("bin/ffprobe", b"program" * 1000, True), ("ffprobe/LICENSE", b"text", False)]
        for name in ("one.zip", "two.zip"):
            archive.write_zip(self.folder / name, files)
        one = (self.folder / "one.zip").read_bytes()
        self.assertEqual(one, (self.folder / "two.zip").read_bytes())
        self.assertEqual(check.unpack(self.folder / "one.zip", "ffprobe", self.folder).read_bytes(), files[0][1])

    def test_the_host_s_program_is_put_in_place_once(self):
        path = self.folder / "release/ffprobe"
        host.place(b"one", path)
        first = path.stat()
        self.assertTrue(first.st_mode & 0o100)
        host.place(b"one", path)
        self.assertEqual(path.stat().st_ino, first.st_ino)
        host.place(b"two", path)
        self.assertEqual((path.read_bytes(), path.stat().st_ino == first.st_ino), (b"two", False))

    def test_a_source_with_another_checksum_is_refused(self):
        (self.folder / "published.tar").write_bytes(b"not what is pinned")
        pin = {
            "version": "1",
            "url": (self.folder / "published.tar").as_uri(),
            "sha256": "0" * 64,
            "pool": "x/x.tar",
            "pool_sha256": "1" * 64,
        }
        with mock.patch.object(sources, "mirrors", return_value=[]), mock.patch("builtins.print"):
            with self.assertRaisesRegex(sources.SourceError, "is not the pinned file"):
                sources.fetch("x", pin, self.folder / "fetched")
            self.assertEqual(list((self.folder / "fetched").iterdir()), [])
            pin["sha256"] = sources.sha256(self.folder / "published.tar")
            self.assertTrue(sources.fetch("x", pin, self.folder / "fetched").is_file())


    def test_pkg_config_knows_dav1d_alone(self):
        (self.folder / "dav1d").mkdir()
        layer = build.load("ffmpeg")
        workshop = compilation.Workshop(
            self.folder, Path("zig"), layer["architectures"]["x86_64"], layer["configure"], jobs=1
        )

        def answer(*arguments):
            command = [str(workshop.tools / "target-pkg-config"), *arguments]
            result = subprocess.run(command, capture_output=True, text=True)
            return result.returncode, result.stdout.strip()

        self.assertEqual(answer("--exists", "--print-errors", "dav1d >= 0.5.0"), (0, ""))
        self.assertEqual(answer("--cflags", "dav1d"), (0, ""))
        self.assertEqual(answer("--libs", "dav1d"), (0, "-ldav1d -lpthread"))
        self.assertEqual(answer("--exists", "--print-errors", "zlib"), (1, ""))


class Sources(unittest.TestCase):
    def test_only_ffmpeg_is_linked_with_dav1d(self):
        self.assertIn("dav1d", build.load("ffmpeg"))
        self.assertIn("libdav1d", build.load("ffmpeg")["components"]["decoder"].split())
        self.assertNotIn("dav1d", build.load("ffprobe"))
        self.assertNotIn("libdav1d", build.load("ffprobe")["components"]["decoder"].split())

    def test_the_layer_says_what_it_is_made_of(self):
        for program, linked in (("ffmpeg", True), ("ffprobe", False)):
            layer = build.load(program)
            workshop = mock.Mock(**{"options.return_value": ["--one", "--two=a b"]})
            text = build.pointer(layer, workshop, [part for part in build.SOURCES if part in layer])
            self.assertIn("\n    --one '--two=a b'\n", text)
            for part in ("ffmpeg", "zlib"):
                self.assertIn(f"    {layer[part]['url']}\n    SHA-256 {layer[part]['sha256']}\n", text)
            self.assertEqual("LICENSE.dav1d" in text, linked)
            self.assertEqual("/dav1d-" in text, linked)


class Host(unittest.TestCase):
    LAYER = {"architectures": {"x86_64": {"machine": "x86_64"}, "arm64": {"machine": "aarch64"}}}

    def test_the_machine_has_a_layer_or_is_told_what_to_do(self):
        with mock.patch("platform.machine", return_value="aarch64"):
            self.assertEqual(host.architecture(self.LAYER), "arm64")
        with mock.patch("platform.machine", return_value="riscv64"), mock.patch("builtins.print") as printed:
            self.assertEqual(host.main(["ffprobe", "nowhere"]), 1)
        self.assertIn("FILES_FFPROBE=", printed.call_args.args[0])

    def test_a_long_build_prints_its_time(self):
        noted = threading.Event()
        with mock.patch("builtins.print", side_effect=lambda *_, **__: noted.set()) as printed:
            with host.notes("ffprobe", seconds=0.01):
                self.assertTrue(noted.wait(30))
            with host.notes("ffprobe", seconds=60):
                calls = printed.call_count
        self.assertIn("s so far", printed.call_args.args[0])
        self.assertEqual(printed.call_count, calls, "a short one prints nothing")


if __name__ == "__main__":
    unittest.main()
