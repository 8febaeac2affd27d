"""Converts errors of yt-dlp to a stable reason and a sentence for the user. The sentence contains nothing from the page."""

import re
import traceback
from pathlib import Path

from yt_dlp.networking.exceptions import HTTPError, NoSupportingHandlers, RequestError
from yt_dlp.utils import ExtractorError, GeoRestrictedError, UnsupportedError

SENTENCES = {
    "source_blocked": "the site refuses requests from servers such as this one; the operator of this service can give it a proxy "
    "or cookies for such sites (ResolveSecretArn)",
    "needs_browser": "the site responds only to web browsers",
    "unsupported_page": "the source is a web page on which no video or audio was found; a file of a storage service has its own "
    "download link",
    "unreadable_page": "the web page could not be read: its site has changed, or sends servers another page than browsers",
    "private_or_login": "the page is private, or shown only to who has logged in there",
    "geo_blocked": "the site does not show this in the country of this service",
    "live": "live streams cannot be imported; try again when it has ended",
    "drm": "what the page shows is protected by DRM",
    "not_found": "the page, or what it showed, is no longer there",
    "separate_streams": "the page has video and sound in separate streams only, and this service does not join them",
    "unsupported_stream": "the page has only streams of a kind that cannot be imported",
    "playlist": "the page lists several videos; import one of them by its own address",
    "private_address": "the page leads to an address that is not public",
    "bad_url": "the page leads to an address that cannot be fetched",
    "took_too_long": "the page took too long",
    "too_large": "the page is too large",
    "too_many_requests": "the page needs too many requests",
    "unreachable": "the page could not be reached",
    "page_failed": "the page responded with an error",
    "resolver_failed": "the page could not be understood",
}

# Patterns in yt-dlp's messages. The first match determines the reason.
WORDS = [
    ("source_blocked", r"not a bot|captcha|unusual traffic|rate.?limit|too many requests|HTTP Error 429|cloudflare"),
    ("source_blocked", r"content isn.t available, try again later|access (?:is )?denied|IP address is blocked|your IP"),
    ("needs_browser", r"impersonat"),
    ("drm", r"\bDRM\b"),
    ("geo_blocked", r"\bgeo|in your (?:country|region|location)|from your (?:country|region|location)"),
    ("live", r"live event|premieres? (?:will|in)|is (?:currently )?live\b|live stream|not yet (?:started|available)|upcoming"),
    ("private_or_login", r"private|log.?in|logged.in|sign.?in|members.only|registered users|authenticat|cookies|password"),
    ("private_or_login", r"subscri(?:be|ption)|confirm your age|age.restricted|premium|HTTP Error 401"),
    ("not_found", r"HTTP Error (?:404|410)|unavailable|not available|does ?n.t exist|not exist|not found|removed|deleted"),
    ("source_blocked", r"HTTP Error 403"),
    ("unsupported_page", r"unsupported url|no video formats|no video could be found|no media"),
    ("unreadable_page", r"unable to extract|failed to (?:parse|extract)"),
]
# The reasons for refusals of the guard.
REFUSALS = {"private_address": "private_address", "port": "bad_url", "scheme": "bad_url"}


def failure(reason):
    """Returns the response for a reason."""
    return {"ok": False, "reason": reason, "message": SENTENCES[reason]}


def of_error(error, budget):
    """Returns the reason for an exception."""
    if refused := next((REFUSALS[reason] for reason in budget.refused if reason in REFUSALS), None):
        return refused
    chain = list(_chain(error))
    if any(isinstance(one, GeoRestrictedError) for one in chain):
        return "geo_blocked"
    if any(isinstance(one, UnsupportedError) for one in chain):
        return "unsupported_page"
    return of_text(" ".join(str(getattr(one, "msg", one)) for one in chain)) or _of_kind(chain)


def of_text(text):
    """Returns the reason for a message of yt-dlp, or None if no pattern matches."""
    return next((reason for reason, words in WORDS if re.search(words, text, re.IGNORECASE)), None)


def _of_kind(chain):
    if any(isinstance(one, NoSupportingHandlers) for one in chain):
        return "bad_url"
    if any(isinstance(one, HTTPError) for one in chain):
        return "page_failed"
    if any(isinstance(one, RequestError | OSError) for one in chain):
        return "unreachable"
    return "unsupported_page" if any(isinstance(one, ExtractorError) for one in chain) else "resolver_failed"


def place(error):
    """Returns the types and source lines of an exception and its causes, without messages, which may contain URLs."""
    chain = [f"{type(one).__name__} {_line(one)}" for one in _chain(error)]
    return ", ".join(chain)


def _line(error):
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "nowhere"


def _chain(error):
    """Returns the exception and its causes, at most 20."""
    seen = []
    while error is not None and error not in seen and len(seen) < 20:
        seen.append(error)
        wrapped = getattr(error, "exc_info", None)
        inner = wrapped[1] if isinstance(wrapped, tuple) and len(wrapped) > 1 else None
        error = inner or getattr(error, "cause", None) or error.__cause__ or error.__context__
    return seen
