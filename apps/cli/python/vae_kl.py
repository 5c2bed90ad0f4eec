"""The VAEs of Stable Diffusion, SDXL, SD3 and FLUX (diffusers' AutoencoderKL)."""

import torch
from torch import nn
from torch.nn import functional as F
from network import Convolution


class KlNorm(nn.GroupNorm):
    def __init__(self, groups, channels):
        super().__init__(groups, channels, eps=1e-6)

    def forward(self, x):
        return F.silu(super().forward(x))


class KlResidual(nn.Module):
    def __init__(self, inputs, outputs, groups):
        super().__init__()
        self.norm1 = KlNorm(groups, inputs)
        self.conv1 = Convolution(inputs, outputs)
        self.norm2 = KlNorm(groups, outputs)
        self.conv2 = Convolution(outputs, outputs)
        self.conv_shortcut = Convolution(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x):
        return self.conv_shortcut(x) + self.conv2(self.norm2(self.conv1(self.norm1(x))))


class KlAttention(nn.Module):
    """One head over all positions."""

    def __init__(self, channels, groups):
        super().__init__()
        self.group_norm = nn.GroupNorm(groups, channels, eps=1e-6)
        self.to_q, self.to_k, self.to_v = (nn.Linear(channels, channels) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])

    def forward(self, x):
        rows = self.group_norm(x).flatten(2).transpose(1, 2)
        mixed = F.scaled_dot_product_attention(self.to_q(rows), self.to_k(rows), self.to_v(rows))
        return x + self.to_out[0](mixed).transpose(1, 2).reshape(x.shape)


class KlHalve(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x):
        return self.conv(F.pad(x, (0, 1, 0, 1)))


class KlDouble(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = Convolution(channels, channels)

    def forward(self, x):
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class KlMean(nn.Module):
    """The mean of the posterior: the first half of the channels."""

    def forward(self, moments):
        return moments.chunk(2, 1)[0]
