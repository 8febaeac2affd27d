"""The choice of a picture and a sound in separate formats."""

import os
import unittest
from unittest import mock

os.environ["FILES_IMPORT_ALLOW_HOSTS"] = "127.0.0.1"

import answer


def stream(name, vcodec="none", acodec="none", height=None, ext="mp4", **more):
    url = f"https://media.example/{name}"
    return {"url": url, "protocol": "https", "vcodec": vcodec, "acodec": acodec, "height": height, "ext": ext, **more}


WHOLE = stream("whole", "avc1", "mp4a", 360)
SOUNDS = [stream("opus", acodec="opus", ext="webm"), stream("m4a", acodec="mp4a", ext="m4a")]
PICTURES = [stream(f"{height}p", "avc1", height=height) for height in (360, 1080, 2160)]


class SeparateStreams(unittest.TestCase):
    def chosen(self, *formats, height=1080):
        """Returns the names of the best format, the picture and the sound, and of the manifest if there is one."""
        with mock.patch.object(answer, "MAX_JOINED_HEIGHT", height):
            found = answer.answer({"title": "Film", "formats": list(formats)})
        urls = [one["url"].rsplit("/", 1)[1] for one in found["formats"]]
        indexes = [found[name] for name in ("best", "picture", "sound", "manifest")]
        chosen = [None if index is None else urls[index] for index in indexes]
        return chosen if chosen[3] else chosen[:3]

    def test_the_highest_picture_within_the_limit_is_joined_with_the_sound_of_its_container(self):
        self.assertEqual(self.chosen(*SOUNDS, *PICTURES), [None, "1080p", "m4a"])
        self.assertEqual(self.chosen(*SOUNDS, *PICTURES, height=4320), [None, "2160p", "m4a"])
        webm = stream("vp9", "vp9", height=1080, ext="webm")
        self.assertEqual(self.chosen(*SOUNDS, webm), [None, "vp9", "opus"])
        self.assertEqual(self.chosen(SOUNDS[0], PICTURES[1]), [None, "1080p", "opus"])
        self.assertEqual(self.chosen(SOUNDS[1], PICTURES[2], height=720), [None, "2160p", "m4a"], "the only one")

    def test_a_whole_format_of_the_same_height_wins(self):
        self.assertEqual(self.chosen(*SOUNDS, WHOLE, *PICTURES), ["whole", "1080p", "m4a"])
        self.assertEqual(self.chosen(*SOUNDS, WHOLE, *PICTURES, height=360), ["whole", None, None])
        self.assertEqual(self.chosen(*SOUNDS, WHOLE, *PICTURES, height=0), ["whole", None, None])

    def test_the_preferred_language_is_chosen(self):
        original = stream("original", acodec="opus", ext="webm", language_preference=10)
        dubbed = stream("dubbed", acodec="mp4a", ext="m4a", language_preference=-1)
        self.assertEqual(self.chosen(original, dubbed, PICTURES[1]), [None, "1080p", "original"])

    def test_a_whole_format_wins_over_what_is_too_high_to_be_joined(self):
        self.assertEqual(self.chosen(*SOUNDS, WHOLE, PICTURES[1], height=720), ["whole", None, None])

    def test_the_highest_whole_format_is_chosen_and_a_file_at_equal_height(self):
        for height, best in ((360, "whole"), (720, "playlist"), (None, "whole")):
            playlist = stream("playlist", "avc1", "mp4a", height, protocol="m3u8_native")
            self.assertEqual(self.chosen(playlist, WHOLE), [best, None, None], height)
            self.assertEqual(self.chosen(WHOLE, playlist), [best, None, None], height)
            segments = playlist | {"protocol": "http_dash_segments"}
            self.assertEqual(self.chosen(segments, WHOLE), [best, None, None], height)
            if height == 720:
                self.assertEqual(self.chosen(playlist | {"url": "x/p"}, segments, WHOLE), ["p", None, None])
        self.assertEqual(self.chosen(WHOLE, playlist | {"height": 720}, *SOUNDS, PICTURES[1]), ["playlist", "1080p", "m4a"])

    def test_a_translation_does_not_win_over_the_original(self):
        original = WHOLE | {"language_preference": 10}
        higher = stream("playlist", "avc1", "mp4a", 720, protocol="m3u8_native")
        self.assertEqual(self.chosen(original, higher, *SOUNDS, PICTURES[1]), ["whole", None, None])

    def test_a_manifest_of_segments_is_read_by_who_imports_it(self):
        def segments(*codecs, url="a", **more):
            return stream("x", *codecs, protocol="http_dash_segments", **more) | {"url": f"https://media.example/{url}"}

        sound, picture, other = segments("none", "mp4a"), segments("avc1"), segments("avc1", url="b")
        self.assertEqual(self.chosen(sound, picture), [None, None, None, "a"])
        self.assertEqual(self.chosen(sound, picture, other), [None, None, None, "a"], "the other manifest has no sound")
        self.assertEqual(self.chosen(sound, picture, WHOLE), ["whole", None, None], "nothing tells that it is higher")
        high = picture | {"height": 1080}
        self.assertEqual(self.chosen(sound, high, WHOLE), ["whole", None, None, "a"])
        self.assertEqual(self.chosen(sound, high, WHOLE, height=720), ["whole", None, None])
        self.assertEqual(self.chosen(sound, high, *SOUNDS, *PICTURES), [None, "1080p", "m4a"])
        self.assertEqual(self.chosen(sound, high, *SOUNDS, PICTURES[0]), [None, "360p", "m4a", "a"])
        for formats in ([sound, other], [sound, picture | {"has_drm": True}]):
            with self.assertRaises(answer.Unusable):
                self.chosen(*formats)

    def test_a_playlist_that_has_sounds_too_is_read_by_who_imports_it(self):
        def variant(name, vcodec="avc1", acodec="none", **more):
            return stream(name, vcodec, acodec, 1080, protocol="m3u8_native", manifest_url="https://media.example/master", **more)

        sound, picture = variant("sound", "none", None), variant("picture")
        self.assertEqual(self.chosen(sound, picture), [None, "picture", "sound", "master"])
        self.assertEqual(self.chosen(sound, picture, WHOLE), ["whole", "picture", "sound", "master"])
        self.assertEqual(self.chosen(sound, picture, *SOUNDS, PICTURES[1]), [None, "1080p", "m4a"])
        for unknown in (picture | {"acodec": None}, picture | {"acodec": None, "vcodec": None}):
            self.assertEqual(self.chosen(sound, unknown), [None, "picture", "sound", "master"], "it may be silent")
            self.assertEqual(self.chosen(unknown), ["picture", None, None], "there is no other sound")
        self.assertEqual(self.chosen(sound | {"acodec": "mp4a"}, picture | {"acodec": None}), ["picture", None, None], "a variant")
        complete = variant("complete", acodec="mp4a")
        self.assertEqual(self.chosen(sound, complete), ["complete", None, None])
        for unreadable in ({"manifest_url": None}, {"manifest_url": "file:///etc/passwd"}):
            self.assertEqual(self.chosen(sound | unreadable, picture | unreadable), [None, "picture", "sound"])
        with self.assertRaises(answer.Unusable) as raised:
            self.chosen(sound, picture | {"acodec": None}, height=0)
        self.assertEqual(raised.exception.reason, "separate_streams")

    def test_a_pair_is_used_if_no_whole_format_can_be_read(self):
        self.assertEqual(self.chosen(WHOLE | {"protocol": "rtmp"}, *SOUNDS, PICTURES[1]), [None, "1080p", "m4a"])

    def test_what_cannot_be_joined_is_refused(self):
        for formats, height, reason in (
            ([*SOUNDS, *PICTURES], 0, "separate_streams"),
            ([stream("s", acodec="opus", protocol="http_dash_segments"), *PICTURES], 1080, "separate_streams"),
            ([SOUNDS[0] | {"has_drm": True}, *PICTURES], 1080, "drm"),
        ):
            with self.assertRaises(answer.Unusable) as raised:
                self.chosen(*formats, height=height)
            self.assertEqual(raised.exception.reason, reason)


if __name__ == "__main__":
    unittest.main()
