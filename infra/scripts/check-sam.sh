#!/usr/bin/env bash
# Fails with a message if the SAM CLI is missing. The operator installs it, because it uses the operator's credentials.
set -euo pipefail

if ! command -v sam >/dev/null 2>&1; then
    echo "The SAM CLI is missing. Install the Python package aws-sam-cli, or follow its installation guide." >&2
    exit 1
fi
