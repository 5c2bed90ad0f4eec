"""The same search by PyTorch, FAISS and scipy, for `compare.mjs`: one JSON line per question and answer.

Each answer is the time of one run in seconds."""
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


slices = {}  # by problem: the number of queries at a time that keeps the distances in the cache


def run_torch(q, c, rows):
    q, c = torch.from_numpy(q), torch.from_numpy(c)
    for start in range(0, len(q), rows):
        torch.cdist(q[start:start + rows], c).min(dim=1).indices


def best_slice(q, c):
    times = {}
    for rows in (32, 64, 128, 512, 4096):
        part = q[:4096]
        run_torch(part[:512], c, rows)
        start = time.perf_counter()
        run_torch(part, c, rows)
        times[rows] = time.perf_counter() - start
    return min(times, key=times.get)


for line in sys.stdin:
    ask = json.loads(line)
    key = (ask["n"], ask["codes"], ask["dim"], ask["file"])
    if key not in data:
        raw = np.fromfile(ask["file"], dtype=np.float32)
        data.clear()
        split = ask["n"] * ask["dim"]
        data[key] = (raw[:split].reshape(ask["n"], -1).copy(), raw[split:].reshape(ask["codes"], -1).copy())
    q, c = data[key]
    if ask["who"] == "torch" and key not in slices:
        slices[key] = best_slice(q, c)
    start = time.perf_counter()
    if ask["who"] == "torch":
        run_torch(q, c, slices[key])
    elif ask["who"] == "faiss":
        index = faiss.IndexFlatL2(ask["dim"])
        index.add(c)
        index.search(q, 1)
    else:
        cKDTree(c).query(q, workers=threads)
    print(json.dumps(time.perf_counter() - start), flush=True)
