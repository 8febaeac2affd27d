"""Prints the size of the functions' programs by crate, in kB of code and data, the largest first.

    python sizes.py FUNCTION...

Reads the programs of `make build`, because those for Lambda are optimised across crates and have no symbols. Generic code of one
crate that is instantiated for another counts for the crate that its symbol starts with.
"""

import re
import struct
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHOWN = 12
STANDARD = {"core", "alloc", "std", "compiler_builtins", "hashbrown", "gimli", "addr2line", "rustc_demangle", "miniz_oxide"}
SYMBOL_TABLE, FUNCTION_OR_OBJECT = 2, (1, 2)


def symbols(elf):
    """Yields name and size of each function and object of a 64-bit program."""
    offset, each, count = struct.unpack_from("<Q", elf, 40)[0], *struct.unpack_from("<HH", elf, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", elf, offset + each * number) for number in range(count)]
    table = next((section for section in sections if section[1] == SYMBOL_TABLE), None)
    if table is None:
        sys.exit("the program has no symbols")
    names = sections[table[6]]
    for at in range(table[4], table[4] + table[5], 24):
        name, info, _, _, _, size = struct.unpack_from("<IBBHQQ", elf, at)
        if info & 15 in FUNCTION_OR_OBJECT and size:
            start = names[4] + name
            yield elf[start : elf.index(b"\0", start)].decode("ascii", "replace"), size


def identifiers(symbol):
    """Yields the identifiers in a mangled symbol, in order. Each follows its length."""
    at = 0
    while found := re.compile(r"(\d+)_?").search(symbol, at):
        length, start = int(found[1]), found.end()
        name = symbol[start : start + length]
        if not (name and re.fullmatch(r"[\w$.]+", name)):
            at = found.end()
            continue
        yield from re.findall(r"[a-z_][a-z0-9_]*", re.sub(r"\$\w+\$|\.\.", " ", name))
        at = start + length


def crate_of(symbol, crates):
    """Returns the crate that a symbol starts with. Symbols that are not Rust's are C, assembly or the linker's."""
    if not symbol.startswith(("_R", "_ZN")):
        return "ring" if "ring_core" in symbol else "C and assembly"
    found = next((name for name in identifiers(symbol) if name in crates or name in STANDARD), None)
    return "the standard library" if found in STANDARD else found or "others"


def crates_of(lock):
    return {name.replace("-", "_") for name in re.findall(r'^name = "([^"]+)"', lock, re.MULTILINE)}


def by_crate(program, crates):
    sizes = Counter()
    for symbol, size in symbols(program):
        sizes[crate_of(symbol, crates)] += size
    return sizes


def main(*functions):
    crates = crates_of((ROOT / "Cargo.lock").read_text())
    for function in functions:
        sizes = by_crate((ROOT / "target/release" / function).read_bytes(), crates)
        largest = ", ".join(f"{crate} {size / 1e3:.0f}" for crate, size in sizes.most_common(SHOWN))
        print(f"| `{function}` | {sum(sizes.values()) / 1e3:.0f} | {largest} |")


if __name__ == "__main__":
    main(*sys.argv[1:])
