#!/usr/bin/env bash
# Builds the release executables coordinator, client and tacit into .build/release.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "build: release executables (a first build takes some minutes)"
# With the Swift libraries linked in, a device answers some milliseconds sooner and needs no Swift where it
# runs. lld comes with Swift; other linkers warn of a function of the C library that Foundation calls.
swift build -c release --static-swift-stdlib -Xswiftc -use-ld=lld
