"""The rectifier in PyTorch, for tools/bench/rectifier.mjs: the same network (diffusers' EfficientViT blocks), checked against the
fixture first. Answers each line `{"what": "pass" | "step"}` with the milliseconds that it took, of the wall and of the processor.

python rectifier.py FIXTURE CHANNELS LAYERS HEAD_DIM BATCH THREADS"""
import json
import struct
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


class RmsNorm(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x):  # channels last
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * self.weight + self.bias


class Aggregation(nn.Module):
    def __init__(self, channels, head):
        super().__init__()
        self.proj_in = nn.Conv2d(3 * channels, 3 * channels, 5, padding=2, groups=3 * channels, bias=False)
        self.proj_out = nn.Conv2d(3 * channels, 3 * channels, 1, groups=3 * channels // head, bias=False)

    def forward(self, x):
        return self.proj_out(self.proj_in(x))


class Attention(nn.Module):
    def __init__(self, channels, head):
        super().__init__()
        self.head = head
        self.to_q = nn.Linear(channels, channels, bias=False)
        self.to_k = nn.Linear(channels, channels, bias=False)
        self.to_v = nn.Linear(channels, channels, bias=False)
        self.to_qkv_multiscale = nn.ModuleList([Aggregation(channels, head)])
        self.to_out = nn.Linear(2 * channels, channels, bias=False)
        self.norm_out = RmsNorm(channels)

    def forward(self, x):
        n, _, h, w = x.shape
        rows = x.movedim(1, -1)
        qkv = torch.cat([self.to_q(rows), self.to_k(rows), self.to_v(rows)], 3).movedim(-1, 1)
        both = torch.cat([qkv, self.to_qkv_multiscale[0](qkv)], 1)
        query, key, value = both.reshape(n, -1, 3 * self.head, h * w).chunk(3, 2)
        query, key = F.relu(query), F.relu(key)
        value = F.pad(value, (0, 0, 0, 1), value=1.0)
        out = (value @ key.transpose(-1, -2)) @ query
        out = (out[:, :, :-1] / (out[:, :, -1:] + 1e-15)).reshape(n, -1, h, w)
        return x + self.norm_out(self.to_out(out.movedim(1, -1))).movedim(-1, 1)


class GluMbConv(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv_inverted = nn.Conv2d(channels, 8 * channels, 1)
        self.conv_depth = nn.Conv2d(8 * channels, 8 * channels, 3, padding=1, groups=8 * channels)
        self.conv_point = nn.Conv2d(4 * channels, channels, 1, bias=False)
        self.norm = RmsNorm(channels)

    def forward(self, x):
        y, gate = self.conv_depth(F.silu(self.conv_inverted(x))).chunk(2, 1)
        return x + self.norm(self.conv_point(y * F.silu(gate)).movedim(1, -1)).movedim(-1, 1)


class Block(nn.Module):
    def __init__(self, channels, head):
        super().__init__()
        self.attn = Attention(channels, head)
        self.conv_out = GluMbConv(channels)

    def forward(self, x):
        return self.conv_out(self.attn(x))


class Rectifier(nn.Module):
    def __init__(self, channels, layers, head, latent=32):
        super().__init__()
        self.repeats = channels // latent
        self.conv_in = nn.Conv2d(latent, channels, 3, padding=1)
        self.up_blocks = nn.ModuleList([nn.Sequential(*[Block(channels, head) for _ in range(layers)])])
        self.norm_out = RmsNorm(channels)
        self.conv_out = nn.Conv2d(channels, latent, 3, padding=1)

    def forward(self, x):
        y = self.up_blocks[0](self.conv_in(x) + x.repeat_interleave(self.repeats, 1))
        return self.conv_out(F.relu(self.norm_out(y.movedim(1, -1)).movedim(-1, 1)))


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
