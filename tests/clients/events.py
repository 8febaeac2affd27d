"""Receives webhooks of the local cloud: those of an endpoint, of a rotated one, of a file's own URL, repeated and redelivered ones."""

import contextlib
import http.server
import json
import threading
import urllib.error
import urllib.request
from pathlib import Path

ARRIVAL_TIMEOUT = 60


class Receiver(http.server.BaseHTTPRequestHandler):
    """Keeps each request, and responds with the statuses of the server, then with 204."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        headers = {name.lower(): value for name, value in self.headers.items() if name.lower().startswith("webhook-")}
        with self.server.arrived:
            status = self.server.statuses.pop(0) if self.server.statuses else 204
            self.server.received.append({"path": self.path, "headers": headers, "body": body, "status": status})
            self.server.arrived.notify_all()
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def do_GET(self):
        self.send_error(404)

    def log_message(self, *_):
        pass


class Inbox(http.server.ThreadingHTTPServer):
    """The requests that have come."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Receiver)
        self.arrived, self.received, self.statuses = threading.Condition(), [], []

    def url(self, path):
        return f"http://127.0.0.1:{self.server_address[1]}{path}"

    def wait_for(self, count):
        """Returns all requests, once there are `count`."""
        with self.arrived:
            if not self.arrived.wait_for(lambda: len(self.received) >= count, ARRIVAL_TIMEOUT):
                raise RuntimeError(f"{len(self.received)} of {count} deliveries came: {self.received}")
            return list(self.received)


@contextlib.contextmanager
def listening():
    with Inbox() as inbox:
        threading.Thread(target=inbox.serve_forever, daemon=True).start()
        yield inbox
        inbox.shutdown()


class Api:
    """Calls the API."""

    def __init__(self, env):
        self.url, self.key, self.video = env["FILES_URL"], env["FILES_API_KEY"], Path(env["FILES_VIDEO"])

    def call(self, method, path, body=None):
        headers = {"X-API-KEY": self.key, "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request) as response:
                text = response.read()
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method} {path}: {error.code} {error.read().decode()}") from error
        return json.loads(text) if text else None

    def upload(self, name, **options):
        content = self.video.read_bytes()
        file = self.call("POST", "/files", {"name": name, "size": len(content), "content_type": "video/mp4", **options})
        upload = file["upload"]
        urllib.request.urlopen(urllib.request.Request(upload["url"], content, upload["headers"], method="PUT")).close()
        return file


def receive(env):
    """Has events delivered. Returns each request with the secrets that verify it, and one that verifies none of them."""
    api = Api(env)
    with listening() as inbox:
        endpoint = api.call("POST", "/webhook-endpoints", {"url": inbox.url("/endpoint")})
        default = api.call("POST", "/webhook-endpoints/default/rotate")["secret"]
        foreign = api.call("POST", "/webhook-endpoints", {"url": inbox.url("/unused"), "events": ["file.expired"]})
        secrets = [endpoint["secret"]]
        keys = {"/endpoint": secrets, "/file": [default]}
        received, first = [], None

        def expect(count):
            new = inbox.wait_for(len(received) + count)[len(received):]
            received.extend(new | {"secrets": list(keys[new["path"]])} for new in new)
            return received[-count:]

        api.upload("première.mp4")
        (first,) = expect(1)
        api.call("POST", f"/deliveries/{first['headers']['webhook-id']}/redeliver")
        (again,) = expect(1)
        assert again["body"] == first["body"] and again["headers"]["webhook-id"] == first["headers"]["webhook-id"]

        secrets.append(api.call("POST", f"/webhook-endpoints/{endpoint['id']}/rotate")["secret"])
        api.upload("two.mp4", webhook=inbox.url("/file"))
        assert {one["path"] for one in expect(2)} == {"/endpoint", "/file"}

        inbox.statuses = [500]
        api.call("POST", "/files", {"file_url": inbox.url("/no-video")})  # 404, so the import fails
        failed, repeated = expect(2)
        assert (failed["status"], repeated["status"]) == (500, 204)
        assert failed["body"] == repeated["body"] and '"file.failed"' in failed["body"]

        for id in (endpoint["id"], foreign["id"]):
            api.call("DELETE", f"/webhook-endpoints/{id}")
        return {"received": received, "foreign": foreign["secret"]}
