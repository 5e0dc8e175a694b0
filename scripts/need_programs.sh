#!/bin/sh
# The browser tests drive a real Chromium: install Debian's where it is missing and apt may.
set -eu
command -v chromium >/dev/null 2>&1 && exit 0
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    echo "Installing Chromium …"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-noto-color-emoji >/dev/null
else
    echo "The browser tests need Chromium. Install it (Debian: apt-get install chromium) and run again." >&2
    exit 1
fi
