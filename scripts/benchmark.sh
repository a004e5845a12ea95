#!/usr/bin/env bash
# Builds and runs the benchmarks; sets the accountants beside dp-accounting where it installs.
# Sets the search of item vectors beside numpy and faiss.
# Usage: scripts/benchmark.sh [masks] [unmask] [round] [cohorts] [hostile] [accounting] [samplers]
#                             [device] [store] [ledger] [faults]
set -euo pipefail
cd "$(dirname "$0")/.."

BENCHMARKS=1 swift build -c release --product Benchmarks --scratch-path .build-benchmarks
ours=$(.build-benchmarks/release/Benchmarks "$@")
printf '%s\n' "$ours"

if [[ $# -eq 0 || " $* " == *" device "* ]]; then
  peers=.build-benchmarks/search-peers
  if [[ ! -x $peers/bin/python3 ]]; then
    python3 -m venv "$peers" && "$peers/bin/pip" install --quiet numpy faiss-cpu || rm -rf "$peers"
  fi
  if [[ -x $peers/bin/python3 ]]; then
    "$peers/bin/python3" Benchmarks/peers/search.py
  else
    echo "numpy and faiss cannot be installed here; only our search is shown" >&2
  fi
fi

if [[ $# -eq 0 || " $* " == *" accounting "* ]]; then
  peers=.build-benchmarks/peers
  if [[ ! -x $peers/bin/python3 ]]; then
    if ! { python3 -m venv "$peers" && "$peers/bin/pip" install --quiet dp-accounting==0.6.0; }; then
      rm -rf "$peers"
      echo "dp-accounting cannot be installed here; only our figures are shown" >&2
      exit 0
    fi
  fi
  theirs=$("$peers/bin/python3" Benchmarks/peers/accounting.py)
  OURS="$ours" THEIRS="$theirs" python3 - <<'PYTHON'
import json, os

def read(name):
    return {row["question"]: row for row in map(json.loads, os.environ[name].splitlines())}

ours, theirs = read("OURS"), read("THEIRS")
print(f"\n{'question':52} {'ours':>10} {'peer':>10} {'faster':>8}   epsilon ours / peer")
for question, peer in theirs.items():
    mine = ours.get(question)
    if mine is None:
        print(f"{question:52} {'':>10} {peer['seconds'] * 1e3:8.1f}ms")
        continue
    print(f"{question:52} {mine['seconds'] * 1e3:8.2f}ms {peer['seconds'] * 1e3:8.1f}ms "
          f"{peer['seconds'] / mine['seconds']:7.0f}x   {mine['epsilon']:.6g} / {peer['epsilon']:.6g}")
PYTHON
fi
