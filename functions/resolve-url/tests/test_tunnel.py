"""Proxies receive checked addresses instead of names."""

import http.server
import os
import socket
import threading
import unittest
from unittest import mock

os.environ["FILES_IMPORT_ALLOW_HOSTS"] = "127.0.0.1"

import guard
import handler
from pages import Pages


class Proxy:
    """An HTTP proxy on 127.0.0.1 that records requests, and connects all tunnels to one local server."""

    def __init__(self, to):
        self.asked, self.to = [], to
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.port = self.server.server_port

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def _handler(self):
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                proxy.asked.append((self.command, self.path, dict(self.headers)))
                self.send_error(403)

            def do_CONNECT(self):
                proxy.asked.append((self.command, self.path, dict(self.headers)))
                self.send_response(200)
                self.end_headers()
                with OPEN(proxy.to) as there:
                    request = self.connection.recv(65536)
                    there.sendall(request)
                    while chunk := there.recv(65536):
                        self.connection.sendall(chunk)
                self.close_connection = True

        return Handler


def OPEN(address):
    """Opens a connection for the proxy, which the guard does not check."""
    with mock.patch.object(guard, "_budget", return_value=mock.Mock(admitted={address})):
        made = socket.socket()
        made.connect(address)
        return made


class Tunnel(unittest.TestCase):
    def setUp(self):
        self.pages = Pages()
        self.addCleanup(self.pages.close)
        self.proxy = Proxy(("127.0.0.1", self.pages.server.server_port))
        self.addCleanup(self.proxy.close)
        settings = handler.secret.Settings(f"http://someone:very-secret@127.0.0.1:{self.proxy.port}", None)
        for patch in (
            mock.patch.object(handler, "SETTINGS", settings),
            mock.patch.object(guard.Guard, "proxy", settings.proxy_host()),
            mock.patch("builtins.print"),
        ):
            patch.start()
            self.addCleanup(patch.stop)

    def resolve(self, url, addresses):
        """Resolves a page on a host with these addresses."""
        lookup = guard._lookup

        def answers(host, *args, **kwargs):
            if host == "127.0.0.1":
                return lookup(host, *args, **kwargs)
            kinds = [socket.AF_INET6 if ":" in address else socket.AF_INET for address in addresses]
            return [(kind, 1, 6, "", (address, 0)) for kind, address in zip(kinds, addresses, strict=True)]

        with mock.patch.object(guard, "_lookup", answers):
            return handler.handle({"url": url, "seconds": 10}, None)

    def test_names_are_resolved_and_checked_before_the_proxy_is_used(self):
        for scheme in ("https", "http"):
            for addresses in (["127.0.0.1"], ["93.184.216.34", "10.0.0.7"], ["::1"], ["169.254.169.254"]):
                answer = self.resolve(f"{scheme}://hosts-loop.test/", addresses)
                self.assertEqual((answer["ok"], answer["reason"]), (False, "private_address"), addresses)
        self.assertEqual(self.proxy.asked, [])

    def test_the_proxy_receives_the_address_and_the_site_the_name(self):
        self.pages.html("/page", "<title>Film</title><video src='/film.mp4'></video>")
        answer = self.resolve("http://public.test/page", ["2606:4700::1111", "93.184.216.34"])
        self.assertTrue(answer["ok"], answer)
        for method, target, headers in self.proxy.asked:
            self.assertEqual((method, target, headers["Host"]), ("CONNECT", "93.184.216.34:80", "93.184.216.34:80"))
            self.assertTrue(headers["Proxy-Authorization"].startswith("Basic "))
        self.assertEqual({asked["Host"] for _, asked in self.pages.asked}, {"public.test"})
        self.assertNotIn("Proxy-authorization", str(self.pages.asked).capitalize())
        self.resolve("https://public.test/page", ["93.184.216.34"])
        self.assertEqual(self.proxy.asked[-1][1], "93.184.216.34:443")


if __name__ == "__main__":
    unittest.main()
