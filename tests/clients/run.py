"""Proves that openapi.yaml generates clients that compile and work against the local cloud.

    python run.py [PROOF...]     (all proofs without an argument)

Generated code goes into target/clients. The tools are those of package-lock.json and requirements-clients.txt.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import counts as operation_counts
import examples
import events
import runbook as operator
import tutorial as walkthrough
from cloud import BINARIES, ROOT, environment

HERE = Path(__file__).resolve().parent
DOCUMENT = ROOT / "infra/api/openapi.yaml"
OUT = ROOT / "target/clients"
VENV = Path(sys.executable).parent
MODULES = HERE / "node_modules"


def call(*command, cwd=HERE, **options):
    """Runs a tool in silence; shows its output when it fails."""
    done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode:
        print(done.stdout[-6000:])
        raise SystemExit(f"{Path(command[0]).name} failed with {done.returncode}")
    return done.stdout


def fresh(name):
    """An empty folder for generated code."""
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def node_tool(name, *arguments, cwd=HERE, env=None):
    return call(str(MODULES / ".bin" / name), *arguments, cwd=cwd, env=env)


def lint(_):
    """redocly and spectral, without errors and warnings."""
    quiet = os.environ | {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    out = node_tool("redocly", "lint", "--config", "redocly.yaml", "--max-problems", "100", str(DOCUMENT), env=quiet)
    assert "warning" not in out.lower().replace("deprecation warning", ""), out
    node_tool("spectral", "lint", "--ruleset", "spectral.yaml", "--fail-severity", "hint", str(DOCUMENT))


def typescript(folder, proof, env):
    """Compiles one proof with the generated code beside it, and runs it."""
    for file in (proof, "tsconfig.json"):
        shutil.copy(HERE / "typescript" / file, folder)
    (folder / "package.json").write_text('{"type": "module"}\n')
    (folder / "node_modules").symlink_to(MODULES)
    node_tool("tsc", "--project", ".", cwd=folder)
    call("node", f"out/{proof.removesuffix('.ts')}.js", cwd=folder, env=env)


def openapi_fetch(env):
    """TypeScript: openapi-typescript and openapi-fetch."""
    folder = fresh("openapi-fetch")
    node_tool("openapi-typescript", str(DOCUMENT), "--output", str(folder / "schema.d.ts"))
    typescript(folder, "openapi_fetch.ts", env)


def webhooks(env):
    """TypeScript and Python: the published verifiers of Standard Webhooks, with the same deliveries."""
    folder = fresh("webhooks")
    received = folder / "received.json"
    received.write_text(json.dumps(events.receive(env)))
    env |= {"FILES_RECEIVED": str(received)}
    typescript(folder, "webhooks.ts", env)
    call(sys.executable, "-B", str(HERE / "python/webhooks.py"), env=env)


def openapi_generator(generator, folder, *options):
    call(str(VENV / "openapi-generator-cli"), "generate", "--input-spec", str(DOCUMENT), "--generator-name",
         generator, "--output", str(folder), *options, env=os.environ | {"PATH": f"{VENV}:{os.environ['PATH']}"})


def openapi_generator_typescript(env):
    """TypeScript: openapi-generator's typescript-fetch."""
    folder = fresh("openapi-generator-typescript")
    openapi_generator("typescript-fetch", folder / "client", "--global-property", "skipFormModel=false",
                      "--additional-properties", "importFileExtension=.js")
    typescript(folder, "openapi_generator.ts", env)


def openapi_python_client(env):
    """Python: openapi-python-client."""
    folder = fresh("openapi-python-client")
    call(str(VENV / "openapi-python-client"), "generate", "--path", str(DOCUMENT), "--output-path", str(folder),
         "--overwrite", "--meta", "poetry", "--fail-on-warning", env=os.environ | {"PATH": f"{VENV}:{os.environ['PATH']}"})
    call(sys.executable, "-B", str(HERE / "python/openapi_python_client.py"), env=env | {"PYTHONPATH": str(folder)})


def openapi_generator_python(env):
    """Python: openapi-generator's python."""
    folder = fresh("openapi-generator-python")
    openapi_generator("python", folder)
    call(sys.executable, "-B", str(HERE / "python/openapi_generator.py"), env=env | {"PYTHONPATH": str(folder)})


def progenitor(env):
    """Rust: progenitor, from the document in OpenAPI 3.0."""
    document = OUT / "openapi-3.0.json"
    OUT.mkdir(parents=True, exist_ok=True)
    call(sys.executable, "-B", str(ROOT / "infra/scripts/openapi_3_0.py"), str(document))
    locked = ["--locked"] if os.environ.get("CI") else []
    call("cargo", "run", "--quiet", *locked, cwd=HERE / "rust",
         env=env | {"HOME": os.environ["HOME"], "FILES_OPENAPI": str(document), "CARGO_TARGET_DIR": str(OUT / "rust")})


def mcp(env):
    """Agents: `files mcp` with the client of the Model Context Protocol for Python."""
    call(sys.executable, "-B", str(HERE / "python/mcp_client.py"), str(BINARIES / "files"), env=env)


def schemathesis(env):
    """Requests that schemathesis derives from the document."""
    out = call(sys.executable, "-B", str(HERE / "python/property_based.py"), str(DOCUMENT), str(fresh("schemathesis")), env=env)
    print("  " + next(line.strip() for line in out.splitlines() if "generated" in line))


def documentation(env):
    """The programs of infra/docs/clients.md."""
    examples.run_all(ROOT / "infra/docs/clients.md", fresh("documentation"), MODULES, env)


def form(env):
    """The web form of infra/docs/clients.md, which uploads with an upload token."""
    call("node", str(HERE / "form.mjs"), str(ROOT / "infra/docs/clients.md"), env=env)


def tutorial(env):
    """The commands of the README's first steps and of the API's page, in order."""
    folder = fresh("tutorial")
    (folder / "target").symlink_to(ROOT / "target")
    (folder / ".local").symlink_to(env["FILES_DATA"])
    _, rest = (ROOT / "README.md").read_text().split("\n## Try it\n")
    (folder / "first-steps.md").write_text(rest.split("\n## ")[0])
    pages = [folder / "first-steps.md", ROOT / "infra/docs/api.md"]
    source = env["FILES_SOURCE"].removesuffix("/clip.mp4")
    print(f"  {walkthrough.run(pages, folder, env, source)} blocks of commands")


def runbook(env):
    """The commands of the runbook, with the AWS CLI."""
    folder = fresh("runbook")
    (folder / "target").symlink_to(ROOT / "target")
    blocks, local, elsewhere = operator.run(folder, env)
    print(f"  {blocks} blocks of commands; of the AWS CLI against the local cloud: {', '.join(local)}")
    for name in elsewhere:
        print(f"  only its arguments were checked: aws {name}: {operator.ONLY_IN_AWS[name]}")


def counts(env):
    """The calls of AWS services from which the cost page is computed."""
    operation_counts.check(env)


def banner(env):
    """The commands that the local cloud prints when it is ready, in a folder with a video of 5 MB."""
    folder = fresh("banner")
    (folder / "target").symlink_to(ROOT / "target")
    video = Path(env["FILES_VIDEO"]).read_bytes().ljust(5_000_000, b"\0")  # more than a form takes
    (folder / "my-video.mp4").write_bytes(video)
    lines = Path(env["FILES_LOG"]).read_text().split(" instead of my-video.mp4:\n")[1].split("\n\n")[0].splitlines()
    call("bash", "-euo", "pipefail", "-c", "\n".join(lines), cwd=folder, env=env)
    assert (folder / "copy.mp4").read_bytes() == video, "the banner's download is another file"


PROOFS = {
    proof.__name__: proof
    for proof in (lint, openapi_fetch, openapi_generator_typescript, openapi_python_client, openapi_generator_python,
                  progenitor, webhooks, mcp, schemathesis, documentation, form, tutorial,
                  runbook, counts, banner)
}


def main(names):
    unknown = set(names) - PROOFS.keys()
    if unknown:
        raise SystemExit(f"unknown proof {', '.join(unknown)}; there are {', '.join(PROOFS)}")
    for name in names or PROOFS:
        began = time.monotonic()
        with contextlib.nullcontext() if name == "lint" else environment() as env:
            PROOFS[name](env)
        print(f"{name}: works ({time.monotonic() - began:.1f} s)", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
