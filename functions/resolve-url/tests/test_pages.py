"""Resolves valid and malicious pages of a local server, with the real yt-dlp and the guard."""

import gzip
import itertools
import json
import os
import time
import unittest
from unittest import mock

os.environ["FILES_IMPORT_ALLOW_HOSTS"] = "127.0.0.1"

import guard
import handler
from pages import Pages

MEDIA = {"Content-Type": "video/mp4", "Content-Length": "8"}


class PageTest(unittest.TestCase):
    def setUp(self):
        self.pages = Pages()
        self.addCleanup(self.pages.close)
        for name in ("film", "small", "large"):
            self.pages.put(f"/{name}.mp4", 200, MEDIA, [b"\0" * 8])
        quiet = mock.patch("builtins.print")
        self.printed = quiet.start()
        self.addCleanup(quiet.stop)

    def resolve(self, url, **more):
        return handler.handle({"url": url, "seconds": 20, **more}, None)

    def page(self, html, **more):
        return self.resolve(self.pages.html("/page", html), **more)

    def found(self, html):
        """Returns the response for a page, and the path of the best format."""
        answer = self.page(html)
        self.assertTrue(answer["ok"], answer)
        return answer, answer["formats"][answer["best"]]["url"].removeprefix(self.pages.base)

    def refused(self, answer):
        self.assertFalse(answer["ok"], answer)
        self.assertEqual(set(answer), {"ok", "reason", "message"})
        return answer["reason"]


class ValidPages(PageTest):
    def test_open_graph(self):
        answer, best = self.found(
            f'<head><meta property="og:title" content="A film"><meta property="og:video" content="{self.pages.base}/film.mp4">'
            f'<meta property="og:image" content="{self.pages.base}/still.jpg"></head>'
        )
        self.assertEqual(best, "/film.mp4")
        self.assertEqual((answer["title"], answer["site"]), ("A film", "Generic"))
        self.assertEqual(answer["thumbnail_url"], self.pages.base + "/still.jpg")
        self.assertEqual(answer["page_url"], self.pages.base + "/page")

    def test_a_declared_encoding_without_quotes(self):
        attribute = "<meta http-equiv=x content='text/html; charset=iso-8859-1'>"
        for declaration, encoding in (
            ("<meta charset=utf-8>", "utf-8"),
            ('<meta charset="utf-8" />', "utf-8"),
            ("<meta charset=shift_jis>", "shift_jis"),
            (attribute, "iso-8859-1"),
            ("", "utf-8"),
        ):
            title = "映画" if encoding == "shift_jis" else "Ünïcödé"
            html = f'{declaration}<title>{title}</title><video src="/film.mp4"></video>'
            self.pages.put("/page", 200, {"Content-Type": "text/html"}, [html.encode(encoding)])
            answer = self.resolve(self.pages.base + "/page")
            self.assertEqual(answer.get("title"), title, declaration)

    def test_the_best_source_of_a_player(self):
        sources = '<source src="/small.mp4" type="video/mp4" res="360"><source src="/large.mp4" type="video/mp4" res="1080">'
        small, large = sources.split("><")
        for html in (sources, f"<{large}{small}>"):
            answer, best = self.found(f"<title>Player</title><video>{html}</video>")
            self.assertEqual((best, answer["title"]), ("/large.mp4", "Player"))

    def test_linked_data(self):
        data = {"@context": "https://schema.org", "@type": "VideoObject", "name": "Film", "author": "Somebody"}
        data |= {"contentUrl": self.pages.base + "/film.mp4", "uploadDate": "2026-01-02", "duration": "PT1M3S"}
        answer, best = self.found(f'<script type="application/ld+json">{json.dumps(data)}</script>')
        self.assertEqual(best, "/film.mp4")
        facts = [answer[name] for name in ("title", "uploader", "duration", "upload_date")]
        self.assertEqual(facts, ["Film", "Somebody", 63, "2026-01-02"])

    def test_a_refresh_is_followed(self):
        _, best = self.found(f'<meta http-equiv="refresh" content="0; url={self.pages.base}/film.mp4">')
        self.assertEqual(best, "/film.mp4")

    def test_the_first_of_several_players_is_used(self):
        _, best = self.found('<title>Two</title><video src="/film.mp4"></video><video src="/small.mp4"></video>')
        self.assertEqual(best, "/film.mp4")

    def test_headers_of_the_user_are_sent_to_the_page_and_not_returned(self):
        secret = "Bearer very-secret"
        answer = self.page('<video src="/film.mp4"></video>', headers={"Authorization": secret, "Referer": "http://me"})
        self.assertEqual(self.pages.asked[0][1]["Authorization"], secret)
        self.assertNotIn("secret", json.dumps(answer))
        self.assertNotIn("secret", str(self.printed.mock_calls))

    def test_headers_of_the_user_are_not_sent_to_other_origins(self):
        other = Pages()
        self.addCleanup(other.close)
        there = other.html("/film", '<video src="/film.mp4"></video>')
        headers = {"Authorization": "Bearer very-secret", "X-Api-Key": "very-secret", "Accept-Language": "de"}
        self.pages.put("/redirect", 302, {"Location": there}, [])
        for url in (
            self.pages.base + "/redirect",
            self.pages.html("/refresh", f'<meta http-equiv="refresh" content="0; url={there}">'),
        ):
            self.assertTrue(self.resolve(url, headers=headers)["ok"])
        self.assertTrue(all("very-secret" in str(asked) for _, asked in self.pages.asked), self.pages.asked)
        self.assertGreaterEqual(len(other.asked), 2)
        self.assertNotIn("very-secret", str(other.asked))
        self.assertTrue(all(asked["Accept-Language"] == "de" for _, asked in other.asked))

    def test_a_player_without_audio_codec_and_a_direct_link(self):
        html = """<title>Silent</title><video><source src="/film.mp4" type='video/mp4; codecs="avc1.640028"'></video>"""
        answer, best = self.found(html)
        self.assertEqual((best, answer["direct"]), ("/film.mp4", False))
        self.assertTrue(self.resolve(self.pages.base + "/film.mp4")["direct"])

    def test_a_variant_of_hls_without_codecs_is_a_picture_if_its_playlist_has_sounds(self):
        master = (
            '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="en",DEFAULT=YES,URI="sound.m3u8"\n'
            '#EXT-X-STREAM-INF:BANDWIDTH=9,RESOLUTION=640x360,AUDIO="a"\npicture.m3u8\n'
        )
        kind = {"Content-Type": "application/x-mpegurl"}
        media = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\na.ts\n#EXT-X-ENDLIST\n"
        for name in ("sound", "picture"):
            self.pages.put(f"/{name}.m3u8", 200, kind, [media.encode()])
        url = self.pages.put("/film.m3u8", 200, kind, [master.encode()])
        html = f'<title>Film</title><video><source src="{url}" type="application/x-mpegURL"></video>'
        with mock.patch("answer.MAX_JOINED_HEIGHT", 1080):
            answer = self.page(html)
        self.assertIsNone(answer["best"])
        chosen = [answer["formats"][answer[name]] for name in ("manifest", "picture", "sound")]
        self.assertEqual([one["url"].removeprefix(self.pages.base) for one in chosen], ["/film.m3u8", "/picture.m3u8", "/sound.m3u8"])
        self.assertEqual(self.refused(self.page(html)), "separate_streams")

    def test_cookies_of_the_page_are_returned_for_its_media(self):
        html = b"<title>Film</title><video src='/film.mp4'></video>"
        headers = {"Content-Type": "text/html", "Set-Cookie": "seen=1; Path=/"}
        cookies = "# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tsession\tvery-secret\n"
        with mock.patch.object(handler, "SETTINGS", handler.secret.Settings(None, cookies)):
            answer = self.resolve(self.pages.put("/cookies", 200, headers, [html]))
        self.assertEqual(answer["formats"][answer["best"]]["cookies"], "seen=1")

    def test_the_operators_cookies_are_not_returned(self):
        cookies = "# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tsession\tvery-secret\n"
        with mock.patch.object(handler, "SETTINGS", handler.secret.Settings(None, cookies)):
            answer = self.page('<video src="/film.mp4"></video>')
        self.assertEqual(self.pages.asked[0][1]["Cookie"], "session=very-secret")
        self.assertNotIn("secret", json.dumps(answer) + str(self.printed.mock_calls))


class MaliciousPages(PageTest):
    def test_an_empty_page(self):
        self.assertEqual(self.refused(self.page("<html></html>")), "unsupported_page")

    def test_addresses_that_are_not_public(self):
        for url in ("http://127.0.0.2/", "http://localhost/", "http://10.0.0.1/", "http://[::1]/", "http://0x7f.2/"):
            self.assertEqual(self.refused(self.resolve(url)), "private_address", url)
        for url in ("file:///etc/passwd", "ftp://example.com/", "data:text/html,x", "nonsense", "", "http://example.com:22/"):
            self.assertEqual(self.refused(self.resolve(url)), "bad_url", url)

    def test_redirects_to_private_addresses(self):
        canary = Pages()
        self.addCleanup(canary.close)
        port = canary.server.server_port
        for location, reason in {
            "http://169.254.169.254/latest/meta-data/": "private_address",
            f"http://localhost:{port}/": "private_address",
            f"http://[::ffff:127.0.0.1]:{port}/": "private_address",
            "http://2130706433/": "private_address",
            "ftp://127.0.0.1/": "bad_url",
        }.items():
            url = self.pages.put("/redirect", 302, {"Location": location}, [])
            self.assertEqual(self.refused(self.resolve(url)), reason, location)
        url = self.pages.put("/redirect", 302, {"Location": "file:///etc/passwd"}, [])
        self.assertEqual(self.refused(self.resolve(url)), "page_failed")
        self.assertEqual(canary.asked, [])

    def test_embedded_pages_with_private_addresses_are_not_requested(self):
        canary = Pages()
        self.addCleanup(canary.close)
        inside = f"http://localhost:{canary.server.server_port}/film"
        answer = self.page(f'<meta http-equiv="refresh" content="0; url={inside}"><iframe src="{inside}"></iframe>')
        self.assertEqual(self.refused(answer), "private_address")
        self.assertEqual(canary.asked, [])

    def test_a_name_that_resolves_to_a_private_address(self):
        public, private = ("93.184.216.34", 80), ("10.0.0.7", 80)
        for found in ([private], [public, private]):
            answers = [(2, 1, 6, "", address) for address in found]
            with mock.patch.object(guard, "_lookup", return_value=answers):
                self.assertEqual(self.refused(self.resolve("http://rebinding.example/")), "private_address")

    def test_an_endless_page(self):
        def drip():
            while True:
                time.sleep(0.02)
                yield b"<p>"

        url = self.pages.put("/drip", 200, {"Content-Type": "text/html"}, drip)
        began = time.monotonic()
        self.assertEqual(self.refused(self.resolve(url, seconds=1)), "took_too_long")
        self.assertLess(time.monotonic() - began, 5)

    def test_a_hundred_megabytes_of_html(self):
        piece = b"<p>" * 100_000
        url = self.pages.put("/large", 200, {"Content-Type": "text/html"}, itertools.repeat(piece, 334))
        self.assertEqual(self.refused(self.resolve(url)), "too_large")

    def test_a_decompression_bomb(self):
        bomb = gzip.compress(b"<p>" * 20_000_000)
        headers = {"Content-Type": "text/html", "Content-Encoding": "gzip", "Content-Length": str(len(bomb))}
        self.assertEqual(self.refused(self.resolve(self.pages.put("/bomb", 200, headers, [bomb]))), "too_large")

    def test_an_endless_chain_of_refreshes(self):
        for number in range(200):
            html = f'<meta http-equiv="refresh" content="0; url={self.pages.base}/{number + 1}">'
            self.pages.html(f"/{number}", html)
        self.assertIn(self.refused(self.resolve(self.pages.base + "/0")), ("too_many_requests", "unsupported_page"))
        self.assertLessEqual(len(self.pages.asked), guard.MAX_REQUESTS)

    def test_error_statuses(self):
        for status, reason in {404: "not_found", 410: "not_found", 429: "source_blocked", 500: "page_failed"}.items():
            url = self.pages.put(f"/{status}", status, {"Content-Type": "text/html"}, [b"no"])
            self.assertEqual(self.refused(self.resolve(url)), reason)

    def test_the_response_is_bounded(self):
        sources = "".join(f'<source src="/{n}.mp4" type="video/mp4">' for n in range(2000))
        answer = self.page(f"<title>{'x' * 100_000}</title><video>{sources}</video>")
        self.assertLess(len(json.dumps(answer)), 200_000)


if __name__ == "__main__":
    unittest.main()
