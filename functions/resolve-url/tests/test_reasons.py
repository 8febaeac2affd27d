"""Messages of sites are converted to stable reasons, and well-known URLs have their own extractors."""

import unittest

import reasons
import yt_dlp
from answer import Unusable, answer
from secret import parse
from yt_dlp.extractor import gen_extractor_classes
from yt_dlp.utils import DownloadError, ExtractorError, GeoRestrictedError, UnsupportedError

# Messages of yt-dlp.
SAID = {
    "Sign in to confirm you’re not a bot. Use --cookies-from-browser or --cookies": "source_blocked",
    "Unable to download webpage: HTTP Error 429: Too Many Requests": "source_blocked",
    "Unable to download webpage: HTTP Error 403: Forbidden": "source_blocked",
    "Your IP address is blocked from accessing this post": "source_blocked",
    "Private video. Sign in if you've been granted access to this video": "private_or_login",
    "Sign in to confirm your age. This video may be inappropriate": "private_or_login",
    "This video is only available for registered users": "private_or_login",
    "Join this channel to get access to members-only content": "private_or_login",
    "This video is DRM protected": "drm",
    "This live event will begin in 3 hours.": "live",
    "Premieres in 5 hours": "live",
    "The uploader has not made this video available in your country": "geo_blocked",
    "Video unavailable. This video has been removed by the uploader": "not_found",
    "Unable to download JSON metadata: HTTP Error 404: Not Found": "not_found",
    "The extractor is attempting impersonation, but no impersonate target is available": "needs_browser",
    "No video formats found!": "unsupported_page",
    "Unable to extract player config; please report this issue": "unreadable_page",
}
ADDRESSES = {
    "https://www.youtube.com/watch?v=dQw4w9WgXcQ": "Youtube",
    "https://youtu.be/dQw4w9WgXcQ": "Youtube",
    "https://www.youtube.com/shorts/dQw4w9WgXcQ": "Youtube",
    "https://www.tiktok.com/@someone/video/7000000000000000000": "TikTok",
    "https://vimeo.com/76979871": "Vimeo",
    "https://x.com/someone/status/1460323737035677698": "Twitter",
    "https://twitter.com/someone/status/1460323737035677698": "Twitter",
    "https://www.instagram.com/reel/Cabcdefghij/": "Instagram",
    "https://www.facebook.com/watch/?v=10153231379946729": "Facebook",
    "https://www.twitch.tv/videos/6528877": "TwitchVod",
    "https://www.reddit.com/r/videos/comments/6rrwyj/that_small_heart_attack/": "Reddit",
    "https://soundcloud.com/someone/something": "Soundcloud",
    "https://www.dailymotion.com/video/x5kesuj": "Dailymotion",
}


class Reasons(unittest.TestCase):
    def test_messages_are_converted_to_reasons(self):
        budget = type("Budget", (), {"refused": []})()
        for text, reason in SAID.items():
            inner = ExtractorError(text, expected=True)
            with self.subTest(text):
                self.assertEqual(reasons.of_error(DownloadError(text, (None, inner, None)), budget), reason)
        self.assertEqual(reasons.of_error(GeoRestrictedError("no"), budget), "geo_blocked")
        self.assertEqual(reasons.of_error(UnsupportedError("http://x"), budget), "unsupported_page")
        self.assertEqual(reasons.of_error(KeyError("x"), budget), "resolver_failed")
        self.assertEqual(reasons.of_error(ConnectionResetError("x"), budget), "unreachable")

    def test_every_reason_has_a_sentence_without_a_full_stop(self):
        for reason in {*SAID.values(), *reasons.REFUSALS.values(), "took_too_long", "too_large", "too_many_requests", "playlist"}:
            message = reasons.failure(reason)["message"]
            self.assertTrue(message[0].islower() and not message.endswith("."), message)

    def test_well_known_urls_have_their_own_extractors(self):
        for address, name in ADDRESSES.items():
            found = next(one.ie_key() for one in gen_extractor_classes() if one.suitable(address))
            self.assertEqual(found, name, address)

    def test_yt_dlp_has_the_pinned_version(self):
        with open("requirements.txt") as file:
            self.assertIn(f"yt-dlp=={yt_dlp.version.__version__}", file.read())


def stream(**more):
    return {"url": "https://cdn.example/x", "protocol": "https", "vcodec": "avc1", "acodec": "mp4a", **more}


class Formats(unittest.TestCase):
    def best(self, *formats):
        chosen = answer({"title": "x", "formats": list(formats)})
        return formats.index(next(one for one in formats if one["url"] == chosen["formats"][chosen["best"]]["url"]))

    def reason(self, *formats, **more):
        with self.assertRaises(Unusable) as raised:
            answer({"formats": list(formats), **more})
        return raised.exception.reason

    def test_a_file_with_video_and_audio_is_preferred_to_a_playlist(self):
        video, sound = stream(url="v", acodec="none"), stream(url="s", vcodec="none")
        whole, playlist = stream(url="w"), stream(url="p", protocol="m3u8_native")
        self.assertEqual(self.best(whole, playlist, sound, video), 0)
        self.assertEqual(self.best(sound, video, playlist), 2)
        self.assertEqual(self.best(stream(url="a"), stream(url="b")), 1)
        self.assertEqual(self.best(stream(url="x", vcodec="none"), stream(url="y", vcodec="none")), 1)

    def test_video_without_audio_is_used_if_no_format_has_audio(self):
        self.assertEqual(self.best(stream(url="a", acodec="none"), stream(url="b", acodec="none")), 1)
        self.assertEqual(self.best(stream(url="a", acodec="none"), stream(url="b", acodec=None)), 1)
        self.assertEqual(self.reason(stream(url="a", acodec="none"), stream(url="b", vcodec="none")), "separate_streams")

    def test_unsupported_media_have_their_reason(self):
        video, sound = stream(acodec="none"), stream(vcodec="none")
        self.assertEqual(self.reason(video, sound), "separate_streams")
        self.assertEqual(self.reason(stream(protocol="rtmp")), "unsupported_stream")
        self.assertEqual(self.reason(stream(has_drm=True)), "drm")
        self.assertEqual(self.reason(stream(), is_live=True), "live")
        self.assertEqual(self.reason(stream(), live_status="is_upcoming"), "live")
        self.assertEqual(self.reason(), "unsupported_page")
        self.assertEqual(self.reason(_has_drm=True), "drm")

    def test_only_permitted_headers_are_returned(self):
        headers = {"Cookie": "a=b", "Referer": "https://x", "User-Agent": "y", "Authorization": "z", "Origin": "a\nb"}
        one = answer({"formats": [stream(http_headers=headers, cookies="a=b")]})["formats"][0]
        self.assertEqual(one["http_headers"], {"Referer": "https://x", "User-Agent": "y"})


class Secret(unittest.TestCase):
    def test_it_is_parsed_and_not_part_of_messages(self):
        settings = parse('{"proxy": "http://me:very-secret@proxy.example:3128", "cookies": "very-secret"}')
        self.assertEqual(settings.proxy_host(), ("proxy.example", 3128))
        self.assertNotIn("very-secret", repr(settings))
        self.assertEqual(parse("{}").proxy_host(), None)
        for wrong in ("x", "[]", '{"proxy": 1}', "very-secret"):
            with self.assertRaisesRegex(ValueError, "^the secret is not a JSON object"):
                parse(wrong)


if __name__ == "__main__":
    unittest.main()
