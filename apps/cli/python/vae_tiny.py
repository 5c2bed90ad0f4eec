"""Tiny autoencoders (taesd.py of github.com/madebyollin/taesd)."""

import torch
from torch import nn
from torch.nn import functional as F
from network import Convolution


class TinyClamp(nn.Module):
    """Keeps latents in the range that the decoder was trained on."""

    def forward(self, x):
        return 3 * torch.tanh(x / 3)


class TinyBlock(nn.Module):
    def __init__(self, channels, pool):
        super().__init__()
        wide = 4 * channels
        self.pool = None
        if pool:
            first, last = Convolution(channels, wide, 1, bias=False), Convolution(wide, channels, 1, bias=False)
            self.pool = nn.Sequential(first, nn.GroupNorm(4, wide), nn.ReLU(), last)
        three = [Convolution(channels, channels) for _ in range(3)]
        self.conv = nn.Sequential(three[0], nn.ReLU(), three[1], nn.ReLU(), three[2])

    def forward(self, x):
        x = x if self.pool is None else x + self.pool(x)
        return F.relu(self.conv(x) + x)
