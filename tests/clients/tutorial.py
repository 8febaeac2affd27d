"""Runs the commands of documentation pages as they stand, in order, in one shell, as a new user does.

Only addresses are replaced: the port of `make dev`, and the servers of the examples by one that has the media.
"""

import re
import shlex
import subprocess

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# `make dev` itself runs while the commands run.
STARTS = "git clone"
# An error is the whole response; an error in a list of results does not count.
ERROR = re.compile(r'^\{"error": "[^"]*".*"code": [45]\d\d', re.DOTALL | re.MULTILINE)
API = "http://127.0.0.1:8787"
SOURCES = ["http://127.0.0.1:18099", "https://media.example", "https://cdn.example"]
# Without --fail-with-body, curl succeeds on a 4xx or 5xx.
PRELUDE = 'set -euo pipefail\ncurl() { command curl --silent --show-error --fail-with-body "$@"; }\n'


def steps(text):
    """Yields, for each block of commands, (commands, whether the page shows an error as their response)."""
    for block in BLOCK.finditer(text):
        language, commands = block.groups()
        response = BLOCK.match(text, block.end() + 2)  # a block right after an empty line
        if language == "sh" and not commands.startswith(STARTS):
            yield commands, bool(response and response[1] in ("json", "http") and ERROR.search(response[2]))


def script(pages, origin, source):
    """Returns one script of all pages, which prints each block before it runs it."""
    lines = [PRELUDE]
    for commands, fails in (step for page in pages for step in steps(page)):
        commands = commands.replace(API, origin)
        for server in SOURCES:
            commands = commands.replace(server, source)
        lines.append(f"printf '+ %s\\n' {shlex.quote(commands)}\n")
        if fails:
            commands = f"if (\n{commands}); then echo 'the page shows an error here' >&2; exit 1; fi\n"
        lines.append(commands)
    return "".join(lines)


def run(pages, folder, env, source):
    """Runs the pages in a folder that looks like the project's after `make dev`. Returns the number of blocks."""
    texts = [page.read_text() for page in pages]
    path = folder / "tutorial.sh"
    path.write_text(script(texts, env["FILES_ORIGIN"], source))
    names = {name: value for name, value in env.items() if name not in ("FILES_URL", "FILES_API_KEY")}
    done = subprocess.run(["bash", path], cwd=folder, env=names | {"HOME": str(folder)}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    (folder / "output.txt").write_text(done.stdout)
    assert done.returncode == 0, f"a command of the documentation failed:\n{done.stdout[-4000:]}"
    return sum(1 for text in texts for _ in steps(text))
