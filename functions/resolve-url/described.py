"""Reads what yt-dlp knows about a video beside its formats: chapters, subtitles and the thumbnail. Everything comes from the page:
what has another type than expected is dropped, and never fails the page."""

import re
import urllib.parse

import guard
from addresses import is_private_name, is_public, literal

# Limits of the response. shared/files-domain checks its own again.
MAX_CHAPTERS = 200
MAX_SUBTITLES = 100
MAX_TEXT = 500
MAX_URL = 2 * 1024
MAX_SECONDS = 10 * 365 * 24 * 3600
# The text formats that are listed, the most usable first, under the names of yt-dlp. If a page has a track in several formats, only
# the first of them is listed.
FORMATS = ("vtt", "srt", "ttml", "dfxp", "tt", "ass", "ssa", "sbv", "lrc", "sami", "smi", "json3", "srv3", "srv2", "srv1")
# The other names of two formats.
SAME_FORMAT = {"dfxp": "ttml", "tt": "ttml", "smi": "sami"}
# The format of a track that is an HLS playlist with segments of WebVTT.
PLAYLIST = "m3u8"
# The suffix that yt-dlp gives to the language of automatic subtitles that are not translated.
ORIGINAL = "-orig"
# The title that yt-dlp gives to a chapter without one.
UNTITLED = re.compile(r"<Untitled Chapter \d+>")


def keep_readable(info):
    """Drops from a video what yt-dlp's processing of chapters, subtitles and thumbnails fails on."""
    reads = {"chapters": _chapters, "subtitles": _tracks, "automatic_captions": _tracks, "thumbnails": _with_urls}
    for name, read in reads.items():
        if info.get(name) is not None:
            info[name] = read(info[name])
    if not isinstance(info.get("thumbnail"), str):
        info.pop("thumbnail", None)


def keep_readable_parts(data):
    """Drops from linked data the parts that yt-dlp cannot read as chapters."""
    pending = [data]
    while pending:
        one = pending.pop()
        if isinstance(one, dict):
            if parts := one.get("hasPart"):
                one["hasPart"] = [part for part in (parts if isinstance(parts, list) else [parts]) if isinstance(part, dict)]
            pending.extend(one.values())
        elif isinstance(one, list):
            pending.extend(one)


def chapters(info):
    """Returns the chapters in their order in time: `start`, and `end` and `title` or None."""
    found = [
        {"start": one["start_time"], "end": one["end_time"], "title": _title(one["title"])}
        for one in _chapters(info.get("chapters"))
        if one["start_time"] is not None
    ]
    return sorted(found, key=lambda chapter: chapter["start"])[:MAX_CHAPTERS]


def subtitles(info):
    """Returns the subtitles that a person made, then the automatic ones, those in the original language first."""
    default = "vtt" if info.get("extractor_key") == "HTML5MediaEmbed" else None  # HTML has no other format
    made = _listed(_tracks(info.get("subtitles")), False, default)
    automatic = _tracks(info.get("automatic_captions"))
    original = {name for name in automatic if name.endswith(ORIGINAL) or name == info.get("language")}
    first = {name.removesuffix(ORIGINAL): automatic[name] for name in automatic if name in original}
    others = {name: tracks for name, tracks in automatic.items() if name not in original and name not in first}
    return (made + _listed(first, True, default) + _listed(others, True, default))[:MAX_SUBTITLES]


def thumbnail(info):
    """Returns the URL of the best picture by yt-dlp's order that is not obviously at a private address."""
    urls = [info.get("thumbnail"), *(one["url"] for one in reversed(_with_urls(info.get("thumbnails"))))]
    return next((url for url in urls if _is_public(url)), None)


def _chapters(found):
    """Returns the chapters with the fields that yt-dlp reads; None where there is nothing."""
    chapters = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    return [
        {
            "start_time": _seconds(one.get("start_time")),
            "end_time": _seconds(one.get("end_time")),
            "title": one["title"] if isinstance(one.get("title"), str) else None,
        }
        for one in chapters
    ]


def _seconds(value):
    """Reads a number of seconds, which linked data often has as text."""
    try:
        seconds = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
    except (ValueError, OverflowError):
        return None
    return seconds if seconds is not None and 0 <= seconds <= MAX_SECONDS else None


def _title(title):
    return title[:MAX_TEXT] if title and not UNTITLED.fullmatch(title) else None


def _tracks(found):
    """Returns the tracks by language that have a URL. HTML may give none for the language."""
    languages = found.items() if isinstance(found, dict) else ()
    return {name if isinstance(name, str) else "": _with_urls(tracks) for name, tracks in languages}


def _with_urls(found):
    items = found if isinstance(found, list) else []
    return [one for one in items if isinstance(one, dict) and isinstance(one.get("url"), str)]


def _listed(languages, automatic, default):
    return [
        {"language": name[:MAX_TEXT], **track, "automatic": automatic}
        for name, tracks in languages.items()
        for track in _in_best_format(tracks, default)
    ]


def _in_best_format(tracks, default):
    """Returns the tracks of one language, those with the same name in the best of their formats."""
    by_name = {}
    for track in tracks:
        known = _format(track, default)
        if known and _is_public(track["url"]):
            name = track["name"][:MAX_TEXT] if isinstance(track.get("name"), str) else None
            by_name.setdefault(name, []).append({"name": name, "format": known, "url": track["url"]})
    for same in by_name.values():
        best = min((track["format"] for track in same), key=_rank)
        yield from ({**track, "format": SAME_FORMAT.get(best, best)} for track in same if track["format"] == best)


def _rank(known):
    return FORMATS.index(known) if known in FORMATS else len(FORMATS)


def _format(track, default):
    """Returns the format of a track, or None if its URL does not lead to a text."""
    if track.get("protocol") in ("m3u8", "m3u8_native"):
        return PLAYLIST
    if track.get("protocol") not in (None, "https", "http") or track.get("fragments"):
        return None
    extension = track.get("ext")
    return extension if extension in FORMATS else default if extension == "unknown_video" else None


def _is_public(url):
    """Whether this service may name a URL to clients, as far as it can be told without DNS."""
    if not isinstance(url, str) or len(url) > MAX_URL or not url.startswith(("https://", "http://")):
        return False
    try:
        host = urllib.parse.urlsplit(url).hostname or ""
    except ValueError:
        return False
    address = literal(host)
    return host in guard.Guard.allowed or bool(host) and not is_private_name(host) and (not address or is_public(address))
