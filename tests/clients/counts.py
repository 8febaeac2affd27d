"""Counts the calls of AWS services, and DynamoDB's units, that each operation makes on the local cloud, for the cost page.

Each operation runs several times; the run with the fewest calls counts, in which the processes are warm and know the key.
"""

import contextlib
import http.server
import json
import threading
import time
import urllib.request
from pathlib import Path

from cloud import environment as cloud_environment

COUNTED = Path(__file__).resolve().parents[2] / "infra/scripts/cost/counts.json"
ROUNDS = 4
TIMEOUT = 60
IMPORT_BYTES = 100_000_000
# Functions whose calls are not the operation's: those with which it is watched, and what runs every minute.
WATCHING = ("get-file", "sweep", "files-admin")
# The function and the call whose number depends on the time, since it writes the progress.
BY_TIME = ("import", "import-file", "dynamodb.UpdateItem")


class Peer(http.server.BaseHTTPRequestHandler):
    """A source of large files with ranges, and a receiver of webhooks."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.respond(body=False)

    def do_GET(self):
        self.respond(body=True)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.deliveries.release()
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def respond(self, body):
        first, last, status = 0, IMPORT_BYTES - 1, 200
        if wanted := self.headers.get("Range"):
            begin, _, end = wanted.removeprefix("bytes=").partition("-")
            first, last, status = int(begin), min(int(end or last), last), 206
        self.send_response(status)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(last - first + 1))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", '"counted"')
        if status == 206:
            self.send_header("Content-Range", f"bytes {first}-{last}/{IMPORT_BYTES}")
        self.end_headers()
        left = last - first + 1 if body else 0
        with contextlib.suppress(ConnectionError):
            while left:
                left -= self.wfile.write(bytes(min(left, 1 << 20)))


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Peer)
        self.deliveries = threading.Semaphore(0)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Client:
    """A client of the API and of the local cloud's counters."""

    def __init__(self, env):
        self.origin, self.key = env["FILES_ORIGIN"], env["FILES_API_KEY"]
        self.video = Path(env["FILES_VIDEO"]).read_bytes()

    def request(self, method, url, body=None, headers=None):
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        headers = {"Content-Type": "application/json"} if headers is None else headers
        with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method)) as response:
            content = response.read()
        return json.loads(content) if content.startswith((b"{", b"[")) else None

    def api(self, method, path, body=None):
        headers = {"X-API-KEY": self.key, "Content-Type": "application/json"}
        return self.request(method, f"{self.origin}/v1{path}", body, headers)

    def local(self, method, path):
        return self.request(method, f"{self.origin}/_local/{path}")

    def wait(self, file):
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            found = self.api("GET", f"/files/{file['id']}")
            if found["status"] in ("success", "failed"):
                assert found["status"] == "success", found["error"]
                return found
            time.sleep(0.05)  # the interval of a poll: the loop ends by the status or by the deadline
        raise AssertionError(f"the file is {found['status']} after {TIMEOUT} s")

    def create(self, **options):
        return self.api("POST", "/files", {"name": "clip.mp4", "size": len(self.video), "content_type": "video/mp4"} | options)

    def upload(self, **options):
        file = self.create(**options)
        upload = file["upload"]
        self.request(upload["method"], upload["url"], self.video, upload["headers"])
        return self.wait(file)


def operations(cloud, peer):
    """Returns each operation as a function without arguments."""
    existing = cloud.upload()

    def webhook():
        cloud.upload(webhook=f"{peer.url}/hook")
        assert peer.deliveries.acquire(timeout=TIMEOUT), "no delivery"

    def imported():
        cloud.wait(cloud.api("POST", "/files", {"file_url": f"{peer.url}/large.bin"}))

    def download():
        name = existing["download_url"].rsplit("/", 1)[1]
        found = cloud.api("GET", f"/files/{existing['id']}/{name}?redirect=false")
        cloud.request("GET", found["url"], headers={})

    return {
        "upload": cloud.upload,
        "upload_with_webhook": webhook,
        "import": imported,
        "download": download,
        "get": lambda: cloud.api("GET", f"/files/{existing['id']}"),
        "list": lambda: cloud.api("GET", "/files"),
        "sweep": lambda: cloud.local("POST", "schedule/sweep"),
    }


def settled(cloud):
    """Returns the counters once they do not change: the last write of a function may come after what shows its effect."""
    before, deadline = None, time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        now = cloud.local("GET", "calls"), cloud.local("GET", "consumed")
        if now == before:
            return now
        before = now
        time.sleep(1)  # longer than a function's last write takes
    raise AssertionError("the counters keep changing")


def counted(cloud, name, operation):
    """Returns what one run of an operation counts, by function."""
    cloud.local("DELETE", "calls")
    operation()
    calls, consumed = settled(cloud)
    wanted = {"get": "get-file", "sweep": "sweep"}.get(name)
    found = {}
    for function, services in sorted(calls.items()):
        if function in WATCHING and function != wanted:
            continue
        flat = {f"{service}.{call}": number for service, each in sorted(services.items()) for call, number in sorted(each.items())}
        units = consumed.get(function, {})
        found[function] = {"calls": flat, "read_units": units.get("read_units", 0), "write_units": units.get("write_units", 0)}
    return found


def weight(found):
    return sum(sum(one["calls"].values()) for one in found.values()), json.dumps(found)


def count(env):
    """Returns the counts of all operations."""
    cloud, peer = Client(env), Server()
    threading.Thread(target=peer.serve_forever, daemon=True).start()
    try:
        cloud.local("POST", "consumed")
        all_operations = operations(cloud, peer)
        return {name: min((counted(cloud, name, run) for _ in range(ROUNDS)), key=weight) for name, run in all_operations.items()}
    finally:
        peer.shutdown()
        peer.server_close()


def text(found):
    return json.dumps(found, indent=1, sort_keys=True) + "\n"


def write(env):
    COUNTED.write_text(text(count(env)))


def main():
    with cloud_environment() as env:
        write(env)


def without_time(found):
    """Returns the counts without those that depend on the time."""
    operation, function, call = BY_TIME
    one = found[operation][function]
    del one["calls"][call], one["write_units"]
    return found


def check(env):
    """Fails if an operation makes other calls than the cost page is computed from."""
    found, page = without_time(count(env)), without_time(json.loads(COUNTED.read_text()))
    for name in sorted(found.keys() | page.keys()):
        assert found.get(name) == page.get(name), (
            f"{name}: counted {json.dumps(found.get(name))}, the cost page has {json.dumps(page.get(name))}; run `make counts cost`")


if __name__ == "__main__":
    main()
