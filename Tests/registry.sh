#!/bin/sh
# Unpacks the registry of Debian's package `docker-registry` into the build folder, once for a
# checkout, and prints where it is. It is not installed: it would be a service that starts by itself.
set -e
program=$(cd "$(dirname "$0")/.." && pwd)/.build/docker-registry
if [ ! -x "$program" ]; then
    work=$(mktemp -d /tmp/shunt-test-registry-XXXXXX)
    trap 'rm -rf "$work"' EXIT
    chmod 755 "$work"
    cd "$work"
    apt-get download -q docker-registry >&2
    dpkg-deb -x docker-registry_*.deb .
    mv usr/bin/docker-registry "$program"
fi
echo "$program"
