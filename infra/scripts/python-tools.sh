#!/usr/bin/env bash
# Installs Python tools into .tools, and again when the requirements or the Python change. Each file that pip downloads must
# have a hash of the requirements:
#     python-tools.sh             .tools/venv, from requirements.txt
#     python-tools.sh layer       .tools/venv-layer: large, for the builds for Lambda
#     python-tools.sh ministack   .tools/venv-ministack: the emulator of `make test-deploy`
#     python-tools.sh iam         .tools/venv-iam: the second evaluator of `make check-policies`
#     python-tools.sh clients     .tools/venv-clients: client generators, schemathesis, a client of the Model Context Protocol, a verifier of webhooks
#     python-tools.sh checkov     .tools/venv-checkov: large, the scanner of the template
#     python-tools.sh aws         .tools/venv-aws: the AWS CLI, for the runbook's commands
#     python-tools.sh node        .tools/venv-node: Node.js, for node.sh
#     python-tools.sh resolve     .tools/venv-resolve: resolve-url with Lambda's Python runtime client
set -euo pipefail
cd "$(dirname "$0")/../.."

suffix=${1:+-$1}
requirements=infra/scripts/requirements$suffix.txt
venv=.tools/venv$suffix
stamp=$venv/made-from

if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "Python is too old: $(python3 --version 2>&1), but the Python tools need 3.11 or newer." >&2
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
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r "$requirements" </dev/null
printf '%s\n' "$made_from" >"$stamp" # last, so that an interrupted installation is repeated
