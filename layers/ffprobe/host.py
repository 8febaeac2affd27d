"""Puts this machine's own program of a layer somewhere: `host.py ffprobe|ffmpeg PATH`. It is built at first, which takes some minutes.

The local cloud and the tests run what a function runs in Lambda. What has been built from the same inputs is taken as
it is; `make layer` proves it.
"""

import contextlib
import os
import platform
import sys
import threading
import time
from pathlib import Path

import build
import check
import compilation
import sources

SYSTEM = "Linux"
NOTE_SECONDS = 30
HINT = """\
layer: {error}
layer: others will do as well: FILES_FFPROBE=/usr/bin/ffprobe FILES_FFMPEG=/usr/bin/ffmpeg make dev"""


class HostError(Exception):
    """There is no layer for this machine."""


def architecture(layer):
    """This machine's name among the layer's architectures."""
    machine = platform.machine()
    names = [name for name, values in layer["architectures"].items() if values["machine"] == machine]
    if platform.system() != SYSTEM or not names:
        raise HostError(f"there is no layer for {platform.system()} on {machine} to be built")
    return names[0]


def place(program, path):
    """Puts the program there, unless it is there: a running one is replaced, not written to."""
    if path.is_file() and path.read_bytes() == program:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    staging = path.with_name(f"{path.name}.{os.getpid()}.part")  # another build may do the same now
    staging.write_bytes(program)
    staging.chmod(0o755)
    staging.replace(path)


@contextlib.contextmanager
def notes(program, seconds=NOTE_SECONDS):
    """Prints a line in this interval until the block ends, so that a build of minutes is not silent."""
    began, ended = time.monotonic(), threading.Event()

    def note():
        while not ended.wait(seconds):
            print(f"Building {program}: {time.monotonic() - began:.0f} s so far", flush=True)

    thread = threading.Thread(target=note)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def main(arguments):
    if len(arguments) != 2 or arguments[0] not in build.FOLDERS:
        print(__doc__, file=sys.stderr)
        return 2
    program, path = arguments
    layer = build.load(program)
    try:
        with notes(program):
            output = build.build(architecture(layer), layer)
        place(check.program(output, program), Path(path))
    except (HostError, sources.SourceError, compilation.BuildError) as error:
        print(HINT.format(error=error), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
