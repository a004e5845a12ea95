#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test. Arguments go to `swift test`, for example
# scripts/test.sh --filter LedgerTests.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh
swift format lint --strict --parallel --recursive Package.swift Sources Tests protocol coordinator client
scripts/build.sh
# One pass, optimised: the numeric suites need it, and the end-to-end suites drive these executables.
swift test -c release "$@"
