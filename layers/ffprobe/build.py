"""Builds the layers: `build.py [--program ffprobe|ffmpeg] [x86_64|arm64 ...]`, all of them without a name.

The outputs are dist/PROGRAM-layer-ARCHITECTURE.zip in the program's folder. What has been built from the same inputs is not built
again.
"""

import argparse
import concurrent.futures
import hashlib
import importlib.metadata
import os
import shutil
import sys
import threading
import time
import tomllib
import zlib
from pathlib import Path

import archive
import check
import compilation
import sources

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# By program, the folder with its layer.toml. Pins, architectures and compiler flags are ffprobe's for all.
FOLDERS = check.FOLDERS
WORK = ROOT / ".tools/layer"
# All that a layer can be made of; dav1d is in ffmpeg's alone.
SOURCES = ("ffmpeg", "zlib", "dav1d")
# Builds side by side need the same sources.
FETCHING = threading.Lock()
# Whatever else changes, the binary stays the same.
INPUTS = ("layer.toml", "sources.py", "compilation.py", "archive.py", "build.py")

POINTER = """\
This layer holds {program} of FFmpeg {ffmpeg[version]} under the GNU Lesser General Public License 2.1 or later (LICENSE),
linked statically with {linked}zlib {zlib[version]} (LICENSE.zlib) and the C library musl as it is in Zig {zig} (LICENSE.musl).

Source, unmodified:
{addresses}

It was configured with:
    {options}

The folder layers/ffprobe of the project Files has the script that builds it from these: `make layer`.
"""


def load(program):
    """The configuration of a program's layer."""
    layer = tomllib.loads((HERE / "layer.toml").read_text())
    own = tomllib.loads((FOLDERS[program] / "layer.toml").read_text())
    configure = layer["configure"] | own["configure"]
    components = dict(own["components"])
    for kind in own["configure"].get("as_ffprobe", []):
        components[kind] = f"{components.get(kind, '')} {layer['components'][kind]}"
    own_sources = {name: own[name] for name in SOURCES if name in own}
    return layer | own_sources | {"program": program, "configure": configure, "components": components}


def inputs_hash(architecture, program):
    """Of all that the zip's bytes depend on."""
    digest = hashlib.sha256(f"{program} {architecture} {zig_version()} {zlib.ZLIB_RUNTIME_VERSION}".encode())
    for path in [*(HERE / name for name in INPUTS), FOLDERS[program] / "layer.toml"]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def zig_version():
    """The compiler's release."""
    return importlib.metadata.version("ziglang")


def is_current(output, stamp, inputs):
    """Whether the output is there, unchanged, and made from these inputs."""
    return output.exists() and stamp.exists() and stamp.read_text() == f"{inputs} {sources.sha256(output)}\n"


def musl_licence():
    """musl's copyright file in the compiler's own copy."""
    return (compilation.zig().parent / "lib/libc/musl/COPYRIGHT").read_bytes()


def build(name, layer, jobs=os.cpu_count() or 1):
    """Compiles, with so many processes, and packs one architecture's layer; the path of the zip."""
    program = layer["program"]
    output = FOLDERS[program] / f"dist/{program}-layer-{name}.zip"
    stamp = WORK / f"built-{program}-{name}"
    inputs = inputs_hash(name, program)
    if is_current(output, stamp, inputs):
        return output
    began = time.monotonic()
    folder = WORK / f"work-{program}-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    parts = [source for source in SOURCES if source in layer]
    for source in parts:
        with FETCHING:
            archived = sources.fetch(source, layer[source], WORK / "sources")
        sources.unpack(archived, folder / source)
    print(f"Building {program} {layer['ffmpeg']['version']} for {name} (a few minutes)", flush=True)
    workshop = compilation.Workshop(
        folder, compilation.zig(), layer["architectures"][name], layer["configure"], jobs
    )
    workshop.compile_zlib()
    if "dav1d" in layer:
        workshop.compile_dav1d(layer["dav1d"]["version"])
    compiled = workshop.compile_program(program, layer["components"])
    output.parent.mkdir(exist_ok=True)
    licences = [(f"{program}/LICENSE.{part}", text, False) for part, text in texts(folder).items()]
    archive.write_zip(
        output,
        [
            (f"bin/{program}", compiled.read_bytes(), True),
            (f"{program}/LICENSE", (folder / "ffmpeg/COPYING.LGPLv2.1").read_bytes(), False),
            *licences,
            (f"{program}/SOURCE", pointer(layer, workshop, parts).encode(), False),
        ],
    )
    shutil.rmtree(folder)
    stamp.write_text(f"{inputs} {sources.sha256(output)}\n")
    print(f"Built in {time.monotonic() - began:.0f} s", flush=True)
    return output


def pointer(layer, workshop, parts):
    """Where the layer's sources are, and how they were configured."""
    options = workshop.options(layer["components"])
    return POINTER.format(
        **layer,
        linked=f"dav1d {layer['dav1d']['version']} (LICENSE.dav1d), " if "dav1d" in parts else "",
        addresses="\n".join(f"    {layer[part]['url']}\n    SHA-256 {layer[part]['sha256']}" for part in parts),
        zig=zig_version(),
        options=" ".join(f"'{option}'" if " " in option else option for option in options),
    )


def texts(folder):
    """By name, the licences of what is linked with FFmpeg."""
    licences = {"musl": musl_licence(), "zlib": zlib_licence(folder / "zlib")}
    dav1d = folder / "dav1d/COPYING"
    return licences | ({"dav1d": dav1d.read_bytes()} if dav1d.exists() else {})


def zlib_licence(folder):
    """The licence at the top of zlib.h: Debian's tarball and upstream's both have it."""
    text = (folder / "zlib.h").read_text()
    return text[text.index("/*") + 2 : text.index("*/")].encode()


def main(arguments):
    architectures = load("ffprobe")["architectures"]
    parser = argparse.ArgumentParser(description="Builds the layers.")
    parser.add_argument("--program", choices=FOLDERS)
    parser.add_argument("architectures", nargs="*", metavar="ARCHITECTURE", help=", ".join(architectures))
    options = parser.parse_args(arguments)
    names = options.architectures or list(architectures)
    if unknown := set(names) - set(architectures):
        parser.error(f"no such architecture: {', '.join(sorted(unknown))}")
    try:
        for program in [options.program] if options.program else FOLDERS:
            build_and_prove(names, load(program))
    except (sources.SourceError, compilation.BuildError, check.CheckError) as error:
        print(f"layer: {error}", file=sys.stderr)
        return 1
    return 0


def build_and_prove(names, layer):
    """Builds a program's layers side by side, since configure uses one core; checks them, and prints their sizes."""
    jobs = max(1, (os.cpu_count() or 1) // len(names))
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as workers:
        outputs = list(workers.map(lambda name: build(name, layer, jobs), names))
    for name, output in zip(names, outputs, strict=True):
        check.prove(output, layer["program"], layer["architectures"][name])
        size = output.stat().st_size / 1e6
        print(f"{output.relative_to(ROOT)}: {size:.2f} MB, SHA-256 {sources.sha256(output)}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
