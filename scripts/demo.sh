#!/usr/bin/env bash
# Builds Tacit and runs the demo: one coordinator and real client processes train a recommender
# privately over TLS on a real shop's log. Writes demo-out/. Arguments go to `tacit demo`.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh
scripts/build.sh
exec .build/release/tacit demo "$@"
