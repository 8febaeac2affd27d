#!/usr/bin/env bash
# Licences, bans, sources and advisories of the dependency tree (deny.toml).
set -euo pipefail
cd "$(dirname "$0")/../.."

deny=infra/scripts/cargo-deny.sh
"$deny" # installs it

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Warnings, which are about several versions of a crate, are one line each; failures are shown whole.
if "$deny" --locked check bans licenses sources >"$log" 2>&1; then
    grep -E '^warning|^bans ' "$log" || true
else
    cat "$log" >&2
    exit 1
fi

# A database that cannot be fetched says nothing about the tree; an advisory found does, and fails.
limit=()
if command -v timeout >/dev/null 2>&1; then limit=(timeout 120); fi
if GIT_TERMINAL_PROMPT=0 ${limit[@]+"${limit[@]}"} "$deny" fetch db >"$log" 2>&1 </dev/null; then
    "$deny" --locked --offline check advisories
else
    echo "advisories not run: the advisory database could not be fetched"
    sed -n 's/^fatal: */    /p' "$log" | head -n 1
fi
