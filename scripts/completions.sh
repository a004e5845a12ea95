#!/usr/bin/env bash
# Writes shell completions and man pages of coordinator, client and tacit, as their argument parser
# describes them. Usage: scripts/completions.sh [OUTPUT_DIRECTORY]   (default: share)
# TACIT_BIN names the directory of the executables (default: .build/release).
set -euo pipefail

scripts=$(cd "$(dirname "$0")" && pwd)
binaries=${TACIT_BIN:-$scripts/../.build/release}
out=${1:-share}

mkdir -p "$out/bash-completion/completions" "$out/zsh/site-functions" \
  "$out/fish/vendor_completions.d" "$out/man/man1"
for tool in coordinator client tacit; do
  if [ ! -x "$binaries/$tool" ]; then
    echo "error: $binaries/$tool is missing" >&2
    echo "why:   completions are written by the program itself" >&2
    echo "next:  build it with scripts/build.sh, or name its directory in TACIT_BIN" >&2
    exit 1
  fi
  "$binaries/$tool" --generate-completion-script bash >"$out/bash-completion/completions/$tool"
  "$binaries/$tool" --generate-completion-script zsh >"$out/zsh/site-functions/_$tool"
  "$binaries/$tool" --generate-completion-script fish >"$out/fish/vendor_completions.d/$tool.fish"
  "$binaries/$tool" --experimental-dump-help | python3 "$scripts/man_pages.py" "$out/man/man1"
done
echo "wrote completions and man pages to $out; copy its folders into ~/.local/share or /usr/share"
