"""A rectifier of residual convolutions."""

import torch
from torch import nn
from torch.nn import functional as F
from layers import RmsNorm
from network import Convolution


class CnnBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = RmsNorm(channels)
        self.conv1 = Convolution(channels, channels)
        self.conv2 = Convolution(channels, channels)

    def forward(self, x):
        return x + self.conv2(F.silu(self.conv1(self.norm(x))))


class CnnRectifier(nn.Module):
    """`skip`: the input is added to the output."""

    def __init__(self, latent, channels, layers, skip):
        super().__init__()
        self.skip = skip
        self.conv_in = Convolution(latent, channels)
        self.blocks = nn.Sequential(*[CnnBlock(channels) for _ in range(layers)])
        self.norm_out = RmsNorm(channels)
        self.conv_out = Convolution(channels, latent)

    def forward(self, x):
        y = self.conv_out(F.silu(self.norm_out(self.blocks(self.conv_in(x)))))
        return x + y if self.skip else y
