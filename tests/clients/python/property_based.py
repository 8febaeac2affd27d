"""Property-based requests for every operation of openapi.yaml, against a file and an upload that exist.

    python property_based.py OPENAPI FOLDER      (FILES_URL and FILES_API_KEY in the environment)

Fails on a 5xx, on a status, media type, header or body that the document does not have, and when the API accepts a request that
the document forbids.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import Request, urlopen

URL, KEY = os.environ["FILES_URL"], os.environ["FILES_API_KEY"]
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
]
SECONDS, SEED = "60", "1"
# What is deleted is unknown, so that the file stays for the other operations.
CONFIGURATION = """
[parameters]
"path.id" = "{file}"
"path.filename" = "clip.mp4"

[[operations]]
include-tag = "uploads"
parameters = {{ "path.id" = "{upload}" }}

[[operations]]
include-operation-id = "deleteFile"
parameters = {{ "path.id" = "019aa1b2-c3d4-7e5f-8a6b-0123456789ab" }}
"""


def request(path, body=None):
    headers = {"X-API-KEY": KEY, "Content-Type": "application/json"}
    data = json.dumps(body).encode() if body else None
    with urlopen(Request(URL + path, data, headers)) as response:
        return json.load(response)


def stored():
    """Returns the id of a file that is probed."""
    file = request("/files", {"file_url": os.environ["FILES_SOURCE"]})
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if request(f"/files/{file['id']}")["status"] == "success":
            return file["id"]
        time.sleep(0.1)  # the interval of a poll
    raise TimeoutError(file["id"])


def main(document, folder):
    upload = request("/files", {"name": "parts.mp4", "size": 20_000_000, "multipart": True})["id"]
    configuration = Path(folder) / "schemathesis.toml"
    configuration.write_text(CONFIGURATION.format(file=stored(), upload=upload))
    tool = str(Path(sys.executable).parent / "schemathesis")
    command = [tool, "--config-file", str(configuration), "run", document, "--url", URL.removesuffix("/v1")]
    command += ["--header", f"X-API-KEY: {KEY}", "--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing"]
    command += ["--max-time", SECONDS, "--seed", SEED, "--max-redirects", "0", "--continue-on-failure", "--no-shrink"]
    command += ["--generation-database", "none", "--warnings", "off", "--no-color"]
    sys.exit(subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL).returncode)


if __name__ == "__main__":
    main(*sys.argv[1:])
