"""Deploys what `make package` built to an independent emulator of AWS, and runs the end-to-end tests of the main use cases there.

    python try_deployment.py FOLDER [--gradual TYPE] [TEST...]     (the folder of the zips; by default the tests of TESTS)

The tests use the deployment's address and keys from files-admin. The emulator checks no signatures in headers, no policies and no
memory sizes, and does not unpack layers, so the parameters FfprobePath and FfmpegPath name the programs. DIFFERENCES lists the rest.
"""

import argparse
import os
import platform
import subprocess
import sys
from pathlib import Path

import emulator
from deployment import Fault, deploy

ROOT = Path(__file__).resolve().parents[2]
ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64"}
# The API's custom domain.
HOST = "127.0.0.1"
# Tests of tests/tests/end_to_end. The others need what only the local cloud has: call counts, injected faults, clocks, kills.
TESTS = ["auth::", "bad_input::", "download::", "failing_sources::", "ffmpeg::", "http::", "list::", "odd_files::"]
TESTS += ["parts::parts_become_a_file", "presigned::", "story::"]

# AWS supports CRC-64/NVME of multipart uploads only for the whole object:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
COMPOSITE = "its S3 expects a checksum of the parts' checksums where AWS expects the CRC-64/NVME of the whole"
# Tests that fail on the emulator because it differs from AWS, with the difference.
DIFFERENCES = {
    "bad_input::a_large_body_is_refused_with_advice": "its gateway accepts more than 10 MB, its Lambda more than 6 MB",
    "download::any_name_can_be_downloaded": "its gateway decodes %25 in paths differently",
    "http::web_pages_can_read_every_response": "its gateway sends CORS headers also without an Origin",
    "http::web_pages_can_write_to_and_read_from_the_bucket": "its S3 responds to a preflight with the rule's *, not with the requested headers",
    "http::requests_that_the_gateway_refuses_get_its_own_error": "its gateway accepts headers of any length",
    "parts::parts_become_a_file": COMPOSITE,
    "story::an_import_shows_its_progress": COMPOSITE,
    "presigned::a_presigned_put_becomes_a_file": "its S3 computes no CRC-64/NVME for an upload without a checksum",
}


def parameters(address):
    """Returns parameters of the stack whose defaults do not fit the tests."""
    return {
        "Architecture": ARCHITECTURES[platform.machine()],
        "PublicUrl": address,
        "AllowImportHosts": HOST,  # the tests import from their own servers
        "FfmpegPath": os.environ.get("FILES_FFMPEG", str(ROOT / "target/release/ffmpeg")),
        "FfprobePath": os.environ.get("FILES_FFPROBE", str(ROOT / "target/release/ffprobe")),
    }


def run_tests(filters, environment):
    """Runs the tests and shows their output. Returns whether all passed, and the skipped ones with reasons."""
    command = ["cargo", "test", "--release", "--workspace", "--test", "end_to_end"]
    command += ["--locked"] if os.environ.get("CI") else []
    command += ["--", *filters]
    for test in DIFFERENCES:
        command += ["--skip", test]
    skipped = [f"{test}: {why}" for test, why in DIFFERENCES.items()]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if line.startswith("skipped "):
                skipped.append(line.removeprefix("skipped ").rstrip())
            else:
                sys.stderr.write(line)
    return process.returncode == 0, sorted(skipped)


def main(arguments):
    parser = argparse.ArgumentParser()
    parser.add_argument("--gradual", metavar="TYPE", help="deploy the gradual template, whose functions are invoked by aliases")
    parser.add_argument("code")
    options, filters = parser.parse_known_args(arguments)
    with emulator.running() as cloud:
        public = f"http://{HOST}:{cloud.port}"
        deployment = deploy(cloud.address, HOST, parameters(public), options.code, options.gradual)
        print(f"deployed: {deployment.triggers()}", flush=True)
        keys = emulator.environment(cloud.address)
        tables = {"FILES_TABLE": deployment.outputs["Table"], "FILES_KEYS_TABLE": deployment.outputs["KeysTable"]}
        tests = tables | {"FILES_TEST_URL": public, "CARGO_TERM_QUIET": "false"}
        green, skipped = run_tests(filters or TESTS, os.environ | keys | tests)
        for line in skipped:
            print(f"not run: {line}")
        if not green:
            print(f"The emulator's last lines:\n{emulator.tail(cloud.log)}", file=sys.stderr)
        return 0 if green else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (Fault, emulator.EmulatorError) as fault:
        sys.exit(str(fault))
