"""Golden eigenvalues for packages/core: numpy.linalg.eigvalsh of matrices that a formula defines. Needs numpy.

    python tools/golden/symmetric-eigen.py > packages/numerics/test/fixtures/symmetric-eigen.json
"""

import json

import numpy as np


def matrix(n: int) -> np.ndarray:
    """Entries from integer arithmetic alone, so that the test can make the same float64 numbers."""
    i, j = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
    low, high = np.minimum(i, j), np.maximum(i, j)
    return ((low * 7919 + high * 104729 + low * high * 31) % 2003 - 1001) / 1001.0


def gram(n: int, rank: int) -> np.ndarray:
    """B B^T / rank with B [n, rank]: a covariance of less than full rank."""
    i, j = np.meshgrid(np.arange(n), np.arange(rank), indexing="ij")
    b = ((i * 7919 + j * 104729 + i * j * 31) % 2003 - 1001) / 1001.0
    return b @ b.T / rank


cases = [("matrix", n, 0, matrix(n)) for n in (1, 2, 3, 10, 64, 192)] + [("gram", 48, 20, gram(48, 20))]
print(
    json.dumps(
        [
            {"kind": kind, "n": n, "rank": rank, "values": np.linalg.eigvalsh(a)[::-1].tolist()}
            for kind, n, rank, a in cases
        ]
    )
)
