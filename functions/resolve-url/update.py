"""Pins the newest yt-dlp, and the release of its solver that it asks for, in requirements.txt: `make update-yt-dlp`."""

import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent / "requirements.txt"
SOLVER = re.compile(r"^Requires-Dist: yt-dlp-ejs==([\w.]+); extra == 'default'$", re.MULTILINE)


def newest(folder):
    """Fetches the newest release's wheel. Its version, and that of the solver."""
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    pip = [folder / "venv/bin/python", "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--only-binary", ":all:", "--dest", folder, "yt-dlp"], check=True)
    (wheel,) = folder.glob("yt_dlp-*.whl")
    version = wheel.name.split("-")[1]
    with zipfile.ZipFile(wheel) as opened:
        metadata = opened.read(f"yt_dlp-{version}.dist-info/METADATA").decode()
    return version, SOLVER.search(metadata)[1]


def main():
    with tempfile.TemporaryDirectory() as folder:
        version, solver = newest(Path(folder))
    text = REQUIREMENTS.read_text()
    updated = re.sub(r"^yt-dlp==.*$", f"yt-dlp=={version}", text, flags=re.MULTILINE)
    updated = re.sub(r"^yt-dlp-ejs==.*$", f"yt-dlp-ejs=={solver}", updated, flags=re.MULTILINE)
    REQUIREMENTS.write_text(updated)
    print(f"yt-dlp {version} with yt-dlp-ejs {solver}" + (", as before" if text == updated else ""))


if __name__ == "__main__":
    main()
