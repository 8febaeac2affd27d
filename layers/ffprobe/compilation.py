"""Compiles zlib, dav1d and a program of FFmpeg for one architecture with Zig."""

import concurrent.futures
import os
import subprocess
import sys
from pathlib import Path

# 1 January 2026: where a build would write its time, it writes this one.
SOURCE_DATE_EPOCH = "1767225600"
# What of zlib reads: FFmpeg needs no more, and configure looks for zlibVersion.
ZLIB = ("adler32", "crc32", "inffast", "inflate", "inftrees", "zutil", "uncompr")
# What dav1d's own build would find out about the target. Without assembly no part depends on the architecture. NDEBUG is not defined: its
# assertions end the program before hostile bytes do worse.
DAV1D_CONFIGURATION = """\
#define CONFIG_8BPC 1
#define CONFIG_16BPC 1
#define CONFIG_LOG 1
#define HAVE_ASM 0
#define HAVE_POSIX_MEMALIGN 1
#define HAVE_UNISTD_H 1
"""
# Its templates are compiled for samples of one byte and of two.
DAV1D_DEPTHS = (8, 16)
# Stands in for pkg-config and knows dav1d alone: nothing is taken from the building machine.
PKG_CONFIG = """\
case "$*" in
    --version) echo 1 ;;
    --exists*dav1d*) exit 0 ;;
    --libs*dav1d*) echo '-ldav1d -lpthread' ;;
    *dav1d*) ;;
    *) exit 1 ;;
esac"""
LAST_LINES = 40


class BuildError(Exception):
    """A step of the build failed; the message says which, and where its output is."""


class Workshop:
    """One architecture's folder: the unpacked sources, and the files built from them."""

    def __init__(self, folder, zig, architecture, configuration, jobs):
        self.folder = folder
        self.architecture = architecture
        self.configuration = configuration
        self.jobs = jobs
        self.tools = folder / "tools"
        self.environment = {
            # The compiler by name, not by path: FFmpeg writes its configuration into the binary.
            "PATH": f"{self.tools}:{os.environ['PATH']}",
            "HOME": str(folder),
            "LC_ALL": "C",
            "TZ": "UTC",
            "SOURCE_DATE_EPOCH": SOURCE_DATE_EPOCH,
            "ZIG_GLOBAL_CACHE_DIR": str(folder / "zig-cache"),
            "ZIG_LOCAL_CACHE_DIR": str(folder / "zig-cache"),
            "TMPDIR": str(folder / "tmp"),
        }
        (folder / "tmp").mkdir()
        self.tools.mkdir()
        # Headers' paths, which assertions write into the binary, begin where the folder is, wherever that is.
        places = f"-ffile-prefix-map='{folder}/'= -I'{folder}/zlib' -L'{folder}/zlib'"
        if (folder / "dav1d").exists():
            places += f" -I'{folder}/dav1d/include' -L'{folder}/dav1d'"
            self.tool("target-pkg-config", PKG_CONFIG)
        self.tool("target-cc", f"exec '{zig}' cc -target {architecture['target']} {places} \"$@\"")
        self.tool("host-cc", f"exec '{zig}' cc \"$@\"")
        for name in ("ar", "ranlib"):
            self.tool(f"target-{name}", f"exec '{zig}' {name} \"$@\"")

    def tool(self, name, script):
        """Writes a command into the folder that is first on the PATH."""
        path = self.tools / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def run(self, step, command, folder):
        """Runs a command, its output into a file, whose end is shown on failure."""
        log = self.folder / f"{step}.log"
        with open(log, "wb") as output:
            result = subprocess.run(
                command,
                cwd=folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        if result.returncode != 0:
            lines = log.read_text(errors="replace").splitlines()[-LAST_LINES:]
            print("\n".join(lines), file=sys.stderr)
            raise BuildError(f"{step} failed; all of its output is in {log}")

    def compile_zlib(self):
        """libz.a with what reads, beside its headers."""
        folder = self.folder / "zlib"
        flags = [self.configuration["optimisation"], *self.configuration["cflags"], "-DHAVE_UNISTD_H=1"]
        for name in ZLIB:
            self.run(f"zlib-{name}", ["target-cc", *flags, "-c", f"{name}.c", "-o", f"{name}.o"], folder)
        self.run("zlib-archive", ["target-ar", "rcsD", "libz.a", *(f"{name}.o" for name in ZLIB)], folder)

    def compile_dav1d(self, version):
        """libdav1d.a, for any architecture the same sources."""
        folder = self.folder / "dav1d"
        (folder / "config.h").write_text(DAV1D_CONFIGURATION)
        (folder / "include/vcs_version.h").write_text(f'#define DAV1D_VERSION "{version}"\n')
        flags = [self.configuration["dav1d_optimisation"], *self.configuration["cflags"]]
        flags += ["-std=c99", "-D_GNU_SOURCE", "-I.", "-Iinclude/dav1d", "-fvisibility=hidden"]
        objects = {}
        for path in sorted((folder / "src").glob("*.c")):
            if path.stem.endswith("_tmpl"):
                for depth in DAV1D_DEPTHS:
                    objects[f"{path.stem}{depth}"] = [f"-DBITDEPTH={depth}", f"src/{path.name}"]
            else:
                objects[path.stem] = [f"src/{path.name}"]

        def compile_object(name):
            self.run(f"dav1d-{name}", ["target-cc", *flags, "-c", *objects[name], "-o", f"{name}.o"], folder)

        with concurrent.futures.ThreadPoolExecutor(self.jobs) as workers:
            list(workers.map(compile_object, objects))
        self.run("dav1d-archive", ["target-ar", "rcsD", "libdav1d.a", *(f"{name}.o" for name in objects)], folder)

    def compile_program(self, program, components):
        """The path of the finished program: ffprobe or ffmpeg."""
        folder = self.folder / "build"
        folder.mkdir()
        self.run("ffmpeg-configure", ["../ffmpeg/configure", *self.options(components)], folder)
        self.run("ffmpeg-make", ["nice", "-n", "10", "make", f"-j{self.jobs}", program], folder)
        return folder / program

    def options(self, components):
        """configure's arguments: no path of this machine among them."""
        flags = " ".join(self.configuration["cflags"])
        return [
            *self.configuration["options"],
            "--enable-cross-compile",
            "--target-os=linux",
            f"--arch={self.architecture['ffmpeg']}",
            "--cc=target-cc",
            "--ld=target-cc",
            "--ar=target-ar",
            "--ranlib=target-ranlib",
            "--host-cc=host-cc",
            f"--optflags={self.configuration['optimisation']}",
            f"--extra-cflags={flags}",
            f"--extra-ldflags={' '.join(self.configuration['ldflags'])}",
            *(f"--enable-{kind}={','.join(names.split())}" for kind, names in components.items()),
        ]


def zig():
    """The compiler in this Python's own environment."""
    import ziglang

    return Path(ziglang.__file__).parent / "zig"
