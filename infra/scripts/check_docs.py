"""Checks the pages: each relative link leads to a file and each anchor to a heading, sources name pages that exist, the code map of
the architecture page lists every crate, and README.md stays short. Needs only Python's standard library.

    python check_docs.py
"""

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parents[2]
README_LINES = 150
CODE_MAP = "infra/docs/architecture.md"
# Folders whose crates the code map must list: `functions/*` by name in its table of functions, the others by path.
CRATE_FOLDERS = ("functions", "shared")

FENCE = re.compile(r"^\s*(```|~~~)")
CODE_SPAN = re.compile(r"`[^`]*`")
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^()\s<>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*\s*$")
GENERATED = {".git", ".tools", "target", "node_modules", "dist", ".local"}
# A path of a page in a comment, a string or a script.
MENTION = re.compile(r"(?<![\w/.-])((?:infra|layers|shared|functions|tests)/[\w./-]+\.md)(#[\w-]+)?")


def prose(text):
    """Yields the lines outside of code blocks, as (number, line)."""
    fence = None
    for number, line in enumerate(text.splitlines(), 1):
        if mark := FENCE.match(line):
            fence = None if fence == mark[1] else fence or mark[1]
        elif fence is None:
            yield number, line


def anchors(text):
    """Returns the anchors that GitHub makes of a page's headings."""
    found, counts = set(), {}
    for _, line in prose(text):
        if not (heading := HEADING.match(line)):
            continue
        words = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading[2]).replace("`", "").lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        count = counts.get(slug, 0)
        counts[slug] = count + 1
        found.add(f"{slug}-{count}" if count else slug)
    return found


def links(text):
    """Yields the targets of a page's links, as (line number, target)."""
    for number, line in prose(text):
        for match in LINK.finditer(CODE_SPAN.sub(lambda span: "`" * len(span[0]), line)):
            yield number, match[1]


def target_fault(root, page, target):
    """Returns the fault of a link's target on a page, or None."""
    if re.match(r"[a-z][a-z0-9+.-]*:", target):
        return None  # of another site
    path, _, anchor = target.partition("#")
    file = (page.parent / unquote(path)).resolve() if path else page
    if not file.exists():
        return f"{target}: no such file"
    if not file.is_relative_to(root):
        return f"{target}: outside of the repository"
    if anchor and file.suffix == ".md" and unquote(anchor) not in anchors(file.read_text(encoding="utf-8")):
        return f"{target}: no such heading"
    return None


def page_faults(root, page):
    """Returns the broken links of one page."""
    name, text = page.relative_to(root), page.read_text(encoding="utf-8")
    found = ((number, target_fault(root, page, target)) for number, target in links(text))
    return [f"{name}:{number}: {fault}" for number, fault in found if fault]


def mention_faults(root, source):
    """Returns a line for each page that a source names and that does not exist."""
    faults = []
    text = source.read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), 1):
        for path, anchor in MENTION.findall(line):
            if fault := target_fault(root, root / "README.md", path + anchor):
                faults.append(f"{source.relative_to(root)}:{number}: {fault}")
    return faults


def readme_faults(root):
    """Returns a line if the README is too long to read."""
    lines = len((root / "README.md").read_text(encoding="utf-8").splitlines())
    return [f"README.md: {lines} lines, at most {README_LINES}"] if lines > README_LINES else []


def code_map_faults(root):
    """Returns a line for each crate that the code map does not list, and for each row whose folder does not exist."""
    text = (root / CODE_MAP).read_text(encoding="utf-8")
    named, faults = set(re.findall(r"`([\w/.-]+)`", text)), []
    for folder in CRATE_FOLDERS:
        for crate in sorted(path for path in (root / folder).glob("*") if path.is_dir()):
            name = crate.name if folder == "functions" else f"{folder}/{crate.name}"
            if any(crate.iterdir()) and name not in named:
                faults.append(f"{CODE_MAP}: {folder}/{crate.name} is missing from the code map")
    rows = re.findall(r"^\| `((?:shared|infra|layers|tests)[\w/.-]*)` \|", text, re.MULTILINE)
    return faults + [f"{CODE_MAP}: {row} does not exist" for row in rows if not (root / row).exists()]


def tracked(root):
    """Returns the files of the repository, including new ones that are not ignored; without git, all but generated ones."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        paths = (path for path in root.rglob("*") if not GENERATED & set(path.relative_to(root).parts))
    else:
        paths = (root / name for name in result.stdout.split("\0") if name)
    return sorted(path for path in paths if path.is_file())


def all_faults(root, files):
    faults = readme_faults(root) + code_map_faults(root)
    for file in files:
        if file.suffix == ".md":
            faults += page_faults(root, file)
        elif file.suffix in (".rs", ".py", ".sh", ".ts", ".toml", ".yaml", ".yml") or file.name in ("Makefile", "run"):
            faults += mention_faults(root, file)
    return faults


def main():
    files = tracked(ROOT)
    faults = all_faults(ROOT, files)
    for fault in faults:
        print(fault, file=sys.stderr)
    if not faults:
        pages = [file for file in files if file.suffix == ".md"]
        count = sum(1 for page in pages for _ in links(page.read_text(encoding="utf-8")))
        print(f"{count} links of {len(pages)} pages are valid")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
