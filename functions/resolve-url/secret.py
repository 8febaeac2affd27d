"""Reads the operator's proxy and cookies from a secret in AWS Secrets Manager, once when the function starts.

    {"proxy": "http://user:password@proxy.example:3128", "cookies": "# Netscape HTTP Cookie File\\n…"}

Both are optional. Neither is returned or logged.
"""

import json
import os
import urllib.parse
from dataclasses import dataclass

# The port of an HTTP proxy whose URL has none.
DEFAULT_PORT = 80


@dataclass(frozen=True)
class Settings:
    """The content of the secret."""

    proxy: str | None = None
    cookies: str | None = None

    def proxy_host(self):
        """Returns the host and port of the proxy, or None."""
        if not self.proxy:
            return None
        parts = urllib.parse.urlsplit(self.proxy)
        default = 1080 if parts.scheme.startswith("socks") else DEFAULT_PORT
        return parts.hostname, parts.port or default

    def __repr__(self):
        return "Settings(…)"


def parse(text):
    """Parses the text of the secret. Raises ValueError, without the text, if it is invalid."""
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    if not isinstance(values, dict) or not all(isinstance(values.get(name, ""), str) for name in ("proxy", "cookies")):
        raise ValueError("the secret is not a JSON object with the strings proxy and cookies") from None
    return Settings(values.get("proxy") or None, values.get("cookies") or None)


def load():
    """Returns the settings of this deployment. Makes the only AWS call of this function, before the guard is installed."""
    arn = os.environ.get("FILES_RESOLVE_SECRET")
    if not arn:
        return Settings()
    import boto3  # part of Lambda's Python runtime; imported only if there is a secret

    return parse(boto3.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])
