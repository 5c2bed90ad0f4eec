"""Gradients through a decoder of the TAESD family in PyTorch, channels last, for tools/bench/picture-pair.mjs. Answers each line
`{"what": "latents" | "weights"}` with the milliseconds that it took, of the wall and of the processor, and the norm of the latents' gradient.

python picture_step.py DECODER.safetensors BATCH SIDE THREADS"""
import json
import sys
import time

import torch
from tae_torch import decoder_network

path, batch, side, threads = sys.argv[1], *map(int, sys.argv[2:5])
torch.set_num_threads(threads)
decoder = decoder_network(path)
channels = next(decoder.parameters()).shape[1]


def waves(shape, step):
    count = torch.tensor(shape).prod().item()
    x = torch.sin(torch.arange(count, dtype=torch.float64) * step).float().reshape(shape)
    return x.contiguous(memory_format=torch.channels_last)


z = waves([batch, channels, side, side], 0.7).requires_grad_()
direction = waves([batch, 3, 8 * side, 8 * side], 0.3)
print(json.dumps({"torch": torch.__version__, "channels": channels}), flush=True)
for line in sys.stdin:
    what = json.loads(line)["what"]
    decoder.requires_grad_(what == "weights")
    z.grad = None
    decoder.zero_grad()
    started, used = time.perf_counter(), time.process_time()
    ((decoder(z) * 2 - 1) * direction).sum().backward()
    norm = z.grad.norm().item()
    elapsed, processor = time.perf_counter() - started, time.process_time() - used
    print(json.dumps({"ms": 1000 * elapsed, "processorMs": 1000 * processor, "norm": norm}), flush=True)
