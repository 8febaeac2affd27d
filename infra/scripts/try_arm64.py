"""Runs the end-to-end tests of the main use cases with the functions that `make package` built for arm64, under emulation.

    python try_arm64.py FOLDER [TEST...]     (the folder of the zips; by default the tests of TESTS)

The local cloud starts the functions of a folder (`files-local --functions`). Here each function has a script that runs the program of
the zip with QEMU user mode emulation and the C library of arm64. All files are in the function's folder, because a function sees only that
folder; nothing is installed or registered with the kernel. ffprobe and ffmpeg are the layers' for arm64. resolve-url runs with this machine's
Python, because only its qjs depends on the architecture.
"""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EMULATION = ROOT / ".tools/arm64"
LAYERS = ROOT / "layers"
# Entries of target/release that run resolve-url.
PYTHON = ("resolve-url", "python")
# Tests of tests/tests/end_to_end that use each function.
TESTS = ["auth::an_invalid_key_is_refused", "background::a_dead_letter_of", "background::an_upload_without_bytes"]
TESTS += ["background::sweep_finishes_a_deletion", "download::", "failing_sources::a_name_that_resolves_to_a_private"]
TESTS += ["failing_sources::a_redirect_to_a_private_address", "http::unknown_paths", "list::", "pages::a_web_page_with_a_video"]
TESTS += ["pages::pages_that_lead_to_private", "parts::a_deleted_upload", "parts::a_single_put_is_signed_again"]
TESTS += ["parts::parts_become_a_file", "posters::", "presigned::", "preview::", "private_addresses::the_runtime_api"]
TESTS += ["separate_streams::a_page_with", "story::"]
# The functions that run each program of a layer, the first of which has its files for others outside of a function.
PROGRAMS = {"ffprobe": ["probe-file"], "ffmpeg": ["probe-file", "mux-streams"]}

# The function's folder is mounted at another path. The script starts no other program, because ffprobe may have no children.
BOOTSTRAP = """\
#!/bin/sh
task=${{0%/*}}
exec "$task/emulated/{name}" -L "$task/emulated/root" "$task/emulated/program" "$@"
"""
# The local cloud mounts this file alone as the layer's; outside of a function it lies beside the functions' folders.
OF_LAYER = """\
#!/bin/sh
task=/var/task
[ -e "$task/emulated/{program}" ] || task=${{0%/*}}/{function}
exec "$task/emulated/{program}" "$task/emulated/{program}-layer" "$@"
"""


def packed(folder):
    """Returns the zips of all functions with a program, by function."""
    return {archive.parent.name: archive for archive in sorted(folder.glob("*/bootstrap.zip"))}


def unpack(archive, member, path):
    """Writes a program of a zip to a path."""
    with zipfile.ZipFile(archive) as opened:
        path.write_bytes(opened.read(member))
    path.chmod(0o755)


def link(source, path):
    """Creates a hard link, or a copy if that fails."""
    try:
        os.link(source, path)
    except OSError:
        shutil.copy2(source, path)


def script(path, text):
    path.write_text(text)
    path.chmod(0o755)


def emulated(programs, folder):
    """Fills a folder with one folder per function: a script `bootstrap` and its files."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, archive in programs.items():
        inner = folder / name / "emulated"
        shutil.copytree(EMULATION / "root", inner / "root", symlinks=True, copy_function=link)
        link(EMULATION / "qemu-aarch64", inner / name)  # the process is named after the function
        unpack(archive, "bootstrap", inner / "program")
        script(folder / name / "bootstrap", BOOTSTRAP.format(name=name))
    for program, functions in PROGRAMS.items():
        for function in functions:
            inner = folder / function / "emulated"
            link(EMULATION / "qemu-aarch64", inner / program)
            unpack(LAYERS / program / f"dist/{program}-layer-arm64.zip", f"bin/{program}", inner / f"{program}-layer")
        script(folder / program, OF_LAYER.format(program=program, function=functions[0]))


def cargo_test(functions, *arguments, **options):
    """Runs the end-to-end tests with these functions."""
    command = ["cargo", "test", "--release", "--workspace", "--test", "end_to_end"]
    command += ["--locked"] if os.environ.get("CI") else []
    environment = {"FILES_TESTS_FUNCTIONS": str(functions), "FILES_FFPROBE": str(functions / "ffprobe"), "FILES_FFMPEG": str(functions / "ffmpeg"), "CARGO_TERM_QUIET": "false"}
    return subprocess.run([*command, "--", *arguments], cwd=ROOT, env=os.environ | environment, text=True, **options)


def check_filters(filters, listed):
    """Fails if a filter matches no test."""
    names = [line.removesuffix(": test") for line in listed.splitlines() if line.endswith(": test")]
    if unknown := [name for name in filters if not any(name in test for test in names)]:
        sys.exit(f"no test matches {', '.join(unknown)}")


def main(arguments):
    zips, *filters = arguments
    programs = packed(Path(zips))
    expected = {manifest.parent.name for manifest in (ROOT / "functions").glob("*/Cargo.toml")}
    if missing := expected - programs.keys():
        sys.exit(f"not packaged: {', '.join(sorted(missing))}")
    folder = ROOT / "target/arm64/functions"
    emulated(programs, folder)
    for name in PYTHON:
        (folder / name).symlink_to(ROOT / "target/release" / name)
    filters = filters or TESTS
    check_filters(filters, cargo_test(folder, "--list", check=True, stdout=subprocess.PIPE).stdout)
    return cargo_test(folder, *filters).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
