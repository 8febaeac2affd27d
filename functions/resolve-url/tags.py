"""Bounds the tags of a web page before yt-dlp's regular expressions read it.

Many of these expressions are quadratic in what is not closed, in the length of a tag, or in the length of a line: 30 kB of `<meta `
took 14 s. The start of a tag beyond the bounds gets a blank behind its `<`, and is none any more; scripts and the data in them mean
what they meant. Long lines are broken between two tags.
"""

import itertools
import re

# Of the tag starts before one `>`, the last ones are kept: the tag itself, and what a script compares.
MAX_STARTS = 4
# Elements whose end yt-dlp looks for, and how many of each may lack it.
CONTAINERS = ("audio", "amp-audio", "amp-video", "iframe", "noscript", "object", "script", "style", "title", "video")
MAX_UNCLOSED = 4
# Elements in which there are no other tags.
RAW = ("script", "style", "title")
# Elements of which it takes each for a format, or for a page to look into.
MAX_OF_NAME = dict.fromkeys(("source", "video", "audio", "iframe", "embed", "object", "track"), 500)
# Elements whose attributes it looks for in any order, which takes the square of the tag's length: tags up to so many characters are
# not counted, of the others the squares may add up to so much.
BY_ATTRIBUTES = ("audio", "embed", "iframe", "input", "link", "meta", "object", "param", "source", "video")
SHORT_TAG = 150
MAX_SQUARES = 50_000_000
# Tags of a page; what comes behind them is cut off.
MAX_TAGS = 60_000
# Characters of a line, before it is broken.
LONG_LINE = 2000

_START = re.compile(r"<(?=[a-zA-Z])")
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9-]*")


def bounded(page):
    """Returns the page within the bounds; what is no text as it is."""
    return _Page(page).bounded() if isinstance(page, str) and "<" in page else page


class _Page:
    """A page that is read from one `>` to the next."""

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
            # Some expressions look for a name without its `<`, up to the next `>`.
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
        """Between two tags, outside of scripts: a line break within a text of JSON would be none of JSON."""
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
