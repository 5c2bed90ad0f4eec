"""The same search by PyTorch, FAISS and scipy, for `compare.mjs`: one JSON line per question and answer.

Each answer is the time of one run in seconds."""
import json, os, sys, time

threads = int(sys.argv[1])
# Threads that sleep between products: spinning ones take the cores from whoever runs next.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = str(threads)
import numpy as np

versions = {}
try:
    import torch
    torch.set_num_threads(threads)
    versions["torch"] = torch.__version__
except ImportError:
    pass
try:
    import faiss
    faiss.omp_set_num_threads(threads)
    versions["faiss"] = f"{faiss.__version__} {faiss.get_compile_options()}".strip()
except ImportError:
    pass
try:
    import scipy
    from scipy.spatial import cKDTree
    versions["scipy"] = scipy.__version__
except ImportError:
    pass
print(json.dumps(versions), flush=True)

data = {}


slices = {}  # by contestant: the number of queries at a time that is fastest for the problem


def run_torch(q, c, rows):
    q, c = torch.from_numpy(q), torch.from_numpy(c)
    for start in range(0, len(q), rows):
        torch.cdist(q[start:start + rows], c).min(dim=1).indices


def run_faiss(q, c, rows):
    index = faiss.IndexFlatL2(q.shape[1])
    index.add(c)
    for start in range(0, len(q), rows):
        index.search(q[start:start + rows], 1)


def best_slice(run, q, c, choices):
    times = {}
    part = q[:4096]
    run(part[:512], c, 512)
    for rows in choices:
        seconds = []
        for _ in range(3):
            start = time.perf_counter()
            run(part, c, rows)
            seconds.append(time.perf_counter() - start)
        times[rows] = min(seconds)
    best = min(times, key=times.get)
    return len(q) if best == len(part) else best


for line in sys.stdin:
    ask = json.loads(line)
    key = (ask["n"], ask["codes"], ask["dim"], ask["file"])
    if key not in data:
        raw = np.fromfile(ask["file"], dtype=np.float32)
        data.clear()
        slices.clear()
        split = ask["n"] * ask["dim"]
        data[key] = (raw[:split].reshape(ask["n"], -1).copy(), raw[split:].reshape(ask["codes"], -1).copy())
    q, c = data[key]
    who = ask["who"]
    if who == "torch" and who not in slices:
        slices[who] = best_slice(run_torch, q, c, (32, 64, 128, 512, 4096))
    if who == "faiss" and who not in slices:
        slices[who] = best_slice(run_faiss, q, c, (256, 1024, 4096))
    start = time.perf_counter()
    if who == "torch":
        run_torch(q, c, slices[who])
    elif who == "faiss":
        run_faiss(q, c, slices[who])
    else:
        cKDTree(c).query(q, workers=threads)
    print(json.dumps(time.perf_counter() - start), flush=True)
