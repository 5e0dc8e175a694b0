#!/bin/sh
# The tests drive the real things: a browser, Redis, PostgreSQL, nginx, Caddy, and a clock that can be turned. Debian's
# are installed where they are missing and apt may.
set -eu
missing=""
need() { # need COMMAND PACKAGE…
    command -v "$1" >/dev/null 2>&1 && return
    shift
    missing="$missing $*"
}
need chromium chromium fonts-noto-color-emoji
need redis-server redis-server
need nginx nginx-light
need caddy caddy
need openssl openssl
need node nodejs
ls /usr/lib/*/faketime/libfaketimeMT.so.1 >/dev/null 2>&1 || need libfaketime libfaketime
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || need initdb postgresql
[ -n "$missing" ] || exit 0
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    echo "Installing$missing …"
    apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $missing >/dev/null
else
    echo "The tests need programs that are not here. Install them (Debian: apt-get install$missing) and run again." >&2
    exit 1
fi
