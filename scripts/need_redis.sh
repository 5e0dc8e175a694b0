#!/bin/sh
# Two processes tell each other over a real Redis: install Debian's where it is missing and apt may.
set -eu
command -v redis-server >/dev/null 2>&1 && exit 0
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    echo "Installing Redis …"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq redis-server >/dev/null
else
    echo "This needs Redis. Install it (Debian: apt-get install redis-server) and run again." >&2
    exit 1
fi
