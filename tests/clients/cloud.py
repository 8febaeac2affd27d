"""Runs the local cloud and a web server with one video, for the proofs of clients."""

import contextlib
import functools
import http.server
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARIES = Path(os.environ.get("FILES_BINARIES", ROOT / "target/release"))
START_TIMEOUT = 60
VIDEO = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=2 -c:v libx264 -preset ultrafast -pix_fmt yuv420p"


# What the documentation's examples import.
SOUNDS = {"tone.mp3": "-f lavfi -i sine=d=1", "clip.webm": "-f lavfi -i testsrc2=size=160x120:rate=10:duration=1 -c:v libvpx-vp9"}


class Source(http.server.SimpleHTTPRequestHandler):
    """Serves a folder without a line for each request."""

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    """A server whose clients may close the connection early, as a preview does."""

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@contextlib.contextmanager
def serving(folder):
    """Serves the folder on a free port; yields the address."""
    handler = functools.partial(Source, directory=folder)
    with Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def wait_until_ready(process, ready):
    """Returns the content of `ready.json`. Raises if the process ends or the time is over."""
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the local cloud ended with {process.returncode}")
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            return json.loads(ready.read_text())
        time.sleep(0.05)  # the interval of a poll: the loop ends by the file or by the deadline
    raise RuntimeError(f"the local cloud was not ready after {START_TIMEOUT} s")


@contextlib.contextmanager
def local_cloud(folder, *options):
    """Runs the local cloud with its data in this folder; yields the content of `ready.json`."""
    data = folder / "cloud"
    command = [ROOT / "infra/scripts/dev.sh", "--port", "0", "--data", data, "--template", ROOT / "template.yaml"]
    command += ["--parameter", "AllowImportHosts=127.0.0.1", *options]
    with open(folder / "cloud.log", "wb") as log:
        built = os.environ | {"FILES_BUILT": str(BINARIES)}
        process = subprocess.Popen(command, cwd=ROOT, env=built, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        try:
            yield wait_until_ready(process, data / "ready.json")
        except BaseException:
            print((folder / "cloud.log").read_text(errors="replace")[-4000:])
            raise
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


@contextlib.contextmanager
def environment():
    """Returns the environment of a proof: a local cloud, a video of this machine, and the same video by a URL."""
    with tempfile.TemporaryDirectory(prefix="files-clients-") as name:
        folder = Path(name)
        media = folder / "media"
        media.mkdir()
        video = media / "clip.mp4"
        subprocess.run(["ffmpeg", "-loglevel", "error", *VIDEO.split(), video], check=True)
        for name, arguments in SOUNDS.items():
            subprocess.run(["ffmpeg", "-loglevel", "error", *arguments.split(), media / name], check=True)
        with serving(media) as source, local_cloud(folder) as ready:
            yield os.environ | {
                "FILES_ORIGIN": ready["api"],
                "FILES_URL": f'{ready["api"]}/v1',
                "FILES_API_KEY": (folder / "cloud/api-key").read_text().strip(),
                "FILES_DATA": str(folder / "cloud"),
                "FILES_LOG": str(folder / "cloud.log"),
                "FILES_VIDEO": str(video),
                "FILES_SOURCE": f"{source}/clip.mp4",
                "HOME": str(folder),
                "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")),
            }
