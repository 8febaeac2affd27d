"""Fetches the pinned sources: from the machine's Debian mirror where it has one, else from where they are published."""

import hashlib
import shutil
import subprocess
import tarfile
import urllib.request
from pathlib import Path

# In apt's own package; it downloads by the machine's configuration: mirror, proxy, credentials.
APT_HELPER = Path("/usr/lib/apt/apt-helper")
# Of the archive, and of the security archive.
POOLS = ("pool/main/", "pool/updates/main/")
TIMEOUT_S = 60


class SourceError(Exception):
    """A source is unavailable, or differs from the pinned checksum."""


def sha256(path):
    """The file's SHA-256 in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def mirrors():
    """The archives that apt is configured for, without the lists having been fetched."""
    if not APT_HELPER.exists() or not shutil.which("apt-get"):
        return []
    command = ["apt-get", "-o", "APT::Get::IndexTargets::OnlyPresent=false", "indextargets", "--format", "$(REPO_URI)"]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return sorted(set(result.stdout.split()))


def from_mirror(uri, path, checksum):
    """Whether apt could fetch the file there, with this checksum."""
    command = [str(APT_HELPER), "-qq", "download-file", uri, str(path), f"SHA256:{checksum}"]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True).returncode == 0


def from_publisher(url, path):
    """Downloads a URL. The caller checks the checksum."""
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer, open(path, "wb") as file:
        shutil.copyfileobj(answer, file)


def fetch(name, pin, folder):
    """The path of the source's archive, fetched into `folder` unless it is there."""
    for checksum, file in ((pin["pool_sha256"], pin["pool"]), (pin["sha256"], pin["url"])):
        path = folder / file.rsplit("/", 1)[1]
        if path.exists() and sha256(path) == checksum:
            return path
    folder.mkdir(parents=True, exist_ok=True)
    print(f"Fetching {name} {pin['version']}", flush=True)
    path = folder / pin["pool"].rsplit("/", 1)[1]
    for mirror in mirrors():
        for pool in POOLS:
            if from_mirror(mirror + pool + pin["pool"], path, pin["pool_sha256"]):
                return path
    path.unlink(missing_ok=True)
    path = folder / pin["url"].rsplit("/", 1)[1]
    try:
        from_publisher(pin["url"], path)
    except OSError as error:
        raise SourceError(
            f"{name} {pin['version']} can be fetched neither from a Debian mirror nor from {pin['url']} ({error}). "
            f"It may also be put into {folder} by hand."
        ) from error
    if sha256(path) != pin["sha256"]:
        path.unlink()
        raise SourceError(f"{pin['url']} is not the pinned file: its SHA-256 is another one.")
    return path


def unpack(archive, folder):
    """Unpacks the archive's one top folder as `folder`."""
    staging = folder.with_name(folder.name + ".unpacking")
    shutil.rmtree(staging, ignore_errors=True)
    with tarfile.open(archive) as tar:
        if hasattr(tarfile, "data_filter"):  # Python 3.11.2, which is Debian 12's, has none.
            tar.extraction_filter = tarfile.data_filter
        tar.extractall(staging)
    (top,) = staging.iterdir()
    top.rename(folder)
    staging.rmdir()
