"""Proves that a layer's ffprobe is what it should be; build.py calls it.

    check.py --accept ZIP    writes readable.txt anew from a layer that this machine can run

- It is a static, position-independent program for the right machine.
- It reads what readable.txt lists, and media-probe's whitelist names the same demuxers.
- It says the same about samples as this machine's ffprobe, but for what differences.toml allows.
"""

import hashlib
import platform
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import comparison

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WORK = ROOT / ".tools/layer"
READABLE = HERE / "readable.txt"
WHITELIST = ROOT / "shared/media-probe/src/command.rs"
INPUTS = ("check.py", "comparison.py", "samples.toml", "differences.toml", "readable.txt")
MOST_ZIPPED_BYTES = 3_000_000
ELF_MACHINES = {"x86_64": 62, "aarch64": 183}
ELF_SHARED_OBJECT = 3
PROGRAM_INTERPRETER = 3
LISTS = (("protocol", "-protocols"), ("demuxer", "-demuxers"), ("decoder", "-decoders"))


class CheckError(Exception):
    """The layer is not what it should be."""


def check_elf(content, machine):
    """Fails unless `content` is a static-pie program of 64 bits for the machine."""
    if content[:6] != b"\x7fELF\x02\x01":
        raise CheckError("bin/ffprobe is no 64-bit little-endian ELF file")
    kind, found = struct.unpack_from("<HH", content, 16)
    if found != ELF_MACHINES[machine]:
        raise CheckError(f"bin/ffprobe is for ELF machine {found}, not {machine}")
    if kind != ELF_SHARED_OBJECT:
        raise CheckError("bin/ffprobe is not position-independent")
    (table,) = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<HH", content, 54)
    if any(struct.unpack_from("<I", content, table + i * size)[0] == PROGRAM_INTERPRETER for i in range(count)):
        raise CheckError("bin/ffprobe is not static: it names a loader")


def runner(machine):
    """The words in front of a program for the machine that runs it here, None where nothing does."""
    if platform.machine() == machine:
        return []
    emulator = shutil.which(f"qemu-{machine}") or shutil.which(f"qemu-{machine}-static")
    return [emulator] if emulator else None


def readable(command):
    """What the ffprobe is able to read, one line each."""
    lines = []
    for kind, option in LISTS:
        text = subprocess.run([*command, "-hide_banner", option], capture_output=True, text=True, check=True).stdout
        if kind == "protocol":
            names = re.findall(r"^  (\S+)$", text.partition("Input:")[2].partition("Output:")[0], re.MULTILINE)
        else:
            table = re.split(r"^ -+$", text, flags=re.MULTILINE)[1]
            names = re.findall(r"^ [A-Z.][^=]{2,5} (\S+) ", table, re.MULTILINE)
        lines += [f"{kind} {name}" for name in sorted(names)]
    return lines


def check_readable(found):
    """Fails unless exactly what readable.txt has was found."""
    expected = READABLE.read_text().splitlines()
    faults = [f"+ {line}" for line in found if line not in expected]
    faults += [f"- {line}" for line in expected if line not in found]
    if faults:
        raise CheckError("\n".join(["what it can read is not what readable.txt lists:", *faults]))


def whitelist():
    """media-probe's demuxers, by name."""
    match = re.search(r'const FORMATS: &str = "([^"]*)"', WHITELIST.read_text())
    if not match:
        raise CheckError(f"{WHITELIST.relative_to(ROOT)} has no FORMATS any more")
    return re.sub(r"\\\n\s*", "", match[1]).split(",")


def check_whitelist(found):
    """Fails unless every allowed demuxer is there, and every demuxer that is there is allowed."""
    demuxers = [line.split()[1].split(",") for line in found if line.startswith("demuxer ")]
    built = {name for names in demuxers for name in names}
    allowed = set(whitelist())
    faults = [f"allowed, but not built: {name}" for name in sorted(allowed - built)]
    faults += [f"built, but not allowed: {','.join(names)}" for names in demuxers if not allowed & set(names)]
    if faults:
        raise CheckError("\n".join([f"{WHITELIST.relative_to(ROOT)} and layer.toml differ:", *faults]))


def fingerprint(layer):
    """Of all that the proof depends on."""
    digest = hashlib.sha256(layer.read_bytes() + WHITELIST.read_bytes())
    for name in INPUTS:
        digest.update((HERE / name).read_bytes())
    digest.update(comparison.reference_version().encode())
    return digest.hexdigest()


def prove(layer, architecture):
    """Checks the layer's zip, unless this has been done; fails with a CheckError."""
    machine = architecture["machine"]
    stamp = WORK / f"proved-{machine}"
    command = runner(machine)
    proof = f"{fingerprint(layer)} {command}\n"
    if stamp.exists() and stamp.read_text() == proof:
        return
    if layer.stat().st_size > MOST_ZIPPED_BYTES:
        raise CheckError(f"{layer.name} has {layer.stat().st_size} bytes, more than {MOST_ZIPPED_BYTES}")
    with tempfile.TemporaryDirectory() as folder:
        unpacked = unpack(layer, Path(folder))
        check_elf(unpacked.read_bytes(), machine)
        if command is None:
            print(f"{layer.name}: not run, since there is no qemu-{machine} (Debian package qemu-user)")
        else:
            found = readable([*command, str(unpacked)])
            check_readable(found)
            check_whitelist(found)
            faults = comparison.differences([*command, str(unpacked)], whitelist())
            if faults:
                raise CheckError("\n".join([f"{layer.name} says something else than this machine's ffprobe:", *faults]))
    stamp.write_text(proof)


def unpack(layer, folder):
    """The layer's ffprobe in the folder, executable."""
    path = folder / "ffprobe"
    path.write_bytes(program(layer))
    path.chmod(0o755)
    return path


def program(layer):
    """The bytes of the layer's ffprobe."""
    with zipfile.ZipFile(layer) as archive:
        return archive.read("bin/ffprobe")


def main(arguments):
    match arguments:
        case ["--accept", layer]:
            with tempfile.TemporaryDirectory() as folder:
                READABLE.write_text("\n".join(readable([str(unpack(Path(layer), Path(folder)))])) + "\n")
            return 0
        case _:
            print(__doc__, file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
