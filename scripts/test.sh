#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test. Arguments go to `swift test`, for example
# scripts/test.sh --filter LedgerTests.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh
swift format lint --strict --parallel --recursive Package.swift Sources Tests protocol coordinator client
scripts/build.sh
# Optimised: the numeric suites need it. Tests see internals, so it is a build of its own; the end-to-end
# suites drive the executables built above.
run_tests() { swift test -c release --scratch-path .build-test -Xswiftc -enable-testing "$@"; }
if [ $# -gt 0 ]; then
  run_tests "$@"
  exit
fi
# Suites with real sockets, processes and clocks run after those that keep every core busy for minutes.
real_time='EndToEndTests|TransportTests|SocketTwinTests'
run_tests --skip "$real_time"
run_tests --filter "$real_time"
