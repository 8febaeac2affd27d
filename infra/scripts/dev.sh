#!/usr/bin/env bash
# Runs Files on the local cloud: `make dev`, with the options of files-local.
set -euo pipefail

project=$(cd "$(dirname "$0")/../.." && pwd)
export FILES_BUILT=${FILES_BUILT:-$project/target/release}
exec "$FILES_BUILT/files-local" \
    --parameter 'PublicUrl={api}' \
    --layer "bin/ffprobe=${FILES_FFPROBE:-$FILES_BUILT/ffprobe}" \
    --layer "bin/ffmpeg=${FILES_FFMPEG:-$FILES_BUILT/ffmpeg}" \
    --web "$project/infra/web/dist" \
    --setup "'$project/infra/scripts/first-key.sh'" \
    "$@"
