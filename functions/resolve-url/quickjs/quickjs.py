"""Builds qjs, a static program of about a megabyte: `quickjs.py arm64|x86_64|host PATH`.

QuickJS-ng's C sources come with a crate, which Cargo fetches and checks; Zig compiles them for either architecture. What was
built from the same inputs is taken as it is.
"""

import contextlib
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
KEPT = ROOT / ".tools/quickjs"
SOURCES = ("quickjs.c", "libregexp.c", "libunicode.c", "dtoa.c")
FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-DQUICKJS_NG_BUILD", "-O2", "-w", "-static", "-s", "-fstack-protector-strong"]
FLAGS += ["-fno-sanitize=undefined", "-Wl,-z,relro,-z,now"]
MACHINES = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
TARGETS = {"x86_64": "x86_64-linux-musl", "arm64": "aarch64-linux-musl"}


class BuildError(Exception):
    """It cannot be built, or is not what is pinned."""


def pins():
    return tomllib.loads((HERE / "quickjs.toml").read_text())


@contextlib.contextmanager
def exclusive():
    """Makes other builds in this checkout wait until this one is done."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with open(KEPT / "lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def sources(pin):
    """The folder of the engine's sources, fetched unless they are there."""
    folder = KEPT / f"rquickjs-sys-{pin['version']}"
    if not folder.is_dir():
        fetch(pin, folder)
    if (found := digest(folder)) != pin["sha256"]:
        raise BuildError(f"the sources in {folder} are not the pinned ones: their SHA-256 is {found}")
    return folder


def fetch(pin, folder):
    """Has Cargo fetch the crate, and keeps the engine's part of it."""
    with tempfile.TemporaryDirectory(dir=KEPT) as scratch:
        package = '[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2024"\n[workspace]\n[lib]\npath = "lib.rs"\n'
        (Path(scratch) / "Cargo.toml").write_text(f'{package}[dependencies]\nrquickjs-sys = "={pin["version"]}"\n')
        (Path(scratch) / "lib.rs").touch()
        result = subprocess.run(["cargo", "vendor", "--quiet", "vendor"], cwd=scratch, capture_output=True, text=True)
        if result.returncode:
            raise BuildError(f"the sources of QuickJS cannot be fetched: {result.stderr}")
        shutil.move(Path(scratch) / "vendor/rquickjs-sys/quickjs", folder)


def digest(folder):
    """Of all that is compiled, and the licence."""
    total = hashlib.sha256()
    for file in sorted([*folder.glob("*.c"), *folder.glob("*.h"), folder / "LICENSE"]):
        total.update(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def build(architecture):
    """The path of the program for an architecture, as Lambda calls it."""
    with exclusive():
        return built(architecture)


def built(architecture):
    """The path of the program, which is compiled unless it is there."""
    folder = sources(pins())
    inputs = hashlib.sha256((str(FLAGS) + digest(folder) + (HERE / "qjs.c").read_text() + zig_version()).encode())
    output = KEPT / f"qjs-{architecture}-{inputs.hexdigest()[:16]}"
    if output.is_file():
        return output
    print(f"Building QuickJS-ng for {architecture} (half a minute)", flush=True)
    staging = output.with_name(output.name + ".part")  # no other build's: see exclusive
    command = [sys.executable, "-m", "ziglang", "cc", "-target", TARGETS[architecture], *FLAGS, f"-I{folder}"]
    command += [HERE / "qjs.c", *(folder / name for name in SOURCES), "-lm", "-o", staging]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if result.returncode:
        raise BuildError(f"QuickJS-ng cannot be built: {result.stderr}")
    staging.chmod(0o755)
    staging.replace(output)
    return output


def zig_version():
    from importlib.metadata import version

    return version("ziglang")


def host():
    """This machine's architecture."""
    try:
        return MACHINES[platform.machine()]
    except KeyError:
        raise BuildError(f"there is no QuickJS-ng for {platform.machine()} to be built") from None


def main(arguments):
    architecture, path = arguments
    place(build(host() if architecture == "host" else architecture), Path(path))


def place(program, target):
    """Puts the program there, unless it is there. Several may do so at once."""
    if target.is_file() and target.read_bytes() == program.read_bytes():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        shutil.copy(program, staging)
        staging.replace(target)
    finally:
        staging.unlink(missing_ok=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except BuildError as error:
        sys.exit(f"quickjs: {error}")
