"""Runs ministack, an independent emulator of AWS, on 127.0.0.1 and a free port, and kills it with all its child processes at the end."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REGION = "us-east-1"
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
# Seconds.
START_TIMEOUT = 60


class EmulatorError(Exception):
    """Raised if the emulator does not start."""


@dataclass
class Cloud:
    port: int
    # Address for AWS calls. 127.0.0.1 is the API's custom domain, so this is another name of the same host. It is a literal address,
    # because SDKs put the bucket in front of host names.
    address: str
    log: Path


def environment(address):
    """Returns environment variables that make programs use this cloud instead of AWS."""
    services = {f"AWS_ENDPOINT_URL_{service}": address for service in ("S3", "DYNAMODB", "SQS", "LAMBDA")}
    return KEYS | services | {"AWS_ENDPOINT_URL": address, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_ready(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_ministack/health", timeout=5) as response:
            return bool(json.load(response))
    except (OSError, ValueError):
        return False


def wait_until_ready(cloud, process):
    deadline = time.monotonic() + START_TIMEOUT
    while not is_ready(cloud.port):
        if process.poll() is not None or time.monotonic() > deadline:
            raise EmulatorError(f"ministack did not start:\n{tail(cloud.log)}")
        time.sleep(0.1)


def tail(log, lines=60):
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def end(process):
    """Kills the process group, which includes the functions."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def start(cloud, folder):
    settings = {
        "TMPDIR": str(folder),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(cloud.port),
        "IOT_MTLS_ENABLED": "0",
    }
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    with cloud.log.open("wb") as output:
        return subprocess.Popen(
            [ROOT / ".tools/venv-ministack/bin/python", "-B", "-m", "ministack"],
            cwd=folder,
            env=inherited | environment(cloud.address) | settings,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


@contextlib.contextmanager
def running():
    """Runs the emulator with an empty account."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="files-deployment-", ignore_cleanup_errors=True) as folder:
        cloud = Cloud(port, f"http://0.0.0.0:{port}", Path(folder) / "log")
        process = start(cloud, Path(folder))
        try:
            wait_until_ready(cloud, process)
            yield cloud
        finally:
            end(process)
