"""Builds qjs, a static program of about 1 MB: `quickjs.py arm64|x86_64|host PATH`.

The C sources of QuickJS-ng are part of a crate, which Cargo downloads and verifies. Zig compiles them for both architectures. A
program that was built from the same inputs is reused.
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
    """The program cannot be built, or the sources do not have the pinned hash."""


def pins():
    return tomllib.loads((HERE / "quickjs.toml").read_text())


@contextlib.contextmanager
def exclusive():
    """Locks the build: other builds in this checkout wait."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with open(KEPT / "lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def sources(pin):
    """Returns the folder of the sources. Fetches them if they are missing, and verifies their hash."""
    folder = KEPT / f"rquickjs-sys-{pin['version']}"
    if not folder.is_dir():
        fetch(pin, folder)
    if (found := digest(folder)) != pin["sha256"]:
        raise BuildError(f"the sources in {folder} are not the pinned ones: their SHA-256 is {found}")
    return folder


def fetch(pin, folder):
    """Fetches the crate with Cargo, and moves the sources of QuickJS-ng to `folder`."""
    with tempfile.TemporaryDirectory(dir=KEPT) as scratch:
        package = '[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2024"\n[workspace]\n[lib]\npath = "lib.rs"\n'
        (Path(scratch) / "Cargo.toml").write_text(f'{package}[dependencies]\nrquickjs-sys = "={pin["version"]}"\n')
        (Path(scratch) / "lib.rs").touch()
        result = subprocess.run(["cargo", "vendor", "--quiet", "vendor"], cwd=scratch, capture_output=True, text=True)
        if result.returncode:
            raise BuildError(f"the sources of QuickJS cannot be fetched: {result.stderr}")
        shutil.move(Path(scratch) / "vendor/rquickjs-sys/quickjs", folder)


def digest(folder):
    """Returns the SHA-256 of all compiled files and the licence."""
    total = hashlib.sha256()
    for file in sorted([*folder.glob("*.c"), *folder.glob("*.h"), folder / "LICENSE"]):
        total.update(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def build(architecture):
    """Builds the program for an architecture of Lambda. Returns its path."""
    with exclusive():
        return built(architecture)


def built(architecture):
    """Returns the path of the program. Compiles it if it is missing. The build must be locked."""
    folder = sources(pins())
    inputs = hashlib.sha256((str(FLAGS) + digest(folder) + (HERE / "qjs.c").read_text() + zig_version()).encode())
    output = KEPT / f"qjs-{architecture}-{inputs.hexdigest()[:16]}"
    if output.is_file():
        return output
    print(f"Building QuickJS-ng for {architecture} (half a minute)", flush=True)
    staging = output.with_name(output.name + ".part")  # builds are exclusive, so no other one uses this file
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
    """Returns the architecture of this machine."""
    try:
        return MACHINES[platform.machine()]
    except KeyError:
        raise BuildError(f"QuickJS-ng cannot be built for {platform.machine()}") from None


def main(arguments):
    architecture, path = arguments
    place(build(host() if architecture == "host" else architecture), Path(path))


def place(program, target):
    """Copies the program to `target` unless it is there already. Safe to run concurrently."""
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
