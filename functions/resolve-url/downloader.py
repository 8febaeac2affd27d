"""yt-dlp, held to what this function may do: one way of sending requests, no files, no other programs."""

import functools
import importlib.util
import io
import os
import urllib.request
import zlib
from pathlib import Path

import guard
import tags
import tunnel
import yt_dlp.plugins
from yt_dlp import YoutubeDL
from yt_dlp.extractor.common import InfoExtractor
from yt_dlp.networking import _urllib as base

HERE = Path(__file__).resolve().parent
# QuickJS-ng, for the sites whose addresses only their own JavaScript can work out.
QUICKJS = Path(os.environ.get("FILES_QUICKJS") or HERE / "qjs")
# Of one answer, decompressed.
MAX_PAGE_BYTES = 16 * 1024 * 1024
SOCKET_SECONDS = 15


class Http(base.HTTPHandler):
    """Decompresses no more than a page may have; tells a proxy addresses, not names."""

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
    """Looks at each redirect as at what a user sent."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        guard.check_url(newurl)
        redirected = super().redirect_request(req, fp, code, msg, headers, newurl)
        for name in guard.own_headers(req.full_url).keys() - guard.own_headers(newurl).keys():
            redirected.headers.pop(name.capitalize(), None)  # as urllib writes them
        return redirected


class GuardedRH(base.UrllibRH):
    """urllib's handler without `data:`, `ftp:` and `file:`."""

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


class Silence:
    """Takes yt-dlp's messages, which hold addresses, and shows none."""

    def debug(self, message):
        pass

    info = warning = error = debug


class Downloader(YoutubeDL):
    """A YoutubeDL whose requests all go through the guard."""

    @functools.cached_property
    def _request_director(self):
        return self.build_request_director([GuardedRH])


_read_content = InfoExtractor._webpage_read_content


def _bounded_content(self, *args, **kwargs):
    return tags.bounded(_read_content(self, *args, **kwargs))


InfoExtractor._webpage_read_content = _bounded_content


def options(proxy, cookies):
    """Of one resolution. Nothing is read from configuration files, netrc, browsers or the environment."""
    return {
        "quiet": True,
        "logger": Silence(),
        "noprogress": True,
        "cachedir": False,
        "proxy": proxy or "",  # empty: none, not even the environment's
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
    """Loads all extractors while Lambda counts the time as Init, if they are compiled: the generic one asks each of them about
    a page. From sources that takes longer than Init may."""
    path = importlib.util.find_spec("yt_dlp.extractor._extractors").origin
    if Path(importlib.util.cache_from_source(path)).is_file():
        importlib.import_module("yt_dlp.extractor._extractors")


# No plugins: folders of the machine are not looked through.
yt_dlp.plugins.plugin_dirs.value = []
