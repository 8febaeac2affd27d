#!/usr/bin/env bash
# Fails with a message if Rust is missing, too old, or lacks a component: `check-rust.sh [rustfmt|clippy ...]`.
set -euo pipefail
cd "$(dirname "$0")/../.."

wanted=$(sed -n 's/^rust-version *= *"\(.*\)"/\1/p' Cargo.toml | head -n 1)
if ! command -v cargo >/dev/null 2>&1 || ! command -v rustc >/dev/null 2>&1; then
    echo "Rust is missing: install cargo and rustc $wanted or newer (https://rustup.rs)." >&2
    exit 1
fi

found=$(rustc --version | cut -d' ' -f2)
release=${found%%-*} # 1.97.0-nightly counts as 1.97.0
if [ "$(printf '%s\n%s\n' "$wanted" "$release" | sort -V | head -n 1)" != "$wanted" ]; then
    echo "Rust is too old: rustc $found, but $wanted or newer is needed (rustup update stable)." >&2
    exit 1
fi

for component in "$@"; do
    case "$component" in
    rustfmt) command=fmt ;;
    *) command=$component ;;
    esac
    if ! cargo "$command" --version >/dev/null 2>&1; then
        echo "$component is missing (rustup component add $component)." >&2
        exit 1
    fi
done
