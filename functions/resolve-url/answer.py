"""Converts the result of yt-dlp to the response: the page's metadata, and its formats with the best one to import, and, if they are
higher, the best picture and sound in separate streams."""

import os

import described

# Limits of the response, so that it stays far below Lambda's maximum payload.
MAX_FORMATS = 100
MAX_TEXT = 500
MAX_URL = 8 * 1024
MAX_HEADER = 2 * 1024
FILES = ("https", "http")
PLAYLISTS = ("m3u8", "m3u8_native")
# The URL of such a format is its manifest's.
MANIFESTS = ("http_dash_segments",)
# The largest height of a picture that is joined with its sound; 0 joins nothing.
MAX_JOINED_HEIGHT = int(os.environ.get("FILES_MAX_JOINED_HEIGHT") or 0)
# The extensions of sounds that fit best to a picture with this extension: both have the same container.
SOUNDS = {"mp4": ("m4a", "mp4", "aac"), "webm": ("webm", "opus", "ogg")}
# The headers that a request for the media may have. Cookies are returned separately, and without those of the operator.
HEADERS = {"user-agent", "accept", "accept-language", "referer", "origin", "x-requested-with"}


class Unusable(Exception):
    """The page has no media that can be imported. `reason` is a key of reasons.SENTENCES."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


def answer(info, url="", cookies=lambda _url: None):
    """Returns the response for the video that yt-dlp found at `url`. `cookies` returns the cookies that the page set for a URL.

    Raises Unusable if the video cannot be imported."""
    if info.get("is_live") or info.get("live_status") in ("is_live", "is_upcoming", "post_live"):
        raise Unusable("live")
    formats = _without_unheard(formats_of(info))
    if not formats:
        raise Unusable("drm" if info.get("_has_drm") else "unsupported_page")
    best, pair, manifest = _choices(formats)
    if manifest:
        formats[formats.index(manifest)] = manifest = manifest | {"url": _read_from(manifest)}
    kept = formats[-MAX_FORMATS:]
    kept += [one for one in (best, manifest, *(pair or ())) if one and one not in kept]
    return {
        "ok": True,
        "title": _title(info),
        "uploader": _text(info.get("uploader") or info.get("channel") or info.get("creator")),
        "page_url": _url(info.get("webpage_url") or info.get("original_url")),
        "duration": _number(info.get("duration")),
        "site": _text(info.get("extractor_key")),
        "thumbnail_url": described.thumbnail(info),
        "upload_date": _date(info.get("upload_date")),
        "chapters": described.chapters(info),
        "subtitles": described.subtitles(info),
        "formats": [_format(one) | {"cookies": _cookies(cookies(one["url"]))} for one in kept],
        "best": kept.index(best) if best else None,
        "picture": kept.index(pair[0]) if pair else None,
        "sound": kept.index(pair[1]) if pair else None,
        "manifest": kept.index(manifest) if manifest else None,
        "direct": bool(info.get("direct")) and best is not None and best["url"] == url,
    }


def formats_of(info):
    """Returns the formats of a video. If there is only one, yt-dlp stores it in the video itself."""
    return [one for one in info.get("formats") or [info] if one.get("url")]


def _without_unheard(formats):
    """Marks the variants of HLS without CODECS whose playlist has audio groups as pictures: yt-dlp takes them for complete, and nothing
    tells that they are. The members of a group have no codecs either; a variant that has only sound has."""
    groups = [one for one in formats if one.get("protocol") in PLAYLISTS and _is_sound(one) and not one.get("acodec")]
    apart = {_read_from(one) for one in groups} - {None}

    def is_unheard(one):
        return one.get("protocol") in PLAYLISTS and not one.get("acodec") and one.get("vcodec") != "none" and _read_from(one) in apart

    return [one | {"acodec": "none"} if is_unheard(one) else one for one in formats]


def _choices(formats):
    """Returns the best whole format, and what is higher: the best picture and sound, and the picture of the best playlist or manifest
    that has sounds too. Who reads that chooses both from it. Each may be None.

    Raises Unusable if no format can be imported."""
    best, refusal = _best(formats)
    pair = _pair(formats, best)
    manifest = _manifest(formats, best)
    # At equal height, two files are the cheaper ones; of two playlists, the one that lists both tells more about the sound.
    if pair and manifest and pair[0].get("protocol") in FILES:
        higher = _height(manifest) > _height(pair[0])
        manifest = manifest if higher else None
    if best or pair or manifest:
        return best, pair, manifest
    raise Unusable(refusal or ("drm" if any(one.get("has_drm") for one in formats) else "separate_streams"))


def _best(formats):
    """Returns the best format with video and audio, or None, and why there is none: the highest one, at equal height a file, or else an
    HLS playlist, or else a format of MPEG-DASH in segments. yt-dlp sorts the best of each last. There is no reason if video and audio
    are in separate formats only."""
    pictures = [one for one in formats if one.get("vcodec") != "none"]
    sounds = [one for one in formats if one.get("acodec") != "none"]
    whole = [one for one in pictures if one in sounds]
    if not whole and not (pictures and sounds):
        whole = formats  # the media has only audio or only video
    usable = [one for one in whole if not one.get("has_drm")]
    best = None
    for kinds in (FILES, PLAYLISTS, MANIFESTS):
        found = [one for one in usable if one.get("protocol") in kinds]
        if found and _is_higher(found[-1], found[-1], best):
            best = found[-1]
    if best or not whole:
        return best, None
    return None, "drm" if any(one.get("has_drm") for one in whole) else "unsupported_stream"


def _is_higher(picture, sound, best):
    """Whether a picture is higher than the best format so far, in a language that is not worse."""
    return not best or _height(picture) > _height(best) and _language(sound) >= _language(best)


def _pair(formats, best):
    """Returns the best picture and sound in separate formats, or None if they are not better than the best whole format."""
    usable = [one for one in formats if not one.get("has_drm") and one.get("protocol") in FILES + PLAYLISTS]
    sounds = [one for one in usable if _is_sound(one)]
    picture = _picture([one for one in usable if _is_picture(one)], best)
    sound = _sound(sounds, picture) if picture and sounds else None
    return (picture, sound) if sound and _is_higher(picture, sound, best) else None


def _manifest(formats, best):
    """Returns the best picture in a playlist or manifest that has a sound too, or None if it is not better than the best whole format."""
    usable = [one for one in formats if not one.get("has_drm") and one.get("protocol") in MANIFESTS + PLAYLISTS]
    sounds = {_read_from(one): one for one in usable if _is_sound(one) and _read_from(one)}
    picture = _picture([one for one in usable if _is_picture(one) and _read_from(one) in sounds], best)
    return picture if picture and _is_higher(picture, sounds[_read_from(picture)], best) else None


def _picture(pictures, best):
    """Returns the best picture that is not too high to be joined; the lowest one, if all are too high and no format is whole."""
    if not MAX_JOINED_HEIGHT:
        return None
    within = [one for one in pictures if _height(one) <= MAX_JOINED_HEIGHT]
    if within:
        return within[-1]
    return None if best else min(pictures, key=_height, default=None)


def _read_from(one):
    """Returns the URL of the playlist or manifest that lists a format and others, or None."""
    return one["url"] if one.get("protocol") in MANIFESTS else _url(one.get("manifest_url"))


def _is_picture(one):
    return one.get("vcodec") != "none" and one.get("acodec") == "none"


def _is_sound(one):
    return one.get("vcodec") == "none" and one.get("acodec") != "none"


def _sound(sounds, picture):
    """Returns the best sound in the preferred language, if possible in the container of the picture."""
    preferred = max(map(_language, sounds))
    sounds = [one for one in sounds if _language(one) == preferred]
    fitting = [one for one in sounds if one.get("ext") in SOUNDS.get(picture.get("ext"), ())]
    return (fitting or sounds)[-1]


def _height(one):
    return _whole(one.get("height")) or 0


def _language(one):
    """Returns yt-dlp's preference for the language of a format: the original has a higher one than a translation."""
    return one.get("language_preference") or -1


def _format(one):
    return {
        "url": one["url"][:MAX_URL],
        "protocol": _text(one.get("protocol")),
        "ext": _text(one.get("ext")),
        "width": _whole(one.get("width")),
        "height": _whole(one.get("height")),
        "tbr": _number(one.get("tbr")),
        "filesize": _whole(one.get("filesize") or one.get("filesize_approx")),
        "vcodec": _text(one.get("vcodec")),
        "acodec": _text(one.get("acodec")),
        "http_headers": _headers(one.get("http_headers") or {}),
    }


def _headers(headers):
    """Returns the headers that may be returned."""
    return {
        name: value[:MAX_HEADER]
        for name, value in headers.items()
        if name.lower() in HEADERS and isinstance(value, str) and value.isprintable()
    }


def _cookies(header):
    is_sendable = isinstance(header, str) and header.isascii() and header.isprintable() and len(header) <= MAX_HEADER
    return header if header and is_sendable else None


def _title(info):
    """Returns the title. Removes the number that yt-dlp appends even if a page has only one player."""
    title = _text(info.get("title"))
    return title.removesuffix(" (1)") if title and info.get("extractor_key") == "HTML5MediaEmbed" else title


def _text(value):
    return str(value)[:MAX_TEXT] if value else None


def _url(value):
    is_url = isinstance(value, str) and value.startswith(("https://", "http://")) and len(value) <= MAX_URL
    return value if is_url else None


def _number(value):
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and 0 <= value < 1e12 else None


def _whole(value):
    number = _number(value)
    return None if number is None else int(number)


def _date(value):
    """Converts yt-dlp's YYYYMMDD to YYYY-MM-DD."""
    text = str(value or "")
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 and text.isdigit() else None
