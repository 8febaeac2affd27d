#!/usr/bin/env bash
# Runs Files on the local cloud: `make dev`, with the options of files-local.
set -euo pipefail

project=$(cd "$(dirname "$0")/../.." && pwd)
export FILES_BUILT=${FILES_BUILT:-$project/target/release}
ffmpeg=${FILES_FFMPEG:-$FILES_BUILT/ffmpeg}
[ -e "$ffmpeg" ] || ffmpeg=$(command -v ffmpeg || true) # with FILES_FFPROBE, `make build` builds none
exec "$FILES_BUILT/files-local" \
    --parameter 'PublicUrl={api}' \
    --layer "bin/ffprobe=${FILES_FFPROBE:-$FILES_BUILT/ffprobe}" \
    ${ffmpeg:+--layer "bin/ffmpeg=$ffmpeg"} \
    --web "$project/infra/web/dist" \
    --setup "'$project/infra/scripts/first-key.sh'" \
    "$@"
