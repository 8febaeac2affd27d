"""Limits on tags: pages that would take much CPU time, and pages like those of real sites."""

import os
import time
import unittest
from unittest import mock

os.environ["FILES_IMPORT_ALLOW_HOSTS"] = "127.0.0.1"

import handler
import tags
from pages import Pages

MEGABYTE = 1_200_000
JSON = '<script type="application/ld+json">'


def repeated(text, size):
    return text * (size // len(text))


MALICIOUS = {
    "30 kB of an open tag": repeated("<meta ", 30_000),
    "open tags": repeated("<meta ", MEGABYTE),
    "open tags with attributes": repeated("<meta name=a ", MEGABYTE),
    "open tags with an open quote": repeated('<iframe src="', MEGABYTE),
    "open divs": repeated('<div class="', MEGABYTE),
    "open inputs": repeated("<input ", MEGABYTE),
    "open videos": repeated("<video>", MEGABYTE),
    "open titles": repeated("<title>", MEGABYTE),
    "open headings": repeated("<h1>", MEGABYTE),
    "open scripts": repeated(JSON, MEGABYTE),
    "scripts in a script": repeated(JSON + '{"@type":', MEGABYTE) + "</script>",
    "one long tag": f"<meta {repeated('property=og:x content=y ', MEGABYTE)}>",
    "long tags": repeated(f"<meta {'property=og:x content=y ' * 170}>", MEGABYTE),
    "tags of one long line": repeated(f"<meta {'property=og:x content=y ' * 11}>", MEGABYTE),
    "many sources": f"<video>{repeated('<source src=a.mp4>', MEGABYTE)}</video>",
    "a long text": repeated("lorem ipsum, ", MEGABYTE),
    "a long script": f"<script>{repeated('for(i=0;i<n;i++){a[i]=b<c}', MEGABYTE)}</script>",
}


class Tags(unittest.TestCase):
    def test_no_page_takes_more_than_seconds(self):
        pages = Pages()
        self.addCleanup(pages.close)
        with mock.patch("builtins.print"):
            handler.handle({"url": pages.html("/", "<title>first</title>"), "seconds": 20}, None)
            for name, html in MALICIOUS.items():
                began = time.process_time()
                handler.handle({"url": pages.html("/page", html), "seconds": 20}, None)
                with self.subTest(name):
                    self.assertLess(time.process_time() - began, 5)

    def test_an_ordinary_page_is_unchanged(self):
        data = '{"html": "<p>a</p><p>b</p><p>c</p>", "n": "1 < 2"}'
        page = (
            f"<!DOCTYPE html>\n<html><head><title>A < B</title>\n{JSON}{data}</script>\n<meta property='og:title' content='{'x' * 400}'>"
            f"\n<div data-page='{'y' * 100_000}'>\n<script>if(a<b&&c<d||e<f){{}}</script>\n<video controls><source src='a.mp4'></video>"
        )
        self.assertEqual(tags.bounded(page), page)
        self.assertIs(tags.bounded(False), False)
        self.assertEqual(tags.bounded('{"a": "<b"}'), '{"a": "<b"}')

    def test_long_lines_are_broken_only_between_tags(self):
        script = f"<script>{'{}' * 3000}<p></p><p></p></script>"
        self.assertEqual(tags.bounded(script), script)
        lines = tags.bounded("<p>x</p>" * 1000).split("\n")
        self.assertEqual("".join(lines), "<p>x</p>" * 1000)
        self.assertLess(max(map(len, lines)), tags.LONG_LINE + 20)


if __name__ == "__main__":
    unittest.main()
