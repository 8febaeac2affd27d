#!/usr/bin/env bash
# Installs the function resolve-url beside the other functions' binaries: its modules in target/release/resolve-url, and
# target/release/python, this machine's Python with its packages and Lambda's Python runtime client.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=target/release

infra/scripts/python-tools.sh resolve
[ -d $target/resolve-url ] || rm -f $target/resolve-url
mkdir -p $target/resolve-url
staging=$target/.resolve-url.$$ # another build may run at the same time
for file in functions/resolve-url/*.py $target/qjs; do
    name=${file##*/}
    [ "$name" != update.py ] && [ -f "$file" ] || continue
    cmp -s "$file" $target/resolve-url/"$name" && continue
    install -m "$([ -x "$file" ] && echo 755 || echo 644)" "$file" "$staging"
    mv "$staging" $target/resolve-url/"$name" # a running process keeps the old file
done
for file in $target/resolve-url/*.py; do # removed modules
    [ -f "functions/resolve-url/${file##*/}" ] || rm -f "$file"
done
ln -sfn "$PWD/.tools/venv-resolve" "$staging"
mv -T "$staging" $target/python
