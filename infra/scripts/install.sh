#!/usr/bin/env bash
# Makes sure that what a make target needs outside of Rust is there: `install.sh build|run|test|clients|venv|lint|layer|prove|browser ...`.
# On Debian and its relatives missing packages are installed, elsewhere they are named and nothing is changed.
set -euo pipefail

needed=()    # Debian packages
missing=()   # what a person of another system has to look for

want() { # command, Debian package(s), what it is for
    command -v "$1" >/dev/null 2>&1 && return 0
    local packages
    read -ra packages <<<"$2"
    needed+=("${packages[@]}")
    missing+=("$1 ($3)")
}

want_venv() {
    python3 -c 'import ensurepip, venv' >/dev/null 2>&1 && return 0
    needed+=(python3 python3-venv)
    missing+=("python3 with venv and ensurepip (the Python tools)")
}

foreign() { # the other one of the layer's two architectures
    if [ "$(uname -m)" = aarch64 ]; then echo x86_64; else echo aarch64; fi
}

for purpose in "$@"; do
    case "$purpose" in
    # A C compiler is what ring and the bundled SQLite are built with.
    build) want cc "gcc libc6-dev" "C compiler and headers, for ring and SQLite" ;;
    run) want curl "curl ca-certificates" "to try the API" ;;
    test)
        want ffprobe ffmpeg "is compared with the layer's"
        want ffmpeg ffmpeg "makes the tests' media"
        want mediainfo mediainfo "is compared with what a probe says"
        ;;
    clients)
        want ffmpeg ffmpeg "makes the video that clients upload"
        want curl "curl ca-certificates" "runs the documentation's commands"
        want jq jq "runs the documentation's commands"
        want go golang-go "runs the documentation's program in Go"
        want_venv
        ;;
    lint)
        want git git "fetches the advisory database"
        want_venv
        ;;
    venv) want_venv ;;
    browser)
        command -v google-chrome >/dev/null 2>&1 || want chromium "chromium fonts-liberation" "runs the web page's tests"
        ;;
    layer)
        want make make "builds ffprobe"
        want_venv
        ;;
    prove)
        want ffprobe ffmpeg "is compared with the layer's"
        want ffmpeg ffmpeg "makes the comparison's media"
        # Not elsewhere: without it only the other architecture's ffprobe is not run.
        if command -v apt-get >/dev/null 2>&1; then
            want "qemu-$(foreign)" qemu-user "runs the other architecture's ffprobe"
        fi
        ;;
    *)
        echo "install.sh: unknown purpose '$purpose', expected build, run, test, clients, venv, lint, layer, prove or browser" >&2
        exit 2
        ;;
    esac
done

((${#needed[@]})) || exit 0

give_up() {
    echo "Missing: $(printf '%s; ' "${missing[@]}" | sed 's/; $//')." >&2
    echo "$1" >&2
    exit 1
}

command -v apt-get >/dev/null 2>&1 ||
    give_up "They are installed automatically only where there is apt-get. Please install them and run this again."

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 ||
        give_up "Installing needs root or sudo. As root: apt-get install ${needed[*]}"
    as_root=(sudo)
    [ -t 0 ] || as_root=(sudo -n) # nobody is there to type a password
fi

mapfile -t needed < <(printf '%s\n' "${needed[@]}" | sort -u)
echo "Installing with apt-get (may take a minute): ${needed[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() { ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" >>"$log" 2>&1 </dev/null; }
# A failed update is no reason to stop yet: the lists that are there may do.
apt update || true
if ! apt install -y --no-install-recommends "${needed[@]}"; then
    tail -n 20 "$log" >&2
    give_up "apt-get could not install them; its last lines are above."
fi
