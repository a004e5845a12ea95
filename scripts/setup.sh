#!/usr/bin/env bash
# Installs what Tacit needs to build and run on Debian or Ubuntu: libsodium, OpenSSL and SQLite
# headers, pkg-config, and Python 3 with pip for `tacit data fetch`. Asks nothing. Safe to repeat.
set -euo pipefail

packages=(libsodium-dev libssl-dev libsqlite3-dev pkg-config python3 python3-pip)

if ! command -v swift >/dev/null 2>&1; then
  echo "error: Swift is missing" >&2
  echo "why:   Tacit is built with Swift 6.3 or later" >&2
  echo "next:  install it from https://www.swift.org/install/linux and run this again" >&2
  exit 1
fi

missing=()
for package in "${packages[@]}"; do
  case "$package" in
    # A Python or pip that came another way is as good.
    python3) command -v python3 >/dev/null 2>&1 || missing+=("$package") ;;
    python3-pip) python3 -m pip --version >/dev/null 2>&1 || missing+=("$package") ;;
    *) dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package") ;;
  esac
done

if [ ${#missing[@]} -eq 0 ]; then
  echo "setup: everything is installed"
  exit 0
fi

if ! command -v apt-get >/dev/null 2>&1; then
  echo "error: apt-get is missing" >&2
  echo "why:   this script installs packages on Debian and Ubuntu only" >&2
  echo "next:  install these with your system's tool: ${missing[*]}" >&2
  exit 1
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null 2>&1; then
    echo "error: packages cannot be installed" >&2
    echo "why:   you are not root and there is no sudo" >&2
    echo "next:  run as root: apt-get install -y ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo -n)
fi

echo "setup: installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq "${missing[@]}" >/dev/null
echo "setup: done"
