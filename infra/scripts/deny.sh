#!/usr/bin/env bash
# Licences, bans, sources and advisories of the dependency tree (deny.toml), and dependencies that no source uses.
set -euo pipefail
cd "$(dirname "$0")/../.."

tool=infra/scripts/cargo-tool.sh
"$tool" # installs what is missing

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Warnings about several versions of a crate are one line each; failures are shown whole.
if "$tool" cargo-deny --locked check bans licenses sources >"$log" 2>&1; then
    grep -E '^warning|^bans ' "$log" || true
else
    cat "$log" >&2
    exit 1
fi

# A database that cannot be fetched proves nothing and does not fail; an advisory that is found does.
limit=()
if command -v timeout >/dev/null 2>&1; then limit=(timeout 120); fi
if GIT_TERMINAL_PROMPT=0 ${limit[@]+"${limit[@]}"} "$tool" cargo-deny fetch db >"$log" 2>&1 </dev/null; then
    "$tool" cargo-deny --locked --offline check advisories
else
    echo "advisories of crates: the advisory database could not be fetched" | tee -a "${NOT_RUN:-/dev/null}"
    sed -n 's/^fatal: */    /p' "$log" | head -n 1
fi

# After --locked above, because it asks cargo for the names of renamed crates. List a false positive in the crate's
# [package.metadata.cargo-machete].
if ! "$tool" cargo-machete --skip-target-dir --with-metadata >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    exit 1
fi
