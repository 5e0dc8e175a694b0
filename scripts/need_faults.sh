#!/bin/sh
# The faults need Redis, PostgreSQL and a clock that can be turned: install Debian's where they are missing and apt may.
set -eu
missing=""
command -v redis-server >/dev/null 2>&1 || missing="$missing redis-server"
{ command -v initdb || ls /usr/lib/postgresql/*/bin/initdb; } >/dev/null 2>&1 || missing="$missing postgresql"
ls /usr/lib/*/faketime/libfaketimeMT.so.1 >/dev/null 2>&1 || missing="$missing libfaketime"
[ -z "$missing" ] && exit 0
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    echo "Installing$missing …"
    apt-get update -qq
    # shellcheck disable=SC2086 — a list of packages
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $missing >/dev/null
else
    echo "The faults need$missing. Install them (Debian: apt-get install$missing) and run again." >&2
    exit 1
fi
