"""Builds the zip of every function of the template for Lambda, where the template's CodeUri names it.

    python package.py arm64|x86_64 [--profile PROFILE] [--into FOLDER] [--only CRATE] [--locked] [--built FOLDER]

One compilation for all of them, by cargo-lambda; with --only, of another crate in the same way. The same sources and tools
give the same bytes. With --built nothing is compiled: this machine's own binaries are packed, for an emulator on this machine.
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

import quickjs  # noqa: E402: the program that goes into the Python function
from archive import write_zip  # noqa: E402: the layer's, so that there is one

GLIBC = (2, 34)  # of provided.al2023
# Architecture as Lambda calls it: Rust's target, and the machine in an ELF header.
TARGETS = {"arm64": ("aarch64-unknown-linux-gnu", 183), "x86_64": ("x86_64-unknown-linux-gnu", 62)}


class Fault(Exception):
    """Something that the person at the keyboard has to put right."""


# Of the functions in Python, as the template has it, and what its compiled modules begin with: of all its releases, and of no
# other version (importlib.util.MAGIC_NUMBER).
PYTHON = "3.13"
MAGIC = (3571).to_bytes(2, "little") + b"\r\n"
COMPILER = ROOT / "functions/resolve-url/compiler"
# Where Lambda unpacks a function.
PLACE = "/var/task"
# What of an installed package is not needed to run it.
NOT_PACKED = ("bin",)


def python_functions(root):
    """The folders of functions/ that hold Python."""
    return sorted(file.parent.name for file in (root / "functions").glob("*/requirements.txt"))


def functions(root):
    """The crates of functions/."""
    return sorted(manifest.parent.name for manifest in (root / "functions").glob("*/Cargo.toml"))


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def has_standard_library(compiler, target):
    """Whether the compiler has the target's."""
    folder = Path(output_of(compiler, "--print", "target-libdir", "--target", target))
    return any(folder.glob("libstd-*"))


def compiler_for(target):
    """A compiler with the target's standard library: this machine's, else for arm64 Debian's."""
    compiler = os.environ.get("RUSTC") or "rustc"
    if has_standard_library(compiler, target):
        return compiler
    if target != TARGETS["arm64"][0] or subprocess.run([ROOT / "infra/scripts/rust-arm64.sh", "compiler"]).returncode:
        raise Fault(f"Rust's standard library for {target} is missing (rustup target add {target}).")
    print(f"This machine's Rust has no standard library for {target}: Debian's compiler is taken instead.", flush=True)
    return ROOT / ".tools/rust-arm64/rustc"


def remapped(root, cargo_home):
    """Options that keep this machine's folders out of the binaries, where panics would name them."""
    folders = {cargo_home / "registry/src": "/cargo", root: "/files"}
    return [f"--remap-path-prefix={folder}={name}" for folder, name in folders.items()]


def build(target, compiler, crates, options):
    """Compiles them all. Each is then FOLDER/<crate>/bootstrap."""
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
            "PATH": f"{stubs}:{venv}:{os.environ['PATH']}",  # Zig is found by its Python
            "RUSTC": str(compiler),
            "RUSTFLAGS": " ".join(remapped(ROOT, cargo_home)),
        }
        if subprocess.run(command, cwd=ROOT, env=environment).returncode:
            raise Fault("cargo-lambda failed, see above.")


def refuse_rustup(folder):
    """Puts a rustup there that fails: a build must not change the machine's toolchains, as cargo-lambda would."""
    stub = folder / "rustup"
    stub.write_text("#!/bin/sh\necho 'package.py: the build may not call rustup' >&2\nexit 1\n")
    stub.chmod(0o755)


def check_machine(name, binary, machine):
    """Lambda could not start another machine's program."""
    if binary[:4] != b"\x7fELF" or struct.unpack_from("<H", binary, 18)[0] != machine:
        raise Fault(f"{name} is not built for the architecture.")


def check_glibc(name, binary):
    """Nor one that needs a newer glibc."""
    versions = [tuple(map(int, found.split(b"."))) for found in re.findall(rb"GLIBC_(\d+\.\d+)", binary)]
    if versions and max(versions) > GLIBC:
        raise Fault(f"{name} needs glibc {'.'.join(map(str, max(versions)))}, Lambda has {'.'.join(map(str, GLIBC))}.")


def pack(folder, machine):
    """Writes bootstrap.zip beside bootstrap. What there is to say of it."""
    binary = (folder / "bootstrap").read_bytes()
    check_machine(folder.name, binary, machine)
    archive = folder / "bootstrap.zip"
    write_zip(archive, [("bootstrap", binary, True)])
    content = archive.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return f"{folder.name:<16} {len(binary) / 1e6:7.1f} MB {len(content) / 1e6:7.1f} MB  sha256 {digest[:16]}"


def pack_python(name, options):
    """Writes python.zip: the function's own modules, what it requires, and the JavaScript engine. What there is to say of it."""
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
    """Compiles all modules for Lambda's Python, whatever this machine's is: a cold start would otherwise compile a thousand
    extractors of yt-dlp, within the seconds of a preview. How many there are."""
    node = ROOT / "infra/scripts/node.sh"
    lock, installed = COMPILER / "package-lock.json", COMPILER / "node_modules/.installed"
    if not installed.is_file() or installed.read_bytes() != lock.read_bytes():
        run_tool(node, "npm", "ci", "--prefix", COMPILER, "--no-audit", "--no-fund", "--loglevel=error")
        installed.write_bytes(lock.read_bytes())  # last: an interrupted install is made again
    run_tool(node, "node", COMPILER / "compile.mjs", folder, PLACE, PYTHON)
    return check_compiled(folder)


def run_tool(*command):
    if subprocess.run(command, stdin=subprocess.DEVNULL).returncode:
        raise Fault(f"{Path(command[1]).name} of Node.js failed, see above: resolve-url cannot be compiled ahead.")


def check_compiled(folder):
    """Lambda would compile a module anew of which there is no file, or one of another version. How many there are."""
    tag = f".cpython-{PYTHON.replace('.', '')}.pyc"
    sources = [source for source in sorted(folder.rglob("*.py")) if is_module(source)]
    for source in sources:
        compiled = source.parent / "__pycache__" / (source.stem + tag)
        if not compiled.is_file() or compiled.read_bytes()[:4] != MAGIC:
            raise Fault(f"{source.relative_to(folder)} is not compiled for Python {PYTHON}.")
    return len(sources)


def is_module(source):
    """Whether it can be imported by its name: all of its folders and itself are names to Python."""
    return source.stem.isidentifier()


def install(requirements, folder):
    """Installs what is pinned, from wheels, without what they would compile."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps"]
    command += ["--no-compile", "--only-binary", ":all:", "--target", folder, "--requirement", requirements]
    if subprocess.run(command, stdin=subprocess.DEVNULL).returncode:
        raise Fault(f"what {requirements.relative_to(ROOT)} names cannot be installed, see above.")


def read_options(arguments):
    parser = argparse.ArgumentParser(description="Builds the functions' zips for Lambda.")
    parser.add_argument("architecture", choices=sorted(TARGETS))
    parser.add_argument("--profile", default="lambda", help="Cargo's; default lambda")
    parser.add_argument("--into", default="target/lambda", help="the folder; default target/lambda, as the template has it")
    parser.add_argument("--built", metavar="FOLDER", help="compile nothing, take the binaries of this folder")
    parser.add_argument("--only", metavar="CRATE", help="another crate instead of the functions")
    parser.add_argument("--locked", action="store_true", help="take Cargo.lock as it is")
    return parser.parse_args(arguments)


def compile_all(crates, options):
    """Compiles them for Lambda."""
    target, machine = TARGETS[options.architecture]
    compiler = compiler_for(target)
    print(f"Building {len(crates)} functions for {options.architecture} (the first time takes some minutes)", flush=True)
    build(target, compiler, crates, options)
    for crate in crates:
        check_glibc(crate, (ROOT / options.into / crate / "bootstrap").read_bytes())


def take_built(crates, options):
    """Takes them as they are."""
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
