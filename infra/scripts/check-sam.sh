#!/usr/bin/env bash
# Stops with a sentence when the SAM CLI is missing. It is the operator's own: it works with their credentials.
set -euo pipefail

if ! command -v sam >/dev/null 2>&1; then
    echo "The SAM CLI is missing (Python's package aws-sam-cli, or see its installation guide)." >&2
    exit 1
fi
