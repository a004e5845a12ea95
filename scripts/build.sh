#!/usr/bin/env bash
# Builds the release executables coordinator, client and tacit into .build/release.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "build: release executables (a first build takes some minutes)"
swift build -c release
