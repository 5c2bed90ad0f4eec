"""The rectifier of Quantize-then-Rectify (arXiv 2507.10547): EfficientViT blocks over the latent."""

import torch
from torch import nn
from torch.nn import functional as F
from layers import GatedConvolution, LinearAttention, RmsNorm
from network import Convolution


class EfficientVitBlock(nn.Module):
    def __init__(self, channels, head, hidden):
        super().__init__()
        self.attn = LinearAttention(channels, head, [5])
        self.conv_out = GatedConvolution(channels, hidden)

    def forward(self, x):
        return self.conv_out(self.attn(x))


class EfficientVitRectifier(nn.Module):
    """`skip`: the input is added to the output."""

    def __init__(self, latent, channels, layers, head, hidden, skip):
        super().__init__()
        self.repeats, self.skip = channels // latent, skip
        self.conv_in = Convolution(latent, channels)
        self.up_blocks = nn.ModuleList([nn.Sequential(*[EfficientVitBlock(channels, head, hidden) for _ in range(layers)])])
        self.norm_out = RmsNorm(channels)
        self.conv_out = Convolution(channels, latent)

    def forward(self, x):
        y = self.up_blocks[0](self.conv_in(x) + x.repeat_interleave(self.repeats, 1))
        y = self.conv_out(F.relu(self.norm_out(y)))
        return x + y if self.skip else y
