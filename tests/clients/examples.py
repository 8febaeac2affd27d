"""Runs the programs of a documentation page, each in a folder of its own with the video clip.mp4."""

import re
import shutil
import subprocess
import sys

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def programs(page):
    """Returns (language, text) of every fenced block."""
    return FENCE.findall(page.read_text())


def compiled_typescript(folder, modules):
    """Compiles main.ts to main.js."""
    (folder / "package.json").write_text('{"type": "module"}\n')
    (folder / "node_modules").symlink_to(modules)
    options = ["--target", "es2022", "--module", "nodenext", "--strict", "--types", "node", "--skipLibCheck"]
    subprocess.run([modules / ".bin/tsc", *options, "main.ts"], cwd=folder, check=True)
    return ["node", "main.js"]


def command(language, folder, modules):
    """Returns the command that runs the program of this language, or None for a block that is no program."""
    match language:
        case "sh":
            return ["bash", "-euo", "pipefail", "main.sh"]
        case "python":
            return [sys.executable, "-B", "main.py"]
        case "typescript":
            return compiled_typescript(folder, modules)
        case "go":
            return ["go", "run", "main.go"]
    return None


SUFFIXES = {"sh": "sh", "python": "py", "typescript": "ts", "go": "go"}


def run_all(page, folder, modules, env):
    """Runs each program. It must end with 0 and print `320 180`, the size of the picture."""
    found = programs(page)
    missing = SUFFIXES.keys() - {language for language, _ in found}
    assert not missing, f"{page.name} has no program in {missing}"
    for number, (language, text) in enumerate(found):
        if language not in SUFFIXES:
            continue
        place = folder / f"{number}-{language}"
        place.mkdir()
        shutil.copy(env["FILES_VIDEO"], place / "clip.mp4")
        (place / f"main.{SUFFIXES[language]}").write_text(text)
        run = command(language, place, modules)
        done = subprocess.run(run, cwd=place, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.returncode == 0, f"{language}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "320 180" in done.stdout, f"{language} printed {done.stdout!r} {done.stderr!r}"
        assert (place / "copy.mp4").read_bytes() == (place / "clip.mp4").read_bytes(), f"{language} saved another file"
        print(f"  {language}: {done.stdout.strip().splitlines()[-1]}")
