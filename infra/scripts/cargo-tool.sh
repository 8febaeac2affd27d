#!/usr/bin/env bash
# Runs a pinned Cargo tool with the given arguments: `cargo-tool.sh cargo-deny check licenses`. Without arguments it only installs
# all of them, in one build folder. They are compiled into .tools/bin with few optimisations, because they run for a second.
set -euo pipefail
cd "$(dirname "$0")/../.."

tools=(cargo-deny@0.20.2 cargo-machete@0.9.2)

installed() { # name@version
    local found
    found=$(".tools/bin/${1%@*}" --version 2>/dev/null || true)
    [ "${found##* }" = "${1#*@}" ]
}

wanted=()
for tool in "${tools[@]}"; do
    if [ $# -eq 0 ] || [ "$1" = "${tool%@*}" ]; then
        installed "$tool" || wanted+=("$tool")
    fi
done

if ((${#wanted[@]})); then
    echo "Building ${wanted[*]} (once, one to two minutes each)"
    build=.tools/build-cargo-tools
    trap 'rm -rf "$build"' EXIT
    CARGO_TARGET_DIR=$build CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
        CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_DEBUG=0 \
        cargo install --quiet --locked --force --root .tools "${wanted[@]}"
    rm -rf "$build"
fi

(($#)) || exit 0
tool=$1
shift
exec ".tools/bin/$tool" "$@"
