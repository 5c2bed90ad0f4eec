"""Layers of EfficientViT (arXiv 2205.14756; the variant of diffusers' AutoencoderDC)."""

import torch
from torch import nn
from torch.nn import functional as F


class RmsNorm(nn.Module):
    """Over the channels: axis 1, or the last one."""

    def __init__(self, channels, last=False):
        super().__init__()
        self.axis = -1 if last else 1
        self.shape = (channels,) if last else (channels, 1, 1)
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        normal = x * torch.rsqrt(x.pow(2).mean(self.axis, keepdim=True) + 1e-5)
        return normal * self.weight.view(self.shape) + self.bias.view(self.shape)


class Aggregation(nn.Module):
    def __init__(self, channels, head, side):
        super().__init__()
        self.proj_in = nn.Conv2d(3 * channels, 3 * channels, side, padding=side // 2, groups=3 * channels, bias=False)
        self.proj_out = nn.Conv2d(3 * channels, 3 * channels, 1, groups=3 * channels // head, bias=False)

    def forward(self, x):
        return self.proj_out(self.proj_in(x))


class LinearAttention(nn.Module):
    """ReLU linear attention over several scales."""

    def __init__(self, channels, head, sides):
        super().__init__()
        self.head = head
        self.to_q, self.to_k, self.to_v = (nn.Linear(channels, channels, bias=False) for _ in range(3))
        self.to_qkv_multiscale = nn.ModuleList([Aggregation(channels, head, side) for side in sides])
        self.to_out = nn.Linear((1 + len(sides)) * channels, channels, bias=False)
        self.norm_out = RmsNorm(channels)

    def forward(self, x):
        h, w = x.shape[2:]
        rows = x.movedim(1, -1)
        qkv = torch.cat([self.to_q(rows), self.to_k(rows), self.to_v(rows)], -1).movedim(-1, 1)
        scales = torch.cat([qkv] + [scale(qkv) for scale in self.to_qkv_multiscale], 1)
        # Heads of 3 * head channels, each a query, a key and a value: not the thirds that were just joined.
        query, key, value = scales.unflatten(1, (-1, 3 * self.head)).flatten(3).chunk(3, 2)
        query, key = F.relu(query), F.relu(key)
        total = key.sum(-1, keepdim=True).transpose(-1, -2) @ query
        mixed = (value @ key.transpose(-1, -2)) @ query / (total + 1e-15)
        return x + self.norm_out(self.to_out(mixed.flatten(1, 2).unflatten(2, (h, w)).movedim(1, -1)).movedim(-1, 1))


class GatedConvolution(nn.Module):
    def __init__(self, channels, hidden):
        super().__init__()
        self.conv_inverted = nn.Conv2d(channels, 2 * hidden, 1)
        self.conv_depth = nn.Conv2d(2 * hidden, 2 * hidden, 3, padding=1, groups=2 * hidden)
        self.conv_point = nn.Conv2d(hidden, channels, 1, bias=False)
        self.norm = RmsNorm(channels)

    def forward(self, x):
        signal, gate = self.conv_depth(F.silu(self.conv_inverted(x))).chunk(2, 1)
        return x + self.norm(self.conv_point(signal * F.silu(gate)))
