#!/usr/bin/env bash
# Runs a command in infra/web with a recent Node.js: `node.sh npm ci`. Uses the machine's Node.js, or a wheel in .tools/venv-node,
# because Debian's Node.js is too old for Vite.
set -euo pipefail
cd "$(dirname "$0")/../.."

venv=.tools/venv-node # see requirements-node.txt

new_enough() { # see "engines" in infra/web/package.json
    command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 &&
        node -e 'const [a, b] = process.versions.node.split(".").map(Number)
                 process.exit((a === 20 && b >= 19) || (a === 22 && b >= 12) || a > 22 ? 0 : 1)'
}

if ! new_enough; then
    infra/scripts/install.sh venv
    infra/scripts/python-tools.sh node
    PATH=$PWD/$venv/bin:$PATH
    export PATH
fi

cd infra/web
exec "$@"
