"""The rectifier in PyTorch (diffusers' EfficientViT blocks), by the authors' names of weights."""

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
