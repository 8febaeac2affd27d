#!/usr/bin/env bash
# Makes .tools/venv from requirements.txt; again when the requirements or the Python change, else does nothing.
# `python-tools.sh layer` makes .tools/venv-layer from requirements-layer.txt: large, and only what builds for Lambda needs it.
# `python-tools.sh ministack` makes .tools/venv-ministack: the emulator of `make test-deploy`.
# `python-tools.sh iam` makes .tools/venv-iam: the second evaluator of `make check-policies`.
# `python-tools.sh clients` makes .tools/venv-clients: generators of clients, schemathesis and a client of the Model Context Protocol.
# `python-tools.sh checkov` makes .tools/venv-checkov, as large, of the scanner of the template alone.
# `python-tools.sh resolve` makes .tools/venv-resolve: the function resolve-url with Lambda's runtime for Python.
set -euo pipefail
cd "$(dirname "$0")/../.."

suffix=${1:+-$1}
requirements=infra/scripts/requirements$suffix.txt
venv=.tools/venv$suffix
stamp=$venv/made-from

if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "Python is too old: $(python3 --version 2>&1), needed is 3.11 or newer for the Python tools." >&2
    exit 1
fi

files=("$requirements")
[ "$suffix" != -resolve ] || files+=(functions/resolve-url/requirements.txt)
made_from=$(python3 -c 'import sys; print(sys.executable, sys.version)' | cat - "${files[@]}")
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$made_from" ]; then
    exit 0
fi

echo "Installing the Python tools of $requirements into $venv"
rm -rf "$venv"
python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input -r "$requirements" </dev/null
printf '%s\n' "$made_from" >"$stamp" # last: an interrupted install is made again
