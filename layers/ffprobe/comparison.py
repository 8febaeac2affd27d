"""Compares what two ffprobes say about the same samples: the layer's, and this machine's."""

import fnmatch
import json
import re
import shlex
import shutil
import subprocess
import tempfile
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROBE_TIMEOUT_S = 60
ABSENT = "(absent)"


def reference_version():
    """The version of this machine's ffprobe."""
    return subprocess.run(["ffprobe", "-version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]


class Samples(BaseHTTPRequestHandler):
    """Serves samples by their number and by ranges: the layer's ffprobe opens nothing but HTTP, and no extension may
    tell the format, as in media-probe."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        content = self.server.samples[int(self.path[1:])].read_bytes()
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        start = int(match[1]) if match else 0
        end = min(int(match[2]) + 1, len(content)) if match and match[2] else len(content)
        if start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if match else 200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(end - start))
        if match:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(content)}")
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            self.wfile.write(content[start:end])
        except OSError:
            pass  # It hangs up whenever it seeks.
        self.close_connection = True

    def log_message(self, *_):
        pass


def make_samples(folder):
    """Makes every sample of samples.toml in the folder; their names."""
    samples = tomllib.loads((HERE / "samples.toml").read_text())
    inputs = samples["inputs"]
    for name, text in samples["texts"].items():
        (folder / name).write_text(text.lstrip())
    for name, text in samples["files"].items():
        arguments = [part for word in shlex.split(text) for part in shlex.split(inputs.get(word, shlex.quote(word)))]
        command = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-threads", "1", "-bitexact", *arguments, name]
        result = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if result.returncode != 0:
            raise RuntimeError(f"ffmpeg cannot make {name}: {result.stderr}")
    return list(samples["files"])


def probe(command, formats, url):
    """What the ffprobe says, asked as media-probe asks."""
    arguments = ["-v", "error", "-hide_banner", "-protocol_whitelist", "http,tcp"]
    arguments += ["-format_whitelist", ",".join(formats), "-threads", "1", "-print_format", "json"]
    arguments += ["-show_format", "-show_streams", "-show_chapters", "-show_error", "-i", url]
    result = subprocess.run(
        [*command, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=PROBE_TIMEOUT_S,
    )
    return {"status": result.returncode, **json.loads(result.stdout or "{}")}


def flat(value, path=""):
    """The leaves of a JSON value by their path, such as `streams.0.codec_name`."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if items is None:
        return {path: value}
    leaves = {}
    for key, item in items:
        leaves.update(flat(item, f"{path}.{key}" if path else str(key)))
    return leaves


class Reviewed:
    """The differences that differences.toml allows."""

    def __init__(self):
        self.rules = tomllib.loads((HERE / "differences.toml").read_text())["difference"]

    def allows(self, sample, path, theirs, ours):
        """Whether a reviewed difference is this one."""
        return any(
            fnmatch.fnmatchcase(path, rule["path"])
            and any(fnmatch.fnmatchcase(sample, pattern) for pattern in rule.get("samples", ["*"]))
            and rule.get("theirs", theirs) == theirs
            and rule.get("ours", ours) == ours
            for rule in self.rules
        )


def differences(command, formats):
    """One line for each difference that has not been reviewed."""
    if not shutil.which("ffmpeg") or not shutil.which("ffprobe"):
        return ["ffmpeg and ffprobe are not installed here (Debian package ffmpeg)"]
    reviewed = Reviewed()
    faults = []
    with tempfile.TemporaryDirectory() as folder, ThreadingHTTPServer(("127.0.0.1", 0), Samples) as server:
        names = make_samples(Path(folder))
        server.samples = [Path(folder) / name for name in names]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for number, name in enumerate(names):
            url = f"http://127.0.0.1:{server.server_port}/{number}"
            theirs, ours = flat(probe(["ffprobe"], formats, url)), flat(probe(command, formats, url))
            for path in sorted(theirs.keys() | ours.keys()):
                pair = theirs.get(path, ABSENT), ours.get(path, ABSENT)
                if pair[0] != pair[1] and not reviewed.allows(name, path, *pair):
                    faults.append(f"{name}: {path}: {pair[0]!r} there, {pair[1]!r} here")
            if theirs["status"] != 0:
                faults.append(f"{name}: this machine's ffprobe cannot read it, so that nothing is compared")
        server.shutdown()
    return faults
