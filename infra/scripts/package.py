"""Builds the zip of each function of the template for Lambda, at the path of its CodeUri.

    python package.py arm64|x86_64 [--profile PROFILE] [--into FOLDER] [--only CRATE] [--locked] [--built FOLDER]

Compiles all of them in one run of cargo-lambda; --only compiles another crate in the same way. The same sources and tools give the
same bytes. With --built it compiles nothing and packs this machine's binaries, for an emulator on this machine.
"""

import argparse
import hashlib
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "layers/ffprobe"))

sys.path.append(str(ROOT / "functions/resolve-url/quickjs"))

import quickjs  # noqa: E402: the program in the zip of the Python function
from archive import write_zip  # noqa: E402: shared with the layer

GLIBC = (2, 34)  # of provided.al2023
# By Lambda's name of the architecture: Rust's target, and the machine in an ELF header.
TARGETS = {"arm64": ("aarch64-unknown-linux-gnu", 183), "x86_64": ("x86_64-unknown-linux-gnu", 62)}


class Fault(Exception):
    """Raised for a problem that the user must solve."""


# The Python version of the template's functions, and the magic number of its compiled modules (importlib.util.MAGIC_NUMBER), which
# all its releases share.
PYTHON = "3.13"
MAGIC = (3571).to_bytes(2, "little") + b"\r\n"
COMPILER = ROOT / "functions/resolve-url/compiler"
# Where Lambda unpacks a function.
PLACE = "/var/task"
# Folders of an installed package that are not needed at run time.
NOT_PACKED = ("bin",)


def python_functions(root):
    """Returns the folders of functions/ with Python functions."""
    return sorted(file.parent.name for file in (root / "functions").glob("*/requirements.txt"))


def functions(root):
    """Returns the crates of functions/."""
    return sorted(manifest.parent.name for manifest in (root / "functions").glob("*/Cargo.toml"))


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def has_standard_library(compiler, target):
    """Returns whether the compiler has the standard library of the target."""
    folder = Path(output_of(compiler, "--print", "target-libdir", "--target", target))
    return any(folder.glob("libstd-*"))


def compiler_for(target):
    """Returns a compiler with the target's standard library: this machine's, or for arm64 Debian's."""
    compiler = os.environ.get("RUSTC") or "rustc"
    if has_standard_library(compiler, target):
        return compiler
    if target != TARGETS["arm64"][0] or subprocess.run([ROOT / "infra/scripts/rust-arm64.sh", "compiler"]).returncode:
        raise Fault(f"Rust's standard library for {target} is missing (rustup target add {target}).")
    print(f"This machine's Rust has no standard library for {target}; using Debian's compiler.", flush=True)
    return ROOT / ".tools/rust-arm64/rustc"


def remapped(root, cargo_home):
    """Returns compiler options that remove this machine's paths from panic messages."""
    folders = {cargo_home / "registry/src": "/cargo", root: "/files"}
    return [f"--remap-path-prefix={folder}={name}" for folder, name in folders.items()]


def build(target, compiler, crates, options):
    """Compiles all crates. Each program is then FOLDER/<crate>/bootstrap."""
    glibc = ".".join(map(str, GLIBC))
    cargo_home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    venv = Path(sys.executable).parent
    command = [venv / "cargo-lambda", "lambda", "build", "--profile", options.profile, "--target", f"{target}.{glibc}"]
    command += ["--skip-target-check", "--lambda-dir", ROOT / options.into, *(["--locked"] if options.locked else [])]
    for crate in crates:
        command += ["--package", crate]
    with tempfile.TemporaryDirectory() as stubs:
        refuse_rustup(Path(stubs))
        environment = os.environ | {
            "PATH": f"{stubs}:{venv}:{os.environ['PATH']}",  # cargo-lambda finds Zig through its Python
            "RUSTC": str(compiler),
            "RUSTFLAGS": " ".join(remapped(ROOT, cargo_home)),
        }
        if subprocess.run(command, cwd=ROOT, env=environment).returncode:
            raise Fault("cargo-lambda failed, see above.")


def refuse_rustup(folder):
    """Writes a rustup that fails: cargo-lambda would change the machine's toolchains."""
    stub = folder / "rustup"
    stub.write_text("#!/bin/sh\necho 'package.py: the build may not call rustup' >&2\nexit 1\n")
    stub.chmod(0o755)


def check_machine(name, binary, machine):
    """Fails if the program is of another architecture, which Lambda could not start."""
    if binary[:4] != b"\x7fELF" or struct.unpack_from("<H", binary, 18)[0] != machine:
        raise Fault(f"{name} is built for another architecture.")


def check_glibc(name, binary):
    """Fails if the program needs a newer glibc than Lambda has."""
    versions = [tuple(map(int, found.split(b"."))) for found in re.findall(rb"GLIBC_(\d+\.\d+)", binary)]
    if versions and max(versions) > GLIBC:
        raise Fault(f"{name} needs glibc {'.'.join(map(str, max(versions)))}, Lambda has {'.'.join(map(str, GLIBC))}.")


def pack(folder, machine):
    """Writes bootstrap.zip beside bootstrap and returns a line of the table."""
    binary = (folder / "bootstrap").read_bytes()
    check_machine(folder.name, binary, machine)
    archive = folder / "bootstrap.zip"
    write_zip(archive, [("bootstrap", binary, True)])
    content = archive.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return f"{folder.name:<16} {len(binary) / 1e6:7.1f} MB {len(content) / 1e6:7.1f} MB  sha256 {digest[:16]}"


def pack_python(name, options):
    """Writes python.zip (the function's modules, its packages and the JavaScript engine) and returns a line of the table."""
    source, folder = ROOT / "functions" / name, ROOT / options.into / name
    packages = folder / "packages"
    shutil.rmtree(packages, ignore_errors=True)
    install(source / "requirements.txt", packages)
    for module in sorted(source.glob("*.py")):
        if module.name != "update.py":
            shutil.copyfile(module, packages / module.name)
    compiled = compile_ahead(packages)
    files = []
    for file in sorted(packages.rglob("*")):
        inner = file.relative_to(packages)
        if file.is_file() and not set(inner.parts) & set(NOT_PACKED):
            files.append((str(inner), file.read_bytes(), False))
    engine = quickjs.build(options.architecture).read_bytes()
    check_machine("qjs", engine, TARGETS[options.architecture][1])
    files.append(("qjs", engine, True))
    archive = folder / "python.zip"
    write_zip(archive, files)
    content = archive.read_bytes()
    size = sum(len(inside) for _, inside, _ in files)
    digest = hashlib.sha256(content).hexdigest()
    ahead = f"{compiled} modules compiled ahead"
    return f"{name:<16} {size / 1e6:7.1f} MB {len(content) / 1e6:7.1f} MB  sha256 {digest[:16]}  ({ahead})"


def compile_ahead(folder):
    """Compiles all modules for Lambda's Python, whatever this machine's version is, and returns their number. Otherwise a cold start
    would compile a thousand extractors of yt-dlp."""
    node = ROOT / "infra/scripts/node.sh"
    lock, installed = COMPILER / "package-lock.json", COMPILER / "node_modules/.installed"
    if not installed.is_file() or installed.read_bytes() != lock.read_bytes():
        run_tool(node, "npm", "ci", "--prefix", COMPILER, "--no-audit", "--no-fund", "--loglevel=error")
        installed.write_bytes(lock.read_bytes())  # last, so that an interrupted installation is repeated
    run_tool(node, "node", COMPILER / "compile.mjs", folder, PLACE, PYTHON)
    return check_compiled(folder)


def run_tool(*command):
    if subprocess.run(command, stdin=subprocess.DEVNULL).returncode:
        raise Fault(f"{Path(command[1]).name} of Node.js failed, see above: resolve-url cannot be compiled ahead.")


def check_compiled(folder):
    """Fails if a module is not compiled, or is compiled for another version. Returns the number of modules."""
    tag = f".cpython-{PYTHON.replace('.', '')}.pyc"
    sources = [source for source in sorted(folder.rglob("*.py")) if is_module(source)]
    for source in sources:
        compiled = source.parent / "__pycache__" / (source.stem + tag)
        if not compiled.is_file() or compiled.read_bytes()[:4] != MAGIC:
            raise Fault(f"{source.relative_to(folder)} is not compiled for Python {PYTHON}.")
    return len(sources)


def is_module(source):
    """Returns whether Python can import the file by its name."""
    return source.stem.isidentifier()


def install(requirements, folder):
    """Installs the pinned packages from wheels, without compiling."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps"]
    command += ["--no-compile", "--require-hashes", "--only-binary", ":all:", "--target", folder, "--requirement", requirements]
    if subprocess.run(command, stdin=subprocess.DEVNULL).returncode:
        raise Fault(f"The packages of {requirements.relative_to(ROOT)} cannot be installed, see above.")


def read_options(arguments):
    parser = argparse.ArgumentParser(description="Builds the functions' zips for Lambda.")
    parser.add_argument("architecture", choices=sorted(TARGETS))
    parser.add_argument("--profile", default="lambda", help="Cargo profile; default lambda")
    parser.add_argument("--into", default="target/lambda", help="output folder; default target/lambda, as in the template")
    parser.add_argument("--built", metavar="FOLDER", help="compile nothing and pack the binaries of this folder")
    parser.add_argument("--only", metavar="CRATE", help="build this crate instead of the functions")
    parser.add_argument("--locked", action="store_true", help="fail if Cargo.lock is not up to date")
    return parser.parse_args(arguments)


def compile_all(crates, options):
    """Compiles the crates for Lambda."""
    target, machine = TARGETS[options.architecture]
    compiler = compiler_for(target)
    print(f"Building {len(crates)} functions for {options.architecture} (the first build takes several minutes)", flush=True)
    build(target, compiler, crates, options)
    for crate in crates:
        check_glibc(crate, (ROOT / options.into / crate / "bootstrap").read_bytes())


def take_built(crates, options):
    """Copies existing binaries."""
    for crate in crates:
        folder = ROOT / options.into / crate
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / options.built / crate, folder / "bootstrap")


def main(arguments):
    options = read_options(arguments)
    crates = [options.only] if options.only else functions(ROOT)
    (take_built if options.built else compile_all)(crates, options)
    print(f"{'function':<16} {'binary':>10} {'zip':>10}")
    for crate in crates:
        print(pack(ROOT / options.into / crate, TARGETS[options.architecture][1]))
    for name in [] if options.only else python_functions(ROOT):
        print(pack_python(name, options))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (Fault, quickjs.BuildError) as fault:
        sys.exit(str(fault))
