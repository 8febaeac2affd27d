"""Limits the tags of a web page before yt-dlp's regular expressions process it.

Many of these expressions take time quadratic in the number of unclosed tags, the length of a tag, or the length of a line: 30 kB
of `<meta ` took 14 s. This module inserts a space after the `<` of each tag beyond the limits, so that it no longer matches, and
line breaks between tags in long lines. The content of scripts keeps its meaning.
"""

import itertools
import re

# The number of tag starts before one `>` that are kept, the last ones: the tag itself, and comparisons in a script.
MAX_STARTS = 4
# Elements whose end tag yt-dlp searches for, and the maximum number of unclosed ones of each.
CONTAINERS = ("audio", "amp-audio", "amp-video", "iframe", "noscript", "object", "script", "style", "title", "video")
MAX_UNCLOSED = 4
# Elements that cannot contain other elements.
RAW = ("script", "style", "title")
# The maximum number of elements that yt-dlp treats as formats or as embedded pages.
MAX_OF_NAME = dict.fromkeys(("source", "video", "audio", "iframe", "embed", "object", "track"), 500)
# Elements whose attributes yt-dlp searches for in any order, in time quadratic in the length of the tag. Tags up to SHORT_TAG
# characters are not counted. The squared lengths of the others may add up to MAX_SQUARES.
BY_ATTRIBUTES = ("audio", "embed", "iframe", "input", "link", "meta", "object", "param", "source", "video")
SHORT_TAG = 150
MAX_SQUARES = 50_000_000
# The maximum number of tags of a page. The rest of the page is dropped.
MAX_TAGS = 60_000
# The minimum number of characters of a line before a line break is inserted.
LONG_LINE = 2000

_START = re.compile(r"<(?=[a-zA-Z])")
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9-]*")


def bounded(page):
    """Returns the page with the limits applied. Returns anything but text unchanged."""
    return _Page(page).bounded() if isinstance(page, str) and "<" in page else page


class _Page:
    """Processes a page from one `>` to the next."""

    def __init__(self, text):
        self.text, lower = text, text.lower()
        self.last_ends = {name: lower.rfind(f"</{name}") for name in CONTAINERS}
        self.counts, self.unclosed, self.squares = {}, dict.fromkeys(CONTAINERS, 0), 0
        self.raw = None
        self.line_began = 0

    def bounded(self):
        changes, begin = [], 0
        self.text = self._cut()
        while begin < len(self.text):
            end = self.text.find(">", begin)
            end = len(self.text) if end < 0 else end
            self._leave_raw(begin, end)
            starts = [start.start() for start in _START.finditer(self.text, begin, end)]
            # Some expressions search for a name without `<`, up to the next `>`.
            end_tag = " >" if end - begin > LONG_LINE else " "
            changes += [(start + 1, end_tag) for start in starts[:-MAX_STARTS]]
            changes += [(start + 1, " ") for start in starts[-MAX_STARTS:] if self._is_beyond(start, end)]
            begin = end + 1
            changes += self._line_break(begin)
        return self._changed(changes)

    def _cut(self):
        if self.text.count(">") <= MAX_TAGS:
            return self.text
        end = next(itertools.islice(re.finditer(">", self.text), MAX_TAGS, None)).start()
        return self.text[:end]

    def _leave_raw(self, begin, end):
        if self.raw and self.text.find(f"</{self.raw}", begin, end) >= 0:
            self.raw = None

    def _is_beyond(self, start, end):
        name, length = _NAME.match(self.text, start + 1).group().lower(), end - start
        if self.raw:
            return name == self.raw
        self.counts[name] = self.counts.get(name, 0) + 1
        if self.counts[name] > MAX_OF_NAME.get(name, len(self.text)):
            return True
        if name in BY_ATTRIBUTES and length > SHORT_TAG:
            self.squares += length * length
            if self.squares > MAX_SQUARES:
                return True
        if start > self.last_ends.get(name, len(self.text)):
            self.unclosed[name] += 1
            return self.unclosed[name] > MAX_UNCLOSED
        if name in RAW:
            self.raw = name
        return False

    def _line_break(self, at):
        """Returns the line break to insert at a position between two tags. None in scripts, where it would make a JSON string
        invalid."""
        newline = self.text.rfind("\n", self.line_began, at)
        self.line_began = newline + 1 if newline >= 0 else self.line_began
        if self.raw or at - self.line_began < LONG_LINE or not self.text.startswith("<", at):
            return []
        self.line_began = at
        return [(at, "\n")]

    def _changed(self, insertions):
        pieces, done = [], 0
        for at, inserted in insertions:
            pieces += (self.text[done:at], inserted)
            done = at
        pieces.append(self.text[done:])
        return "".join(pieces)
