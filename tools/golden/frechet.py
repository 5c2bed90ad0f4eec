"""Golden Fréchet distances for packages/metrics by scipy's matrix square root, as pytorch-fid computes them. Needs numpy, scipy.

    python tools/golden/frechet.py > packages/metrics/test/fixtures/frechet.json
"""

import json

import numpy as np
from scipy.linalg import sqrtm

from seeded import hashed


def samples(n: int, d: int, seed: int) -> np.ndarray:
    mixing = hashed(d * d, seed + 100).reshape(d, d)
    return hashed(n * d, seed).reshape(n, d) @ mixing + 0.1 * seed


cases = {}
for n, d in ((200, 24), (64, 8)):
    a, b = samples(n, d, 1), samples(n, d, 2)
    ca, cb = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = sqrtm(ca @ cb)
    distance = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(ca) + np.trace(cb) - 2 * np.trace(root.real)
    cases[f"{n}x{d}"] = distance
print(json.dumps(cases))
