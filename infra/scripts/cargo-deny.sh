#!/usr/bin/env bash
# Runs the pinned cargo-deny with the given arguments: `cargo-deny.sh check licenses`, or with none only installs it.
# Built from source into .tools/bin, quickly rather than for speed: it runs for a second.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=0.20.2
binary=.tools/bin/cargo-deny

if [ "$("$binary" --version 2>/dev/null || true)" != "cargo-deny $version" ]; then
    echo "Building cargo-deny $version (once, about two minutes)"
    build=.tools/build-cargo-deny
    trap 'rm -rf "$build"' EXIT
    CARGO_TARGET_DIR=$build CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
        CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_DEBUG=0 \
        cargo install --quiet --locked --force --root .tools cargo-deny --version "$version"
fi

(($#)) || exit 0
exec "$binary" "$@"
