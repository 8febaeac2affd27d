"""What yt-dlp found, as the answer says it: the page's facts, and its formats, of which one is the best to import."""

# Bounds of the answer: whatever a page says of itself, it stays far below what Lambda passes on.
MAX_FORMATS = 100
MAX_TEXT = 500
MAX_URL = 8 * 1024
MAX_HEADER = 2 * 1024
PLAYLISTS = ("m3u8", "m3u8_native")
# What a request for the media may say beside its address. Cookies go apart, those of the page alone: the operator's never do.
HEADERS = {"user-agent", "accept", "accept-language", "referer", "origin", "x-requested-with"}


class Unusable(Exception):
    """There is nothing to import, and why."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


def answer(info, url="", cookies=lambda _url: None):
    """The answer for what yt-dlp says of the one video at this address. `cookies`: those that the page set for an address."""
    if info.get("is_live") or info.get("live_status") in ("is_live", "is_upcoming", "post_live"):
        raise Unusable("live")
    formats = formats_of(info)
    if not formats:
        raise Unusable("drm" if info.get("_has_drm") else "unsupported_page")
    best = _best(formats)
    kept = formats[-MAX_FORMATS:]
    if best not in kept:
        kept.append(best)
    return {
        "ok": True,
        "title": _title(info),
        "uploader": _text(info.get("uploader") or info.get("channel") or info.get("creator")),
        "page_url": _url(info.get("webpage_url") or info.get("original_url")),
        "duration": _number(info.get("duration")),
        "site": _text(info.get("extractor_key")),
        "thumbnail_url": _url(info.get("thumbnail")),
        "upload_date": _date(info.get("upload_date")),
        "formats": [_format(one) | {"cookies": _cookies(cookies(one["url"]))} for one in kept],
        "best": kept.index(best),
        "direct": bool(info.get("direct")) and best["url"] == url,
    }


def formats_of(info):
    """A video's formats; where it has but one, yt-dlp leaves it in the video itself."""
    return [one for one in info.get("formats") or [info] if one.get("url")]


def _best(formats):
    """yt-dlp sorts them, the best last. One stream that has all is preferred, then one rendition of a playlist."""
    pictures = [one for one in formats if one.get("vcodec") != "none"]
    sounds = [one for one in formats if one.get("acodec") != "none"]
    whole = [one for one in pictures if one in sounds]
    if not whole and not (pictures and sounds):
        whole = formats  # sound alone, or a silent film, is all that there is
    usable = [one for one in whole if not one.get("has_drm")]
    for kinds in (("https", "http"), PLAYLISTS):
        if found := [one for one in usable if one.get("protocol") in kinds]:
            return found[-1]
    if any(one.get("has_drm") for one in whole):
        raise Unusable("drm")
    raise Unusable("unsupported_stream" if whole else "separate_streams")


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
    """Those that may be passed on."""
    return {
        name: value[:MAX_HEADER]
        for name, value in headers.items()
        if name.lower() in HEADERS and isinstance(value, str) and value.isprintable()
    }


def _cookies(header):
    is_sendable = isinstance(header, str) and header.isascii() and header.isprintable() and len(header) <= MAX_HEADER
    return header if header and is_sendable else None


def _title(info):
    """yt-dlp numbers the players of a page, also where there is but one."""
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
    """yt-dlp's YYYYMMDD as a date."""
    text = str(value or "")
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 and text.isdigit() else None
