"""Proves that a layer's program is what it should be; build.py calls it.

    check.py --accept ZIP    writes readable.txt of the layer's folder anew, from a layer that this machine can run

- It is a static, position-independent program for the right machine.
- It reads and writes what readable.txt lists, and the whitelist of the function that runs it names the same demuxers.
- ffprobe says the same about samples as this machine's ffprobe, but for what differences.toml allows. ffmpeg is compared by the
  tests of functions/mux-streams.
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
FOLDERS = {"ffprobe": HERE, "ffmpeg": HERE.parent / "ffmpeg"}
# The constant FORMATS of the code that runs the program.
PROBE, MUX = ROOT / "shared/media-probe/src/command.rs", ROOT / "functions/mux-streams/src/command.rs"
WHITELISTS = {"ffprobe": [PROBE], "ffmpeg": [PROBE, MUX]}
INPUTS = ("check.py", "comparison.py", "samples.toml", "differences.toml", "readable.txt")
MOST_ZIPPED_BYTES = {"ffprobe": 3_000_000, "ffmpeg": 6_000_000}
ELF_MACHINES = {"x86_64": 62, "aarch64": 183}
ELF_SHARED_OBJECT = 3
PROGRAM_INTERPRETER = 3
LISTS = (("protocol", "-protocols"), ("demuxer", "-demuxers"), ("decoder", "-decoders"))
# What ffmpeg lists beyond that. `-filters` is left out: its command line brings some that nothing here uses.
MORE_LISTS = (("muxer", "-muxers"), ("encoder", "-encoders"), ("bsf", "-bsfs"))


class CheckError(Exception):
    """The layer is not what it should be."""


def check_elf(content, machine):
    """Fails unless `content` is a static-pie program of 64 bits for the machine."""
    if content[:6] != b"\x7fELF\x02\x01":
        raise CheckError("the program is no 64-bit little-endian ELF file")
    kind, found = struct.unpack_from("<HH", content, 16)
    if found != ELF_MACHINES[machine]:
        raise CheckError(f"the program is for ELF machine {found}, not {machine}")
    if kind != ELF_SHARED_OBJECT:
        raise CheckError("the program is not position-independent")
    (table,) = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<HH", content, 54)
    if any(struct.unpack_from("<I", content, table + i * size)[0] == PROGRAM_INTERPRETER for i in range(count)):
        raise CheckError("the program is not static: it names a loader")


def runner(machine):
    """The words in front of a program for the machine that runs it here, None where nothing does."""
    if platform.machine() == machine:
        return []
    emulator = shutil.which(f"qemu-{machine}") or shutil.which(f"qemu-{machine}-static")
    return [emulator] if emulator else None


def readable(command, program="ffprobe"):
    """What the program is able to read and write, one line each."""
    lines = []
    for kind, option in LISTS if program == "ffprobe" else LISTS + MORE_LISTS:
        text = subprocess.run([*command, "-hide_banner", option], capture_output=True, text=True, check=True).stdout
        if kind == "protocol":
            names = re.findall(r"^  (\S+)$", text.partition("Input:")[2].partition("Output:")[0], re.MULTILINE)
        elif kind == "bsf":
            names = text.split()[2:]
        else:
            table = re.split(r"^ -+$", text, flags=re.MULTILINE)[1]
            names = re.findall(r"^ [A-Z. ][^=]{2,5} (\S+) ", table, re.MULTILINE)
        lines += [f"{kind} {name}" for name in sorted(names)]
    return lines


def check_readable(found, program="ffprobe"):
    """Fails unless exactly what readable.txt has was found."""
    expected = (FOLDERS[program] / "readable.txt").read_text().splitlines()
    faults = [f"+ {line}" for line in found if line not in expected]
    faults += [f"- {line}" for line in expected if line not in found]
    if faults:
        raise CheckError("\n".join(["what it can read is not what readable.txt lists:", *faults]))


def whitelist(program="ffprobe"):
    """The allowed demuxers, by name."""
    names = []
    for path in WHITELISTS[program]:
        match = re.search(r'const FORMATS: &str =\s+"([^"]*)"', path.read_text())
        if not match:
            raise CheckError(f"{path.relative_to(ROOT)} has no FORMATS any more")
        names += re.sub(r"\\\n\s*", "", match[1]).split(",")
    return names


def check_whitelist(found, program="ffprobe"):
    """Fails unless every allowed demuxer is there, and every demuxer that is there is allowed."""
    demuxers = [line.split()[1].split(",") for line in found if line.startswith("demuxer ")]
    built = {name for names in demuxers for name in names}
    allowed = set(whitelist(program))
    faults = [f"allowed, but not built: {name}" for name in sorted(allowed - built)]
    faults += [f"built, but not allowed: {','.join(names)}" for names in demuxers if not allowed & set(names)]
    if faults:
        paths = " and ".join(str(path.relative_to(ROOT)) for path in WHITELISTS[program])
        raise CheckError("\n".join([f"{paths} and layer.toml differ:", *faults]))


def fingerprint(layer, program):
    """Of all that the proof depends on."""
    digest = hashlib.sha256(layer.read_bytes())
    for path in [*WHITELISTS[program], *(HERE / name for name in INPUTS), FOLDERS[program] / "readable.txt"]:
        digest.update(path.read_bytes())
    digest.update(comparison.reference_version().encode())
    return digest.hexdigest()


def prove(layer, program, architecture):
    """Checks the layer's zip, unless this has been done; fails with a CheckError."""
    machine = architecture["machine"]
    stamp = WORK / f"proved-{program}-{machine}"
    command = runner(machine)
    proof = f"{fingerprint(layer, program)} {command}\n"
    if stamp.exists() and stamp.read_text() == proof:
        return
    if layer.stat().st_size > MOST_ZIPPED_BYTES[program]:
        raise CheckError(f"{layer.name} has {layer.stat().st_size} bytes, more than {MOST_ZIPPED_BYTES[program]}")
    with tempfile.TemporaryDirectory() as folder:
        unpacked = unpack(layer, program, Path(folder))
        check_elf(unpacked.read_bytes(), machine)
        if command is None:
            print(f"{layer.name}: not run, since there is no qemu-{machine} (Debian package qemu-user)")
        else:
            check_program([*command, str(unpacked)], program, layer.name)
    stamp.write_text(proof)


def check_program(command, program, name):
    """Fails unless the program reads and writes what it should."""
    found = readable(command, program)
    check_readable(found, program)
    check_whitelist(found, program)
    faults = comparison.differences(command, whitelist()) if program == "ffprobe" else []
    if faults:
        raise CheckError("\n".join([f"{name} says something else than this machine's ffprobe:", *faults]))


def unpack(layer, name, folder):
    """The layer's program in the folder, executable."""
    path = folder / name
    path.write_bytes(program(layer, name))
    path.chmod(0o755)
    return path


def program(layer, name):
    """The bytes of the layer's program."""
    with zipfile.ZipFile(layer) as archive:
        return archive.read(f"bin/{name}")


def main(arguments):
    match arguments:
        case ["--accept", layer]:
            name = Path(layer).name.partition("-")[0]
            with tempfile.TemporaryDirectory() as folder:
                found = readable([str(unpack(Path(layer), name, Path(folder)))], name)
            (FOLDERS[name] / "readable.txt").write_text("\n".join(found) + "\n")
            return 0
        case _:
            print(__doc__, file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
