"""Collects what a release consists of into target/release-VERSION: one zip for each architecture that `sam deploy` takes without a build, the
content as CycloneDX, the changes, and checksums.

    python release.py [--tag vVERSION] arm64|x86_64     after `make package layer sbom`; again for the other architecture

The same inputs give the same bytes.
"""

import argparse
import hashlib
import re
import shutil
import sys
import tomllib
from pathlib import Path

from transform import ROOT, code_uris, load_template

sys.path.append(str(ROOT / "layers/ffprobe"))

from archive import write_zip  # noqa: E402: shared with the layer

# What a deployment needs beside the zips of the functions and the layer.
FILES = ("template.yaml", "samconfig.toml", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "infra/api/openapi.yaml", "infra/docs/deploy.md",
         "infra/docs/runbook.md", "infra/addons/cloudfront-waf.yaml")


class Fault(Exception):
    """A problem that must be solved before the release."""


def version_of(root, tag):
    """The workspace's version. A tag must name it."""
    version = tomllib.loads((root / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    if tag and tag != f"v{version}":
        raise Fault(f"the tag is {tag}, the version in Cargo.toml is {version}")
    return version


def changes(text, version):
    """The changelog's section of a version."""
    found = re.search(rf"^## \[{re.escape(version)}\][^\n]*\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if not found or not found[1].strip():
        raise Fault(f"CHANGELOG.md has no section of {version}")
    return found[1].strip() + "\n"


def layer(architecture):
    return f"layers/ffprobe/dist/ffprobe-layer-{architecture}.zip"


def contents(root, template, architecture):
    """The files of the zip of an architecture, by name."""
    wanted = sorted({*FILES, *code_uris(template), layer(architecture)})
    missing = [name for name in wanted if not (root / name).is_file()]
    if missing:
        raise Fault(f"missing: {', '.join(missing)}; run `make package layer ARCHITECTURE={architecture}`")
    return [(name, (root / name).read_bytes(), False) for name in wanted]


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def add(root, template, folder, version, architecture):
    """Writes the zip of the architecture whose functions have been packaged last."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"files-{version}-{architecture}.zip"
    write_zip(path, contents(root, template, architecture))
    return path


def finish(root, folder, version):
    """Adds the SBOM, the changes and the checksums of everything."""
    sbom = root / "target/sbom.cdx.json"
    if not sbom.is_file():
        raise Fault("target/sbom.cdx.json is missing; run `make sbom`")
    shutil.copy(sbom, folder / f"files-{version}.cdx.json")
    for one in sorted((root / "layers/ffprobe/dist").glob("ffprobe-layer-*.zip")):
        shutil.copy(one, folder / f"files-{version}-{one.name}")
    (folder / "CHANGES.md").write_text(changes((root / "CHANGELOG.md").read_text(encoding="utf-8"), version), encoding="utf-8")
    sums = folder / "SHA256SUMS"
    found = sorted(path for path in folder.iterdir() if path != sums)
    sums.write_text("".join(f"{digest(path)}  {path.name}\n" for path in found))
    return found


def main(arguments):
    parser = argparse.ArgumentParser()
    parser.add_argument("--tag", default="")
    parser.add_argument("architecture", choices=("arm64", "x86_64"))
    options = parser.parse_args(arguments)
    version = version_of(ROOT, options.tag)
    changes((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version)
    folder = ROOT / f"target/release-{version}"
    add(ROOT, load_template(ROOT / "template.yaml"), folder, version, options.architecture)
    for path in finish(ROOT, folder, version):
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Fault as fault:
        raise SystemExit(f"release: {fault}") from None
