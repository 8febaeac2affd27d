"""Collects what a release consists of into target/release-VERSION: one zip for each architecture that `sam deploy` takes without a build, the
layers, the content as CycloneDX, the changes, and checksums.

    python release.py [--tag vVERSION] arm64|x86_64     after `make package layer sbom`; again for the other architecture

The same inputs give the same bytes.
"""

import argparse
import hashlib
import io
import re
import shutil
import sys
import tomllib
import zipfile
from pathlib import Path

import package
from transform import FOLDER, ROOT, artefacts, load_template

sys.path.append(str(ROOT / "layers/ffprobe"))

from archive import write_zip  # noqa: E402: shared with the layers

# What a deployment needs beside the zips of the functions and the layers, and the pages.
FILES = ("samconfig.toml", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "infra/api/openapi.yaml", "infra/addons/cloudfront-waf.yaml")
PAGES = "infra/docs/*.md"
# By its name in the zip, where it comes from.
TEMPLATE, README, ADMIN = "template.yaml", "infra/docs/release.md", f"{FOLDER}/files-admin/bootstrap"
ARCHITECTURES = "    Default: arm64\n    AllowedValues: [arm64, x86_64]\n"


class Fault(Exception):
    """Raised for a problem that must be solved before the release."""


def version_of(root, tag):
    """Returns the workspace's version. A tag must name it."""
    version = tomllib.loads((root / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    if tag and tag != f"v{version}":
        raise Fault(f"the tag is {tag}, the version in Cargo.toml is {version}")
    return version


def changes(text, version):
    """Returns the changelog's section of a version."""
    found = re.search(rf"^## \[{re.escape(version)}\][^\n]*\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if not found or not found[1].strip():
        raise Fault(f"CHANGELOG.md has no section of {version}")
    return found[1].strip() + "\n"


def code(template):
    """Returns the files of the functions and the layers. Those of both architectures: the SAM CLI uploads what the template names, whatever its
    condition."""
    return {uri for _, uri in artefacts(template).values()}


def template_of(text, architecture):
    """Returns the template with the architecture of the zips as the only allowed value."""
    if text.count(ARCHITECTURES) != 1:
        raise Fault(f"{TEMPLATE} has no parameter Architecture of the known form")
    return text.replace(ARCHITECTURES, f"    Default: {architecture}\n    AllowedValues: [{architecture}]\n")


def check_machine(name, content, architecture):
    """Fails if a program, or that of a function's zip, is of another architecture: the last `make package` may have been for it."""
    if name.endswith("/bootstrap.zip"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            content = archive.read("bootstrap")
    elif name != ADMIN:
        return
    package.check_machine(name, content, package.TARGETS[architecture][1])


def contents(root, template, architecture):
    """Returns the files of the zip of an architecture: name, content, whether it is a program."""
    pages = {str(page.relative_to(root)) for page in root.glob(PAGES)}
    names = {*FILES, *code(template), *(pages - {README})}
    missing = [name for name in sorted({*names, TEMPLATE, README, ADMIN}) if not (root / name).is_file()]
    if missing:
        raise Fault(f"missing: {', '.join(missing)}; run `make release ARCHITECTURE={architecture}`")
    for name in sorted({*names, ADMIN}):
        check_machine(name, (root / name).read_bytes(), architecture)
    found = {name: ((root / name).read_bytes(), False) for name in names}
    found[TEMPLATE] = (template_of((root / TEMPLATE).read_text(encoding="utf-8"), architecture).encode(), False)
    found["README.md"] = ((root / README).read_bytes(), False)
    found["bin/files-admin"] = ((root / ADMIN).read_bytes(), True)
    return [(name, *found[name]) for name in sorted(found)]


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def add(root, template, folder, version, architecture):
    """Writes the zip of the architecture whose functions have been packaged last."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"files-{version}-{architecture}.zip"
    write_zip(path, contents(root, template, architecture))
    return path


def finish(root, folder, version):
    """Adds the SBOM, the layers, the changes and the checksums of everything."""
    sbom = root / "target/sbom.cdx.json"
    if not sbom.is_file():
        raise Fault("target/sbom.cdx.json is missing; run `make sbom`")
    shutil.copy(sbom, folder / f"files-{version}.cdx.json")
    for one in sorted((root / "layers").glob("*/dist/*-layer-*.zip")):
        shutil.copy(one, folder / f"files-{version}-{one.name}")
    (folder / "CHANGES.md").write_text(changes((root / "CHANGELOG.md").read_text(encoding="utf-8"), version), encoding="utf-8")
    sums = folder / "SHA256SUMS"
    found = sorted(path for path in folder.iterdir() if path != sums)
    sums.write_text("".join(f"{digest(path)}  {path.name}\n" for path in found))
    return found


def main(arguments):
    parser = argparse.ArgumentParser()
    parser.add_argument("--tag", default="")
    parser.add_argument("--check", action="store_true", help="only check the tag and the changelog, before the build")
    parser.add_argument("architecture", choices=("arm64", "x86_64"))
    options = parser.parse_args(arguments)
    version = version_of(ROOT, options.tag)
    changes((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version)
    if options.check:
        return
    folder = ROOT / f"target/release-{version}"
    add(ROOT, load_template(ROOT / TEMPLATE), folder, version, options.architecture)
    for path in finish(ROOT, folder, version):
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (Fault, package.Fault) as fault:
        raise SystemExit(f"release: {fault}") from None
