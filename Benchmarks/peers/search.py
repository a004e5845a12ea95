"""One query against 1,000,000 vectors of 64 floats by brute force: numpy (OpenBLAS) and, where it
installs, faiss. Prints one JSON object a line, CPU seconds, least of nine."""

import json
import os
import time

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import numpy  # noqa: E402  (after the thread counts)

COUNT, DIMENSION, BEST = 1_000_000, 64, 10
generator = numpy.random.default_rng(2)
vectors = generator.random((COUNT, DIMENSION), dtype=numpy.float32) * 2 - 1
vectors /= numpy.linalg.norm(vectors, axis=1, keepdims=True)
query = vectors[17].copy()


def least(body):
    best = float("inf")
    for _ in range(9):
        start = time.process_time()
        found = body()
        best = min(best, time.process_time() - start)
    assert found == 17, "an item is most like itself"
    return best


def by_numpy():
    scores = vectors @ query
    top = numpy.argpartition(scores, -BEST)[-BEST:]
    return int(top[numpy.argsort(-scores[top])][0])


question = "search: 10 of 1,000,000 x 64"
print(json.dumps({"question": question, "peer": "numpy", "seconds": least(by_numpy)}))

try:
    import faiss
except ImportError:
    faiss = None
if faiss is not None:
    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatIP(DIMENSION)
    index.add(vectors)
    seconds = least(lambda: int(index.search(query[None, :], BEST)[1][0][0]))
    print(json.dumps({"question": question, "peer": "faiss", "seconds": seconds}))
