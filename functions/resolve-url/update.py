"""Pins the newest release of yt-dlp and the release of yt-dlp-ejs that it requires, with hashes, in requirements.txt.

Run by `make update-yt-dlp`.
"""

import hashlib
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent / "requirements.txt"
SOLVER = re.compile(r"^Requires-Dist: yt-dlp-ejs==([\w.]+); extra == 'default'$", re.MULTILINE)


def download(folder, package):
    """Downloads the wheel of a package. Returns its path, its version, and its line in requirements.txt."""
    pip = [folder / "venv/bin/python", "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--only-binary", ":all:", "--dest", folder / "wheels", package], check=True)
    name = package.split("==")[0]
    (wheel,) = (folder / "wheels").glob(f"{name.replace('-', '_')}-[0-9]*.whl")
    version = wheel.name.split("-")[1]
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return wheel, version, f"{name}=={version} \\\n    --hash=sha256:{digest}\n"


def newest(folder):
    """Downloads the newest yt-dlp and its yt-dlp-ejs. Returns their versions, and their lines in requirements.txt."""
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    wheel, version, pin = download(folder, "yt-dlp")
    with zipfile.ZipFile(wheel) as opened:
        metadata = opened.read(f"yt_dlp-{version}.dist-info/METADATA").decode()
    _, solver, solver_pin = download(folder, f"yt-dlp-ejs=={SOLVER.search(metadata)[1]}")
    return version, solver, pin + solver_pin


def main():
    with tempfile.TemporaryDirectory() as folder:
        version, solver, pins = newest(Path(folder))
    text = REQUIREMENTS.read_text()
    comments = "".join(line for line in text.splitlines(keepends=True) if line.startswith("#"))
    updated = comments + pins
    REQUIREMENTS.write_text(updated)
    print(f"yt-dlp {version} with yt-dlp-ejs {solver}" + (", unchanged" if text == updated else ""))


if __name__ == "__main__":
    main()
