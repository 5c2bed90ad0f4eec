"""The same search by PyTorch, FAISS and scipy, for `compare.mjs`: reads one JSON line a question, answers with one line.

Each answer is the time of one run in seconds; questions come interleaved with the other contestants'."""
import json, sys, time
import numpy as np

threads = int(sys.argv[1])
contestants = {}
try:
    import torch
    torch.set_num_threads(threads)
    contestants["torch"] = torch
except ImportError:
    pass
try:
    import faiss
    faiss.omp_set_num_threads(threads)
    contestants["faiss"] = faiss
except ImportError:
    pass
try:
    from scipy.spatial import cKDTree
    contestants["scipy"] = cKDTree
except ImportError:
    pass
print(json.dumps(sorted(contestants)), flush=True)

data = {}


def run_torch(q, c):
    best = None
    q, c = torch.from_numpy(q), torch.from_numpy(c)
    for start in range(0, len(q), 512):  # slices that keep the distance matrix near the cache: the fastest way found
        index = torch.cdist(q[start:start + 512], c).min(dim=1).indices
    return index


for line in sys.stdin:
    ask = json.loads(line)
    key = (ask["n"], ask["codes"], ask["dim"], ask["file"])
    if key not in data:
        raw = np.fromfile(ask["file"], dtype=np.float32)
        data.clear()
        split = ask["n"] * ask["dim"]
        data[key] = (raw[:split].reshape(ask["n"], -1).copy(), raw[split:].reshape(ask["codes"], -1).copy())
    q, c = data[key]
    start = time.perf_counter()
    if ask["who"] == "torch":
        run_torch(q, c)
    elif ask["who"] == "faiss":
        index = faiss.IndexFlatL2(ask["dim"])
        index.add(c)
        index.search(q, 1)
    else:
        cKDTree(c).query(q, workers=threads)
    print(json.dumps(time.perf_counter() - start), flush=True)
