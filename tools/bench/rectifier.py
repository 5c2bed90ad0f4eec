"""The rectifier in PyTorch, for tools/bench/rectifier.mjs: the same network (diffusers' EfficientViT blocks), checked against the
fixture first. Answers each line `{"what": "pass" | "step"}` with the milliseconds that it took, of the wall and of the processor.

python rectifier.py FIXTURE CHANNELS LAYERS HEAD_DIM BATCH THREADS"""
import json
import struct
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parents[1] / "pytorch"))
from rectifier import Rectifier  # noqa: E402


def check(path):
    """Largest difference of the network from the fixture, output and gradient to the input."""
    with open(path, "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
        data = file.read()
    read = lambda name: torch.from_numpy(
        np.frombuffer(data[slice(*header[name]["data_offsets"])], np.float32).reshape(header[name]["shape"]).copy()
    )
    model = Rectifier(64, 2, 16)
    model.load_state_dict({name[2:]: read(name) for name in header if name.startswith("w.")})
    x = read("input").requires_grad_()
    y = model(x)
    y.backward(read("grad_output"))
    return max((y - read("output")).abs().max().item(), (x.grad - read("grad_input")).abs().max().item())


fixture, channels, layers, head, batch, threads = sys.argv[1], *map(int, sys.argv[2:7])
torch.set_num_threads(threads)
difference = check(fixture)
model = Rectifier(channels, layers, head)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2)
x, target = torch.randn(batch, 32, 8, 8), torch.randn(batch, 32, 8, 8)
print(json.dumps({"torch": torch.__version__, "difference": difference}), flush=True)
for line in sys.stdin:
    what = json.loads(line)["what"]
    started, used = time.perf_counter(), time.process_time()
    optimizer.zero_grad()
    loss = F.mse_loss(model(x), target)
    loss.backward()
    if what == "step":
        optimizer.step()
    loss.item()
    elapsed, processor = time.perf_counter() - started, time.process_time() - used
    print(json.dumps({"ms": 1000 * elapsed, "processorMs": 1000 * processor}), flush=True)
