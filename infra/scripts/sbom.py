"""Writes the content of a deployment as a CycloneDX document and validates it against the schema: `sbom.py OUTPUT`.

Every crate of Cargo.lock is in it: those that a function is linked from or built with are `required`, the local cloud's, the
tools' and the tests' are `excluded`. So are the sources and the compiler of the layers, and what resolve-url is made of. The same sources give the
same document: it has no time and no number of its own.
"""

import json
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

ROOT = Path(__file__).resolve().parents[2]
VERSION = SchemaVersion.V1_6
# The target of the functions in Lambda.
TARGETS = ("aarch64-unknown-linux-gnu", "x86_64-unknown-linux-gnu")


class Fault(Exception):
    """Raised if the document would be incomplete or invalid."""


def metadata(*options):
    command = ["cargo", "metadata", "--format-version", "1", "--locked", *options]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


def deployed(resolved, roots):
    """Returns all dependencies of the roots, without those of their tests."""
    nodes = {node["id"]: node for node in resolved["resolve"]["nodes"]}
    found, open_ids = set(), list(roots)
    while open_ids:
        package = open_ids.pop()
        if package not in found:
            found.add(package)
            for needed in nodes[package]["deps"]:
                if any(kind["kind"] != "dev" for kind in needed["dep_kinds"]):
                    open_ids.append(needed["pkg"])
    return found


def sha256(digest):
    return [HashType(alg=HashAlgorithm.SHA_256, content=digest)]


def crate(package, locked, scope):
    licences = [LicenseFactory().make_from_string(package["license"].replace("/", " OR "))] if package["license"] else []
    name, version = package["name"], package["version"]
    is_ours = package["source"] is None
    return Component(
        name=name,
        version=version,
        type=ComponentType.APPLICATION if is_ours and scope == ComponentScope.REQUIRED else ComponentType.LIBRARY,
        bom_ref=f"{name}@{version}",
        scope=scope,
        licenses=licences,
        hashes=sha256(locked[name, version]) if (name, version) in locked else [],
        purl=None if is_ours else PackageURL("cargo", name=name, version=version),
    )


def add_crates(bom):
    """Adds all crates of Cargo.lock and their dependencies."""
    whole = metadata()
    packages = {package["id"]: package for package in whole["packages"]}
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text(encoding="utf-8"))["package"]
    if missing := {(one["name"], one["version"]) for one in lock} - {
        (one["name"], one["version"]) for one in packages.values()
    }:
        raise Fault(f"cargo metadata lacks crates of Cargo.lock: {sorted(missing)}")
    functions = [one["id"] for one in packages.values() if Path(one["manifest_path"]).parents[1] == ROOT / "functions"]
    required = set().union(*(deployed(metadata("--filter-platform", target), functions) for target in TARGETS))
    locked = {(one["name"], one["version"]): one["checksum"] for one in lock if "checksum" in one}
    components = {}
    for identifier, package in packages.items():
        scope = ComponentScope.REQUIRED if identifier in required else ComponentScope.EXCLUDED
        components[identifier] = crate(package, locked, scope)
        bom.components.add(components[identifier])
    for node in whole["resolve"]["nodes"]:
        bom.register_dependency(components[node["id"]], [components[needed["pkg"]] for needed in node["deps"]])
    bom.register_dependency(bom.metadata.component, [components[identifier] for identifier in functions])


def source(name, version, **more):
    return Component(name=name, version=version, type=ComponentType.LIBRARY, bom_ref=f"{name}@{version}", **more)


def pinned(name, pin, licence):
    """Returns the component of a pinned source of a layer."""
    return source(
        name,
        pin["version"],
        licenses=[licence],
        hashes=sha256(pin["sha256"]),
        external_references=[ExternalReference(type=ExternalReferenceType.SOURCE_DISTRIBUTION, url=XsUri(pin["url"]))],
    )


def add_layer(bom):
    """Adds the layers with ffprobe and ffmpeg: their sources and their compiler."""
    pins, own = (
        tomllib.loads((ROOT / f"layers/{program}/layer.toml").read_text(encoding="utf-8")) for program in ("ffprobe", "ffmpeg")
    )
    tools = (ROOT / "infra/scripts/requirements-layer.txt").read_text(encoding="utf-8")
    zig = re.search(r"^ziglang==([\w.]+)", tools, re.MULTILINE)[1]
    licence = LicenseFactory().make_from_string
    licences = {"ffmpeg": "LGPL-2.1-or-later", "zlib": "Zlib"}
    parts = [pinned(name, pins[name], licence(text)) for name, text in licences.items()]
    # musl, the C library that it links, is part of the compiler's package.
    parts.append(source("ziglang", zig, licenses=[licence("MIT")], purl=PackageURL("pypi", name="ziglang", version=zig)))
    layers = [
        Component(
            name=f"{program}-layer",
            version=pins["ffmpeg"]["version"],
            type=ComponentType.APPLICATION,
            bom_ref=f"{program}-layer",
            scope=ComponentScope.REQUIRED,
            licenses=[licence(licences["ffmpeg"])],
        )
        for program in ("ffprobe", "ffmpeg")
    ]
    # The decoder of AV1 is ffmpeg's alone.
    dav1d = pinned("dav1d", own["dav1d"], licence("BSD-2-Clause"))
    for component in [*layers, *parts, dav1d]:
        bom.components.add(component)
    for layer, needed in zip(layers, (parts, [*parts, dav1d]), strict=True):
        bom.register_dependency(layer, needed)
    bom.register_dependency(bom.metadata.component, layers)


def add_pages(bom):
    """Adds the function resolve-url: its packages and its JavaScript engine."""
    folder = ROOT / "functions/resolve-url"
    pins = re.findall(r"^([\w-]+)==([\w.]+)", (folder / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    licence = LicenseFactory().make_from_string
    licences = {"yt-dlp": "Unlicense", "yt-dlp-ejs": "Unlicense AND MIT AND ISC"}
    parts = [
        source(name, version, licenses=[licence(licences[name])], purl=PackageURL("pypi", name=name, version=version))
        for name, version in pins
    ]
    engine = tomllib.loads((folder / "quickjs/quickjs.toml").read_text(encoding="utf-8"))["version"]
    purl = PackageURL("cargo", name="rquickjs-sys", version=engine)
    parts.append(source("rquickjs-sys", engine, licenses=[licence("MIT")], purl=purl))
    function = Component(
        name="resolve-url",
        version=dict(pins)["yt-dlp"],
        type=ComponentType.APPLICATION,
        bom_ref="resolve-url",
        scope=ComponentScope.REQUIRED,
    )
    for component in [function, *parts]:
        bom.components.add(component)
    bom.register_dependency(function, parts)
    bom.register_dependency(bom.metadata.component, [function])


def document():
    """Returns the document as text."""
    manifest = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]["package"]
    bom = Bom()
    bom.metadata.component = Component(
        name="files",
        version=manifest["version"],
        type=ComponentType.APPLICATION,
        bom_ref="files",
        licenses=[LicenseFactory().make_from_string(manifest["license"])],
    )
    add_crates(bom)
    add_layer(bom)
    add_pages(bom)
    written = json.loads(make_outputter(bom, OutputFormat.JSON, VERSION).output_as_string())
    del written["serialNumber"], written["metadata"]["timestamp"]
    text = json.dumps(written, indent=2, sort_keys=True) + "\n"
    if faults := JsonStrictValidator(VERSION).validate_str(text):
        raise Fault(f"not valid CycloneDX: {faults}")
    return text


def main(arguments):
    output = Path(arguments[0])
    text = document()
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text, encoding="utf-8")
    scopes = defaultdict(int)
    for component in json.loads(text)["components"]:
        scopes[component.get("scope", "required")] += 1
    print(f"{output}: {scopes['required']} components deployed, {scopes['excluded']} of tools and tests, valid")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Fault as fault:
        sys.exit(str(fault))
