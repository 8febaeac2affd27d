#!/usr/bin/env bash
# Prepares a local cloud for `make dev`, as the command of `files-local --setup`: creates an API key at the first start, stores it
# in the data folder's file api-key, and prints instructions. Standard input is the content of ready.json.
set -euo pipefail

built=${FILES_BUILT:-$(dirname "$0")/../../target/release}
key=$(env -u FILES_TABLE -u FILES_KEYS_TABLE "$built/files-admin" --ready /dev/stdin \
    key ensure --owner local --name "first key" --file "$LOCAL_DATA/api-key")
api=$LOCAL_API/v1

cat <<END

  web app  $LOCAL_API/
  API      $api
  docs     $LOCAL_API/docs
  key      $key

  Try, in another terminal in this folder, with a video of your own instead of my-video.mp4:
    export FILES_URL=$api FILES_API_KEY=$key
    target/release/files upload my-video.mp4 --wait
    curl -f -H "X-API-KEY: \$FILES_API_KEY" \$FILES_URL/files
    url=\$(target/release/files list --limit 1 --json | jq -r .download_url)
    curl -fL -o copy.mp4 -H "X-API-KEY: \$FILES_API_KEY" "\$url"
END
