"""Chapters, subtitles and thumbnails: of local pages with the real yt-dlp, and of results with hostile values."""

import itertools
import json
import math
import unittest

from test_pages import PageTest

import answer
import described


def read(**info):
    """Returns the response for a video with one format."""
    found = answer.answer({"formats": [{"url": "https://media.example/1", "protocol": "https"}], **info})
    json.dumps(found, allow_nan=False)
    return found


def track(path, ext="vtt", **more):
    return {"url": f"https://media.example/{path}", "ext": ext, **more}


def urls(tracks):
    return [one["url"].rsplit("/", 1)[1] for one in tracks]


class Pages(PageTest):
    def film(self, **facts):
        """Returns a page whose linked data have these facts."""
        data = {"@context": "https://schema.org", "@type": "VideoObject", "name": "Film"}
        data |= {"contentUrl": self.pages.base + "/film.mp4", "duration": "PT1M"} | facts
        return f'<script type="application/ld+json">{json.dumps(data)}</script>'

    def test_the_tracks_of_a_player(self):
        answer, _ = self.found(
            '<title>Player</title><video poster="/still.jpg"><source src="/film.mp4" type="video/mp4">'
            '<track kind="subtitles" src="/en.vtt" srclang="en"><track kind="captions" src="/de.srt?signature=x" srclang="de">'
            '<track src="/tracks/3" label="Deutsch"><track kind="subtitles" src="/unknown">'
            '<track kind="chapters" src="/chapters.vtt"><track kind="metadata" src="/sprites.vtt"></video>'
        )
        base = self.pages.base
        expected = [
            ("en", "vtt", base + "/en.vtt"),
            ("de", "srt", base + "/de.srt?signature=x"),
            ("Deutsch", "vtt", base + "/tracks/3"),
            ("", "vtt", base + "/unknown"),
        ]
        self.assertEqual([(one["language"], one["format"], one["url"]) for one in answer["subtitles"]], expected)
        self.assertFalse(any(one["automatic"] or one["name"] for one in answer["subtitles"]))
        self.assertEqual((answer["thumbnail_url"], answer["chapters"]), (base + "/still.jpg", []))
        self.assertEqual([path for path, _ in self.pages.asked if path != "/page"], [], "only listed")

    def test_the_chapters_of_linked_data(self):
        parts = [{"@type": "Clip", "name": name, "startOffset": start} for name, start in (("One", 0), ("Two", "12.5"), (None, 40))]
        answer, _ = self.found(self.film(hasPart=parts, thumbnailUrl=["https://a.example/1.jpg", "https://a.example/2.jpg"]))
        chapters = [(0, 12.5, "One"), (12.5, 40, "Two"), (40, 60, None)]
        self.assertEqual([tuple(one.values()) for one in answer["chapters"]], chapters)
        self.assertEqual(answer["thumbnail_url"], "https://a.example/2.jpg")

    def test_the_subtitles_of_a_playlist(self):
        master = (
            '#EXTM3U\n#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="English",LANGUAGE="en",URI="en/list.m3u8"\n'
            '#EXT-X-STREAM-INF:BANDWIDTH=9,CODECS="avc1.640028,mp4a.40.2",SUBTITLES="s"\nfilm.m3u8\n'
        )
        playlist = self.pages.put("/master.m3u8", 200, {"Content-Type": "application/vnd.apple.mpegurl"}, [master.encode()])
        answer, _ = self.found(f'<title>Film</title><meta property="og:video" content="{playlist}">')
        url = self.pages.base + "/en/list.m3u8"
        self.assertEqual(
            answer["subtitles"], [{"language": "en", "name": None, "format": "m3u8", "url": url, "automatic": False}]
        )

    def test_hostile_linked_data_do_not_fail_the_page(self):
        clip = {"@type": "Clip", "name": "One", "startOffset": 0, "endOffset": 5}
        for part in ({"name": 5}, {"name": {}}, {"startOffset": "x"}, {"startOffset": [1]}, {"endOffset": {}}, {"endOffset": -1}):
            answer, best = self.found(self.film(hasPart=[clip | part], thumbnailUrl=[5, {}, "https://a.example/1.jpg"]))
            self.assertEqual((best, answer["title"]), ("/film.mp4", "Film"), part)
        for parts in ("text", 5, ["text"], [None, 5], {"a": 1}, [[clip]]):
            answer, best = self.found(self.film(hasPart=parts))
            self.assertEqual((best, answer["title"]), ("/film.mp4", "Film"), parts)


class Chapters(unittest.TestCase):
    def chapters(self, *chapters):
        return [tuple(one.values()) for one in read(chapters=list(chapters))["chapters"]]

    def test_they_are_in_order_and_have_no_invented_titles(self):
        late = {"start_time": 5, "end_time": 9.5, "title": "Late"}
        first = {"start_time": 0, "end_time": 5, "title": "<Untitled Chapter 1>"}
        self.assertEqual(self.chapters(late, first), [(0, 5, None), (5, 9.5, "Late")])

    def test_hostile_values_are_dropped(self):
        for start in (None, -1, math.nan, math.inf, "soon", "nan", True, [], {}, 1e300, 10**400):
            self.assertEqual(self.chapters({"start_time": start, "title": "x"}), [], start)
        for end in (math.nan, -math.inf, "x", {}):
            self.assertEqual(self.chapters({"start_time": 1, "end_time": end, "title": 7}), [(1, None, None)], end)
        for wrong in ("text", 5, {"a": 1}, [None, 5, "x", []], True):
            self.assertEqual(read(chapters=wrong)["chapters"], [], wrong)

    def test_they_are_bounded(self):
        many = [{"start_time": n, "title": "x" * 10_000} for n in range(5000)]
        found = read(chapters=many)["chapters"]
        self.assertEqual((len(found), len(found[0]["title"])), (described.MAX_CHAPTERS, described.MAX_TEXT))


class Subtitles(unittest.TestCase):
    def subtitles(self, made=None, automatic=None, **info):
        return read(subtitles=made, automatic_captions=automatic, **info)["subtitles"]

    def test_a_track_is_listed_in_its_best_text_format(self):
        tracks = [track(name, ext=name) for name in ("json3", "srv1", "ttml", "srt", "vtt")]
        self.assertEqual(urls(self.subtitles({"en": tracks})), ["vtt"])
        self.assertEqual(self.subtitles({"en": [track("a", ext="dfxp")]})[0]["format"], "ttml")
        named = [track("plain"), track("sdh", name="SDH"), track("sdh.srt", ext="srt", name="SDH"), track("more")]
        self.assertEqual(urls(self.subtitles({"en": named})), ["plain", "more", "sdh"])
        for ext in ("mp4", "sup", "unknown_video", "", None, 5, "VTT/../x"):
            self.assertEqual(self.subtitles({"en": [track("a", ext=ext)]}), [], ext)
        segments = [track("m", protocol="http_dash_segments"), track("f", fragments=[{"path": "1"}]), track("p", protocol=5)]
        self.assertEqual(self.subtitles({"en": segments}), [])

    def test_the_original_language_precedes_translations(self):
        made = {"fr": [track("made")]}
        automatic = {name: [track(name)] for name in ("ab", "de", "de-orig", "zh-Hans")}
        found = self.subtitles(made, automatic)
        expected = [("fr", "made"), ("de", "de-orig"), ("ab", "ab"), ("zh-Hans", "zh-Hans")]
        self.assertEqual([(one["language"], url) for one, url in zip(found, urls(found), strict=True)], expected)
        self.assertEqual([one["automatic"] for one in found], [False, True, True, True])
        translated = {name: [track(name)] for name in ("ab", "en")}
        self.assertEqual(urls(self.subtitles(None, translated, language="en")), ["en", "ab"])

    def test_hostile_values_are_dropped(self):
        for wrong in ("text", 5, ["en"], {"en": None}, {"en": "x"}, {"en": [None, 5, "x", [], {}]}, {5: [{}]}, True):
            self.assertEqual(self.subtitles(wrong, wrong), [], wrong)
        for url in (
            *(None, 5, [], "", "javascript:alert(1)", "data:text/vtt,x", "file:///etc/passwd", "//a.example/x", "/x.vtt"),
            *("http://169.254.169.254/x.vtt", "http://[::1]/x.vtt", "http://[::1", "http://localhost/x.vtt", "https://"),
            "https://a.example/" + "x" * described.MAX_URL,
        ):
            self.assertEqual(self.subtitles({"en": [{"url": url, "ext": "vtt"}]}), [], url)
        for name in (5, {}, [], b"x"):
            self.assertEqual(self.subtitles({"en": [track("a", name=name)]})[0]["name"], None)

    def test_they_are_bounded(self):
        many = {f"l{n}" * 1000: [track(f"{n}-{m}", name="x" * 10_000) for m in range(3)] for n in range(200)}
        found = self.subtitles(many, many)
        self.assertEqual(len(found), described.MAX_SUBTITLES)
        self.assertTrue(all(len(str(value)) <= described.MAX_URL for one in found for value in one.values()))


class Thumbnails(unittest.TestCase):
    def test_the_best_public_one(self):
        one, two = "https://a.example/1.jpg", "https://a.example/2.jpg"
        bad = ("javascript:alert(1)", "http://10.0.0.1/3.jpg", "http://router.local/3.jpg", 5, None)
        for best in bad:
            for thumbnails, expected in ([{"url": one}, {"url": two}], two), ([{"url": one}, {"url": best}, 5], one), ("x", None):
                self.assertEqual(read(thumbnail=best, thumbnails=thumbnails)["thumbnail_url"], expected)
        self.assertEqual(read(thumbnail=one, thumbnails=[{"url": two}])["thumbnail_url"], one)

    def test_what_yt_dlp_would_fail_on_is_dropped(self):
        wrong = (None, 5, "x", [], {}, [5], {"en": 5}, [{}], {"en": [{}]})
        for chapters, tracks, pictures in itertools.product(wrong, repeat=3):
            info = {"chapters": chapters, "subtitles": tracks, "automatic_captions": tracks, "thumbnails": pictures, "thumbnail": 5}
            described.keep_readable(info)
            self.assertNotIn("thumbnail", info)
            self.assertTrue(all("start_time" in one for one in info["chapters"] or []))
            self.assertEqual([one for found in (info["subtitles"] or {}).values() for one in found], [])
            self.assertEqual(info["thumbnails"] or [], [])


if __name__ == "__main__":
    unittest.main()
