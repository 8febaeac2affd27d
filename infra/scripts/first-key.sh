#!/usr/bin/env bash
# Prepares a local cloud for `make dev`, as the command of `files-local --setup`: makes an API key at the first start, keeps it in
# the data folder's file api-key, and shows how to begin. Standard input is the content of ready.json.
set -euo pipefail

built=${FILES_BUILT:-$(dirname "$0")/../../target/release}
key=$(env -u FILES_TABLE -u FILES_KEYS_TABLE "$built/files-admin" --ready /dev/stdin \
    key ensure --owner local --name "first key" --file "$LOCAL_DATA/api-key")
api=$LOCAL_API/v1

cat <<END

  web app  $LOCAL_API/
  API      $api
  key      $key

  Try:
    curl -H 'X-API-KEY: $key' -F file=@video.mp4 $api/files
    curl -H 'X-API-KEY: $key' $api/files
    curl -H 'X-API-KEY: $key' -L -O $api/files/ID/video.mp4
END
