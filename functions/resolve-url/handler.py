"""The function resolve-url: finds the media of a web page with yt-dlp, without downloading it.

Request: `{"url", "headers"?, "seconds"?}`. Response: `{"ok": true, "title", …, "formats": […], "best": index}` (answer.py), or
`{"ok": false, "reason", "message"}` (reasons.py). All values in the response are untrusted, and the caller must check them.
"""

import json
import os
import time

import secret

SETTINGS = secret.load()
for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
    os.environ.pop(name, None)  # this process makes no more AWS calls, and its child processes must not get the keys

import guard  # noqa: E402: imported after the keys are removed, so that no library can read them
import reasons  # noqa: E402
from addresses import Allowed  # noqa: E402
from answer import Unusable, answer, formats_of  # noqa: E402
from downloader import QUICKJS, load_ahead, open_downloader  # noqa: E402

load_ahead()
guard.install(
    Allowed(os.environ.get("FILES_IMPORT_ALLOW_HOSTS", "")),
    {str(QUICKJS)},
    SETTINGS.proxy_host(),
    os.environ.get("AWS_LAMBDA_RUNTIME_API", ""),
)

# The maximum number of links from page to page that are followed.
MAX_LINKS = 3


def handle(event, _context):
    """Handles one invocation."""
    began = time.monotonic()
    seconds = min(float(event.get("seconds") or guard.MAX_SECONDS), guard.MAX_SECONDS)
    url = str(event.get("url") or "")
    budget = guard.Budget(seconds, url=url, headers=event.get("headers") or {})
    result = resolve(url, budget)
    log(result, budget, time.monotonic() - began)
    return result


def resolve(url, budget):
    """Returns the response for a URL. Converts every error to a refusal."""
    try:
        with budget:
            guard.check_url(url)
            with open_downloader(SETTINGS.proxy, SETTINGS.cookies) as downloader:
                operators = {_key(cookie) for cookie in downloader.cookiejar}
                info = video(downloader, url)
                return answer(info, url, lambda media: page_cookies(downloader, operators, media))
    except guard.Over as over:
        return reasons.failure(over.reason)
    except Unusable as unusable:
        return reasons.failure(unusable.reason)
    except Exception as error:
        reason = reasons.of_error(error, budget)
        if reason == "resolver_failed":
            print(json.dumps({"level": "ERROR", "message": "yt-dlp failed", "place": reasons.place(error)}), flush=True)
        return reasons.failure(reason)


def page_cookies(downloader, operators, url):
    """Returns the cookies that sites set for a URL during this invocation, as the value of a `Cookie` header. Omits those of
    the operator."""
    cookies = [cookie for cookie in downloader.cookiejar.get_cookies_for_url(url) if _key(cookie) not in operators]
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in cookies if cookie.value is not None)


def _key(cookie):
    return cookie.domain, cookie.path, cookie.name


def video(downloader, url):
    """Returns yt-dlp's result for the video at a URL. If a page has several players, returns the first one.

    Raises Unusable for a list of videos, and if there is no video."""
    for _ in range(MAX_LINKS):
        info = downloader.extract_info(url, download=False)
        if not info:
            break
        if info.get("_type", "video") == "video":
            return info
        entries = [entry for entry in info.get("entries") or [] if entry]
        players = [entry for entry in entries if entry.get("_type", "video") == "video" and formats_of(entry)]
        if players:
            return {**players[0], "title": info.get("title"), "webpage_url": info.get("webpage_url") or url}
        if len(entries) != 1:
            raise Unusable("playlist" if entries else "unsupported_page")
        url = entries[0].get("url") or ""
    raise Unusable("unsupported_page")


def log(result, budget, took):
    """Logs one line. It omits the URL, which may contain secrets."""
    line = {"level": "INFO", "message": "resolved" if result["ok"] else "not resolved"}
    line |= {"site": result.get("site"), "reason": result.get("reason"), "requests": budget.requests}
    line |= {"bytes": budget.bytes, "ms": round(took * 1000)}
    print(json.dumps({name: value for name, value in line.items() if value is not None}), flush=True)
