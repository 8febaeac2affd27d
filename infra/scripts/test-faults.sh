#!/usr/bin/env bash
# Runs the end-to-end tests with the faults of a seed.
set -euo pipefail
cd "$(dirname "$0")/../.."
seed=${1:?a seed}
list=tests/tests/end_to_end/without_faults.txt
run=(cargo test ${CI:+--locked} --release --workspace --test end_to_end --)

names=$("${run[@]}" --list)
skip=()
while read -r name reason; do
    [[ -n $name && $name != \#* ]] || continue
    [[ -n $reason ]] || { echo "$list: $name has no reason" >&2; exit 1; }
    grep -q "^$name" <<<"$names" || { echo "$list: no test matches $name" >&2; exit 1; }
    skip+=(--skip "$name")
done <"$list"

echo "End to end with the faults of FAULTS=$seed, without:" "${skip[@]/--skip/}"
FILES_TESTS_FAULTS=$seed CARGO_TERM_QUIET=false "${run[@]}" "${skip[@]}"
