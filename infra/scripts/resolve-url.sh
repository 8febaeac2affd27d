#!/usr/bin/env bash
# Puts the function resolve-url beside the other functions' binaries: in target/release/resolve-url what its zip holds but the
# packages, and as target/release/python a Python with these and Lambda's own runtime for Python. It is this machine's, whichever
# that is; in Lambda it is the template's.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=target/release

infra/scripts/python-tools.sh resolve
[ -d $target/resolve-url ] || rm -f $target/resolve-url
mkdir -p $target/resolve-url
staging=$target/.resolve-url.$$ # another build may do the same now
for file in functions/resolve-url/*.py $target/qjs; do
    name=${file##*/}
    [ "$name" != update.py ] && [ -f "$file" ] || continue
    cmp -s "$file" $target/resolve-url/"$name" && continue
    install -m "$([ -x "$file" ] && echo 755 || echo 644)" "$file" "$staging"
    mv "$staging" $target/resolve-url/"$name" # a process that runs it keeps the old one
done
for file in $target/resolve-url/*.py; do # what is no longer there
    [ -f "functions/resolve-url/${file##*/}" ] || rm -f "$file"
done
ln -sfn "$PWD/.tools/venv-resolve" "$staging"
mv -T "$staging" $target/python
