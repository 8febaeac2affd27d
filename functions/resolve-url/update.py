"""Pins the newest yt-dlp, and the release of its solver that it asks for, by their hashes in requirements.txt: `make update-yt-dlp`."""

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
    """Downloads a package's wheel. Returns the wheel, its version, and the line that pins it."""
    pip = [folder / "venv/bin/python", "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--only-binary", ":all:", "--dest", folder / "wheels", package], check=True)
    name = package.split("==")[0]
    (wheel,) = (folder / "wheels").glob(f"{name.replace('-', '_')}-[0-9]*.whl")
    version = wheel.name.split("-")[1]
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return wheel, version, f"{name}=={version} \\\n    --hash=sha256:{digest}\n"


def newest(folder):
    """Downloads the newest release and its solver. Returns their versions, and the lines that pin them."""
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
    print(f"yt-dlp {version} with yt-dlp-ejs {solver}" + (", as before" if text == updated else ""))


if __name__ == "__main__":
    main()
