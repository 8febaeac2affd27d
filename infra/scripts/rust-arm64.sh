#!/usr/bin/env bash
# Downloads tools for arm64 on Debian for x86_64 into .tools, without installing packages:
#     rust-arm64.sh compiler   .tools/rust-arm64/rustc: Debian's newest compiler with Rust's standard library for arm64
#     rust-arm64.sh emulator   .tools/arm64: QEMU's user mode emulation, static, and arm64's C library
# Packages come from the machine's apt sources, and apt checks their signatures. apt uses its own lists and cache here, so the installed
# packages and the machine's architectures do not change.
set -euo pipefail
cd "$(dirname "$0")/../.."

purpose=${1:?compiler or emulator}
case "$purpose" in
compiler) folder=.tools/rust-arm64 ;;
emulator) folder=.tools/arm64 ;;
*)
    echo "rust-arm64.sh: unknown purpose '$purpose', expected compiler or emulator" >&2
    exit 2
    ;;
esac

wanted=$(sed -n 's/^rust-version *= *"\(.*\)"/\1/p' Cargo.toml | head -n 1)
made_from="$wanted $(cksum <"$0")"
[ "$(cat "$folder/made-from" 2>/dev/null)" != "$made_from" ] || exit 0

fail() {
    echo "rust-arm64.sh: $1" >&2
    exit 1
}
if ! command -v apt-get >/dev/null 2>&1 || [ "$(dpkg --print-architecture)" != amd64 ]; then
    fail "this needs Debian for x86_64"
fi

mkdir -p .tools
scratch=$(mktemp -d "$PWD/.tools/apt-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch"/{state,lists/partial,cache/archives/partial,packages}
: >"$scratch/state/status"
options=(-o APT::Architecture=amd64 -o APT::Architectures::=amd64 -o APT::Architectures::=arm64
    -o "Dir::State=$scratch/state" -o "Dir::State::status=$scratch/state/status" -o "Dir::State::lists=$scratch/lists"
    -o "Dir::Cache=$scratch/cache" -o Acquire::Languages=none -o Acquire::Retries=3 -o "APT::Sandbox::User=$(id -un)"
    -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false -o Dpkg::Use-Pty=0)

apt() { # apt-get or apt-cache, and its arguments
    local program=$1
    shift
    "$program" -qq "${options[@]}" "$@" </dev/null
}

download() { # packages, into $scratch/packages
    (cd "$scratch/packages" && apt apt-get download "$@" >"$scratch/log" 2>&1) && return 0
    tail -n 20 "$scratch/log" >&2
    fail "apt-get could not download $*"
}

unpack() { # a folder, and options of tar
    local into=$1 package
    shift
    mkdir -p "$into"
    for package in "$scratch"/packages/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar -x -C "$into" --no-same-owner "$@"
    done
    rm "$scratch"/packages/*.deb
}

# The compiler's libraries, also those that the machine has. The C library is the machine's.
libraries() {
    apt apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances \
        libstd-rust-web-dev | sed -n 's/^\([a-z0-9][a-z0-9.+-]*\)$/\1/p' | grep -vx libc6
}

compiler() { # into a folder
    local version packages
    version=$(apt apt-cache policy rustc-web | sed -n 's/^ *Candidate: *//p')
    if [[ $version != [0-9]* ]] || dpkg --compare-versions "$version" lt "$wanted"; then
        fail "Debian's newest compiler (rustc-web) is '$version', but $wanted or newer is needed"
    fi
    echo "Downloading Rust ${version%%+*} with the standard library for arm64 (about 150 MB)"
    mapfile -t packages < <(libraries)
    ((${#packages[@]})) || fail "apt lists no libraries of the compiler"
    download rustc-web "${packages[@]}" libstd-rust-web-dev:arm64
    unpack "$1/root" --exclude=./usr/share
    cat >"$1/rustc" <<'END'
#!/bin/sh
root=$(dirname "$(readlink -f "$0")")/root
LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu:$root/lib/x86_64-linux-gnu${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
exec "$root/usr/bin/rustc" "$@"
END
    chmod 755 "$1/rustc"
    "$1/rustc" --version >"$scratch/log" 2>&1 || { cat "$scratch/log" >&2; fail "the compiler does not start"; }
    [ -d "$("$1/rustc" --print target-libdir --target aarch64-unknown-linux-gnu)" ] || fail "the compiler does not find the standard library for arm64"
}

emulator() { # into a folder
    echo "Downloading QEMU and arm64's C library (about 70 MB)"
    download qemu-user-static
    unpack "$1/qemu" ./usr/bin/qemu-aarch64-static
    mv "$1/qemu/usr/bin/qemu-aarch64-static" "$1/qemu-aarch64"
    rm -r "$1/qemu"
    download libc6:arm64 libgcc-s1:arm64
    unpack "$1/root" --exclude=./usr/share --exclude=./usr/lib/aarch64-linux-gnu/gconv
}

apt apt-get update >"$scratch/log" 2>&1 || { tail -n 20 "$scratch/log" >&2; fail "apt-get could not update the package lists"; }
"$purpose" "$scratch/new"
rm -rf "$folder"
printf '%s\n' "$made_from" >"$scratch/new/made-from"
mv "$scratch/new" "$folder"
