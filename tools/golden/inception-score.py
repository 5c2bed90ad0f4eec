"""Inception Scores over ten parts, by the definition of arXiv 1606.03498, with SciPy's entropy: packages/metrics/test/fixtures/inception-score.json.

Run: python tools/golden/inception-score.py > packages/metrics/test/fixtures/inception-score.json
"""
import json

import numpy as np
import torch
from scipy.stats import entropy


def score(images: int, classes: int, parts: int = 10) -> dict:
    i = np.arange(images * classes, dtype=np.float64)
    logits = torch.from_numpy(4 * np.sin(i * i * 0.7 + i)).reshape(images, classes)
    answers = torch.softmax(logits, dim=1).numpy()
    scores = []
    for part in range(parts):
        own = answers[part * images // parts : (part + 1) * images // parts]
        mean = own.mean(axis=0)
        scores.append(np.exp(np.mean([entropy(answer, mean) for answer in own])))
    return {"images": images, "classes": classes, "mean": float(np.mean(scores)), "std": float(np.std(scores))}


print(json.dumps({"cases": [score(50, 5), score(200, 16), score(103, 7)]}, indent=2))
