#!/usr/bin/env python3
"""Writes one seed for each golden message into the folder named on the command line."""
import pathlib
import sys

if len(sys.argv) != 2:
    sys.exit("usage: make_corpus.py FOLDER")
root = pathlib.Path(__file__).resolve().parent.parent
golden = root / "Tests" / "WireProtocolTests" / "Golden"
folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for path in sorted(golden.glob("messages-v*.txt")):
    for line in path.read_text().splitlines():
        if not line.startswith("#"):
            name, digits = line.split()
            (folder / f"{path.stem}-{name}").write_bytes(bytes.fromhex(digits))
