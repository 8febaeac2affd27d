"""The operator's proxy and cookies: a secret of AWS Secrets Manager, read once when the function starts.

    {"proxy": "http://user:password@proxy.example:3128", "cookies": "# Netscape HTTP Cookie File\\n…"}

Both are optional. Neither is ever part of an answer or of the log.
"""

import json
import os
import urllib.parse
from dataclasses import dataclass

# A proxy's, where its address names none.
DEFAULT_PORT = 80


@dataclass(frozen=True)
class Settings:
    """What the secret says."""

    proxy: str | None = None
    cookies: str | None = None

    def proxy_host(self):
        """Host and port of the proxy, or None."""
        if not self.proxy:
            return None
        parts = urllib.parse.urlsplit(self.proxy)
        default = 1080 if parts.scheme.startswith("socks") else DEFAULT_PORT
        return parts.hostname, parts.port or default

    def __repr__(self):
        return "Settings(…)"


def parse(text):
    """Reads the secret's text."""
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    if not isinstance(values, dict) or not all(isinstance(values.get(name, ""), str) for name in ("proxy", "cookies")):
        raise ValueError("the secret is no JSON object of the texts proxy and cookies") from None
    return Settings(values.get("proxy") or None, values.get("cookies") or None)


def load():
    """The settings of this deployment. The only call of AWS, made before the guard is there."""
    arn = os.environ.get("FILES_RESOLVE_SECRET")
    if not arn:
        return Settings()
    import boto3  # Lambda's Python has it; it is needed for this alone

    return parse(boto3.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])
