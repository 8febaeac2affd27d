"""A web server for the tests, on a free port of 127.0.0.1."""

import contextlib
import http.server
import threading


class Pages:
    """Serves the registered response for each path, and records the requests."""

    def __init__(self):
        self.answers, self.asked = {}, []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.base = f"http://127.0.0.1:{self.server.server_port}"

    def html(self, path, text):
        return self.put(path, 200, {"Content-Type": "text/html; charset=utf-8"}, [text.encode()])

    def put(self, path, status, headers, chunks):
        """Registers a response. `chunks` may be endless: it is read only while the client is connected."""
        self.answers[path] = (status, headers, chunks)
        return self.base + path

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def _handler(self):
        pages = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                pages.asked.append((self.path, dict(self.headers)))
                status, headers, chunks = pages.answers.get(self.path, (404, {}, [b"nothing"]))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(OSError):
                    for chunk in chunks() if callable(chunks) else chunks:
                        self.wfile.write(chunk)

        return Handler
