"""Restricts yt-dlp: all requests pass the guard, and it uses no configuration, caches or plugins."""

import functools
import importlib.util
import io
import os
import re
import urllib.request
import zlib
from pathlib import Path

import described
import guard
import tags
import tunnel
import yt_dlp.plugins
from yt_dlp import YoutubeDL
from yt_dlp.extractor.common import InfoExtractor
from yt_dlp.networking import _urllib as base

HERE = Path(__file__).resolve().parent
# QuickJS-ng, for sites that compute their media URLs in JavaScript.
QUICKJS = Path(os.environ.get("FILES_QUICKJS") or HERE / "qjs")
# The maximum size of a decompressed response.
MAX_PAGE_BYTES = 16 * 1024 * 1024
SOCKET_SECONDS = 15


class Http(base.HTTPHandler):
    """Limits the size of decompressed bodies, and resolves names before they are passed to a proxy."""

    @staticmethod
    def _make_conn_class(base_class, req):
        return tunnel.connection_class(base_class, req.headers.pop("Ytdl-socks-proxy", None))

    @staticmethod
    def gz(data):
        return _decompressed(data, zlib.MAX_WBITS | 16)

    @staticmethod
    def deflate(data):
        try:
            return _decompressed(data, -zlib.MAX_WBITS)
        except zlib.error:
            return _decompressed(data, zlib.MAX_WBITS)


def _decompressed(data, bits):
    decoder = zlib.decompressobj(bits)
    plain = decoder.decompress(data, MAX_PAGE_BYTES)
    if decoder.unconsumed_tail:
        raise guard.Over("too_large")
    return plain


class Redirects(base.RedirectHandler):
    """Checks each redirect like a URL from a user."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        guard.check_url(newurl)
        redirected = super().redirect_request(req, fp, code, msg, headers, newurl)
        for name in guard.own_headers(req.full_url).keys() - guard.own_headers(newurl).keys():
            redirected.headers.pop(name.capitalize(), None)  # urllib stores names in this form
        return redirected


class GuardedRH(base.UrllibRH):
    """yt-dlp's request handler for urllib, without `data:`, `ftp:` and `file:`."""

    _SUPPORTED_URL_SCHEMES = ("http", "https")

    def _create_instance(self, proxies, cookiejar, legacy_ssl_support=None):
        opener = urllib.request.OpenerDirector()
        context = self._make_sslcontext(legacy_ssl_support=legacy_ssl_support)
        for handler in (
            tunnel.ProxyHandler(proxies),
            Http(context=context),
            urllib.request.HTTPCookieProcessor(cookiejar),
            urllib.request.UnknownHandler(),
            urllib.request.HTTPDefaultErrorHandler(),
            urllib.request.HTTPErrorProcessor(),
            Redirects(),
        ):
            opener.add_handler(handler)
        opener.addheaders = []
        return opener

    def _send(self, request):
        guard.check_url(request.url)
        request.headers.update(guard.own_headers(request.url))
        return super()._send(request)


class NullLogger:
    """Discards yt-dlp's messages, because they contain URLs."""

    def debug(self, message):
        pass

    info = warning = error = debug


class Downloader(YoutubeDL):
    """A YoutubeDL that sends all requests with GuardedRH."""

    @functools.cached_property
    def _request_director(self):
        return self.build_request_director([GuardedRH])

    def process_video_result(self, info_dict, download=True):
        described.keep_readable(info_dict)
        return super().process_video_result(info_dict, download)


_read_content = InfoExtractor._webpage_read_content


def _bounded_content(self, *args, **kwargs):
    return tags.bounded(_read_content(self, *args, **kwargs))


InfoExtractor._webpage_read_content = _bounded_content

_read_linked_data = InfoExtractor._json_ld


def _readable_linked_data(self, json_ld, *args, **kwargs):
    described.keep_readable_parts(json_ld)
    return _read_linked_data(self, json_ld, *args, **kwargs)


InfoExtractor._json_ld = _readable_linked_data

_guess_encoding = InfoExtractor._guess_encoding_from_content
# The declaration of an encoding in a <meta> element, quoted or not.
CHARSET = re.compile(rb"""<meta[^>]+charset\s*=\s*["']?\s*([\w.:+-]+)""", re.IGNORECASE)


def _encoding(content_type, page):
    """The encoding of a page. yt-dlp's own pattern reads beyond an unquoted value, and fails if other than ASCII follows."""
    declared = CHARSET.search(page[:1024])
    head = b'<meta charset="%s">' % declared[1].decode("ascii", "ignore").encode() if declared else page[:2]
    return _guess_encoding(content_type, head)


InfoExtractor._guess_encoding_from_content = staticmethod(_encoding)


def options(proxy, cookies):
    """Returns the options for one page. yt-dlp reads no configuration files, netrc, browsers or environment variables."""
    return {
        "quiet": True,
        "logger": NullLogger(),
        "noprogress": True,
        "cachedir": False,
        "proxy": proxy or "",  # empty: no proxy, not even from the environment
        "cookiefile": io.StringIO(cookies) if cookies else None,
        "socket_timeout": SOCKET_SECONDS,
        "retries": 0,
        "extractor_retries": 1,
        "noplaylist": True,
        "playlistend": 2,
        "extract_flat": "in_playlist",
        "ignore_no_formats_error": True,
        "format": "all",
        "check_formats": False,
        "writesubtitles": False,
        "ffmpeg_location": "/nowhere",
        "js_runtimes": {"quickjs": {"path": str(QUICKJS)}} if QUICKJS.is_file() else {},
        "remote_components": (),
        "color": "never",
        "postprocessors": [],
        "geo_bypass": False,
    }


def open_downloader(proxy, cookies):
    return Downloader(options(proxy, cookies))


def load_ahead():
    """Imports all extractors during Lambda's init phase, because the generic extractor needs them all. Does so only if they are
    compiled: compiling them takes longer than the init phase may."""
    path = importlib.util.find_spec("yt_dlp.extractor._extractors").origin
    if Path(importlib.util.cache_from_source(path)).is_file():
        importlib.import_module("yt_dlp.extractor._extractors")


# Disables plugins: yt-dlp searches no folders for them.
yt_dlp.plugins.plugin_dirs.value = []
