#!/usr/bin/env bash
# Puts what runs the function resolve-url beside the other functions' binaries: target/release/resolve-url. It starts Lambda's
# own runtime for Python with this machine's Python, whichever that is; in Lambda it is the template's.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=$PWD/target/release/resolve-url

infra/scripts/python-tools.sh resolve
written=$(
    cat <<EOF
#!/bin/sh
cd '$PWD/functions/resolve-url' || exit 1
export LAMBDA_TASK_ROOT="\$PWD" FILES_QUICKJS='$PWD/target/release/qjs'
exec '$PWD/.tools/venv-resolve/bin/python' -B -m awslambdaric "\$_HANDLER"
EOF
)
[ -f "$target" ] && [ "$(cat "$target")" = "$written" ] && exit 0
mkdir -p "${target%/*}"
staging=$target.$$.part # another build may do the same now
printf '%s\n' "$written" >"$staging"
chmod 755 "$staging"
mv "$staging" "$target"
