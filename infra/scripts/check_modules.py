"""Checks that the modules of each crate have no circular dependencies: no two siblings use each other, directly or indirectly.

    python check_modules.py [FOLDER…]

A module may use its ancestors and their items, because implementations are split over files. Dependencies are the paths that
start with `crate::` or `super::` outside of tests. An item that a parent re-exports belongs to the module that defines it.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("functions", "shared", "infra", "tests")
TOKEN = re.compile(r"[A-Za-z_]\w*|::|[{},*]|\bas\b")
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
STRING = re.compile(r"""'(?:\\[^']+|[^'\\])'|r(#+)".*?"\1|"(?:\\.|[^"\\])*\"""", re.DOTALL)
TESTS = re.compile(r"#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*(?:pub(?:\([^)]*\))?\s+)?mod\s+\w+\s*(\{|;)")


def code_of(text):
    """Returns source text without comments, strings and test modules."""
    text = STRING.sub('""', COMMENT.sub("", text))
    while match := TESTS.search(text):
        end = match.end()
        if match.group(1) == "{":
            depth = 1
            while depth and end < len(text):
                depth += {"{": 1, "}": -1}.get(text[end], 0)
                end += 1
        text = text[: match.start()] + text[end:]
    return text


def paths_of(tree):
    """Returns every path of a use tree such as `a::{b, c::d}`, each as a tuple of names."""
    tokens = TOKEN.findall(tree)

    def read(position, prefix):
        path, found = prefix, []
        while position < len(tokens):
            token = tokens[position]
            if token == "{":
                position += 1
                while tokens[position] != "}":
                    inner, position = read(position, path)
                    found += inner
                    if tokens[position] == ",":
                        position += 1
                return found, position + 1
            if token in (",", "}"):
                break
            if token == "as":
                position += 2
                continue
            if token not in ("::", "*"):
                path = (*path, token)
            position += 1
        return [*found, path], position

    return read(0, ())[0]


def module_of(source, file):
    """Returns the path of a file's module: `a/b.rs` and `a/b/mod.rs` are `("a", "b")`, `lib.rs` and `main.rs` the root."""
    parts = file.relative_to(source).with_suffix("").parts
    return () if parts in (("lib",), ("main",)) else parts[:-1] if parts[-1] == "mod" else parts


class Crate:
    """The modules of a crate, and their dependencies."""

    def __init__(self, texts):
        """Parses the modules. `texts` maps the path of each module to its source text."""
        self.codes = {module: code_of(text) for module, text in texts.items()}
        self.exports = {module: dict(self._exports(module, code)) for module, code in self.codes.items()}

    def _exports(self, module, code):
        for tree in re.findall(r"\bpub(?:\([^)]*\))?\s+use\s+([^;]+);", code):
            for path in paths_of(tree):
                path = path[1:] if path[:1] in (("self",), ("crate",)) else path
                if len(path) > 1 and (*module, path[0]) in self.codes:
                    yield path[-1], path[0]

    def _resolve(self, path):
        """Returns the module that a path from the root names, or that defines the named item."""
        module = ()
        for name in path:
            child = name if (*module, name) in self.codes else self.exports[module].get(name)
            if child is None:
                break
            module = (*module, child)
            if child != name:
                break
        return module

    def uses(self, module):
        """Yields the modules that a module uses."""
        code = self.codes[module]
        trees = re.findall(r"\buse\s+((?:crate|super)\b[^;]*);", code)
        rest = re.sub(r"\buse\s+[^;]*;", "", code)
        trees += re.findall(r"\b((?:crate|super)(?:::\w+)+)", rest)
        for path in (path for tree in trees for path in paths_of(tree)):
            base = ()
            if path[0] == "crate":
                path = path[1:]
            while path[:1] == ("super",):
                base = base or module
                base, path = base[:-1], path[1:]
            yield self._resolve((*base, *path))

    def edges(self):
        """Returns the dependencies between siblings. A dependency of a descendant counts for its ancestor."""
        edges = {}
        for module in self.codes:
            for used in self.uses(module):
                common = 0
                while common < min(len(module), len(used)) and module[common] == used[common]:
                    common += 1
                if common < len(module) and common < len(used):
                    edges.setdefault(module[: common + 1], set()).add(used[: common + 1])
        return edges

    def cycles(self):
        """Returns one cycle for each set of modules that depend on each other."""
        edges, cycles, seen = self.edges(), [], set()

        def reach(start, goal):
            queue, came = [start], {start: None}
            for module in queue:
                for used in sorted(edges.get(module, ())):
                    if used == goal:
                        path = [module]
                        while came[path[-1]] is not None:
                            path.append(came[path[-1]])
                        return path[::-1]
                    if used not in came:
                        came[used] = module
                        queue.append(used)
            return None

        for module in sorted(edges):
            if module not in seen and (path := reach(module, module)):
                seen.update(path)
                cycles.append(path)
        return cycles


def crate_in(source):
    """Returns the crate whose sources are in a folder, without its files of tests."""
    files = [file for file in source.rglob("*.rs") if not re.search(r"(^|_)tests?$", file.stem) and "tests" not in file.parts[len(source.parts):-1]]
    return Crate({module_of(source, file): file.read_text(encoding="utf-8") for file in files if "bin" not in file.relative_to(source).parts})


def main(arguments):
    roots = [Path(argument) for argument in arguments] or [ROOT / folder for folder in FOLDERS]
    sources = sorted(path.parent / "src" for root in roots for path in root.rglob("Cargo.toml") if (path.parent / "src").is_dir())
    faults = 0
    for source in sources:
        for cycle in crate_in(source).cycles():
            names = ["::".join(module) for module in cycle]
            print(f"{source.parent.name}: modules need one another: {' -> '.join([*names, names[0]])}", file=sys.stderr)
            faults += 1
    if not faults:
        print(f"{len(sources)} crates: no modules need one another")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
