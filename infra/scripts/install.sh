#!/usr/bin/env bash
# Installs the system packages that a make target needs: `install.sh build|run|test|clients|venv|lint|layer|prove|browser ...`.
# On Debian and its derivatives it installs missing packages and prints which and why; elsewhere it names them and stops.
# SETUP=print only prints them.
set -euo pipefail

packages=() # of Debian
reasons=()  # "packages (reason)"
missing=()  # "command (reason)", for other systems

want() { # command, Debian package(s), reason
    command -v "$1" >/dev/null 2>&1 && return 0
    add "$@"
}

want_venv() {
    python3 -c 'import ensurepip, venv' >/dev/null 2>&1 && return 0
    add "python3 with venv and ensurepip" "python3 python3-venv" "for the Python tools in .tools"
}

add() {
    local names
    read -ra names <<<"$2"
    packages+=("${names[@]}")
    reasons+=("$2 ($3)")
    missing+=("$1 ($3)")
}

other_architecture() { # of the layer's two
    if [ "$(uname -m)" = aarch64 ]; then echo x86_64; else echo aarch64; fi
}

for purpose in "$@"; do
    case "$purpose" in
    build) want cc "gcc libc6-dev" "C compiler and headers, for ring and SQLite" ;;
    run) want curl "curl ca-certificates" "to try the API" ;;
    test)
        want ffprobe ffmpeg "for the tests' media, and to compare ffprobe with"
        want ffmpeg ffmpeg "for the tests' media, and to compare ffprobe with"
        want mediainfo mediainfo "to compare metadata with"
        ;;
    clients)
        want ffmpeg ffmpeg "makes the video that clients upload"
        want curl "curl ca-certificates" "runs the documentation's commands"
        want jq jq "runs the documentation's commands"
        want go golang-go "runs the documentation's program in Go"
        want_venv
        ;;
    lint)
        want git git "to fetch the advisory database"
        want_venv
        ;;
    venv) want_venv ;;
    browser)
        command -v google-chrome >/dev/null 2>&1 || want chromium "chromium fonts-liberation" "for the web app's tests"
        ;;
    layer)
        want make make "to build ffprobe"
        want_venv
        ;;
    prove)
        want ffprobe ffmpeg "for the tests' media, and to compare ffprobe with"
        want ffmpeg ffmpeg "for the tests' media, and to compare ffprobe with"
        # Optional elsewhere: without it, only the other architecture's ffprobe is not run.
        if command -v apt-get >/dev/null 2>&1; then
            want "qemu-$(other_architecture)" qemu-user "to run the other architecture's ffprobe"
        fi
        ;;
    *)
        echo "install.sh: unknown purpose '$purpose', expected build, run, test, clients, venv, lint, layer, prove or browser" >&2
        exit 2
        ;;
    esac
done

joined() { printf '%s\n' "$@" | sort -u | sed -n 'H;${x;s/^\n//;s/\n/; /g;p;}'; }

if [ "${SETUP:-}" = print ]; then
    if ((${#packages[@]})); then
        echo "Would install: $(joined "${reasons[@]}")"
    else
        echo "Nothing to install."
    fi
    exit 0
fi

((${#packages[@]})) || exit 0

give_up() {
    echo "Missing: $(joined "${missing[@]}")." >&2
    echo "$1" >&2
    exit 1
}

command -v apt-get >/dev/null 2>&1 ||
    give_up "Only systems with apt-get are set up automatically. Install these yourself, then run the command again."

mapfile -t packages < <(printf '%s\n' "${packages[@]}" | sort -u)
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 ||
        give_up "Installing needs root or sudo. As root: apt-get install ${packages[*]}"
    as_root=(sudo)
    [ -t 0 ] || as_root=(sudo -n) # no terminal for a password
fi

echo "Installing with apt-get (may take a minute): $(joined "${reasons[@]}")"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() { ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" >>"$log" 2>&1 </dev/null; }
apt update || true # the existing lists may suffice
if ! apt install -y --no-install-recommends "${packages[@]}"; then
    tail -n 20 "$log" >&2
    give_up "apt-get could not install them; its last lines are above."
fi
