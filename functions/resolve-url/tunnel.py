"""Passes addresses instead of names to proxies, because a proxy would resolve a name without the checks of the guard.

All requests use a tunnel (CONNECT or SOCKS), also those over plain HTTP: a proxy that receives `http://name/` resolves the name.
"""

import functools
import http.client
import urllib.parse
import urllib.request

import guard
from yt_dlp.networking import _urllib as base
from yt_dlp.networking._helper import create_connection, create_socks_proxy_socket, make_socks_proxy_opts
from yt_dlp.utils.networking import select_proxy


class ProxyHandler(base.ProxyHandler):
    """Uses a tunnel through HTTP proxies for all URLs."""

    def proxy_open(self, req):
        proxy = select_proxy(req.get_full_url(), self.proxies)
        if proxy is None or urllib.parse.urlparse(proxy).scheme.lower().startswith("socks"):
            return super().proxy_open(req)
        scheme, req.type = req.type, "https"  # urllib uses a tunnel for https
        try:
            return urllib.request.ProxyHandler.proxy_open(self, req, proxy, None)
        finally:
            req.type = scheme


def connection_class(base_class, socks_proxy):
    """Returns the connection class for a site: through `socks_proxy` if given, otherwise direct or through an HTTP proxy."""
    return _socks_class(base_class, make_socks_proxy_opts(socks_proxy)) if socks_proxy else _tunnel_class(base_class)


def _tunnel_class(base_class):
    class Connection(base_class):
        def _tunnel(self):
            """Sends CONNECT with the address. The certificate is still verified for the name."""
            name, headers = self._tunnel_host, self._tunnel_headers
            address = guard.checked_address(name, self._tunnel_port)
            host = f"[{address}]" if ":" in address else address
            self._tunnel_headers = {
                header: value for header, value in headers.items() if header.lower() != "host"
            } | {"Host": f"{host}:{self._tunnel_port}"}
            self._tunnel_host = address
            try:
                super()._tunnel()
            finally:
                self._tunnel_host, self._tunnel_headers = name, headers

    return Connection


def _socks_class(base_class, proxy):
    class Connection(base_class):
        def connect(self):
            address = guard.checked_address(self.host, self.port)
            self.sock = create_connection(
                (proxy["addr"], proxy["port"]),
                timeout=self.timeout,
                source_address=self.source_address,
                _create_socket_func=functools.partial(create_socks_proxy_socket, (address, self.port), proxy),
            )
            if isinstance(self, http.client.HTTPSConnection):
                self.sock = self._context.wrap_socket(self.sock, server_hostname=self.host)

    return Connection
