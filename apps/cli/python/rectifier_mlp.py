"""A rectifier with the layers of the MLP-Mixer (arXiv 2105.01601)."""

import torch
from torch import nn
from torch.nn import functional as F
from layers import RmsNorm


class MlpLayer(nn.Module):
    def __init__(self, channels, positions, wide, hidden):
        super().__init__()
        self.position_norm = RmsNorm(channels, last=True)
        self.position_up = nn.Linear(positions, hidden)
        self.position_down = nn.Linear(hidden, positions)
        self.channel_norm = RmsNorm(channels, last=True)
        self.channel_up = nn.Linear(channels, wide)
        self.channel_down = nn.Linear(wide, channels)

    def forward(self, x):  # [n, positions, channels]
        columns = self.position_norm(x).transpose(1, 2)
        x = x + self.position_down(F.silu(self.position_up(columns))).transpose(1, 2)
        return x + self.channel_down(F.silu(self.channel_up(self.channel_norm(x))))


class MlpRectifier(nn.Module):
    """`skip`: the input is added to the output."""

    def __init__(self, latent, positions, channels, layers, wide, hidden, skip):
        super().__init__()
        self.skip = skip
        self.linear_in = nn.Linear(latent, channels)
        self.layers = nn.Sequential(*[MlpLayer(channels, positions, wide, hidden) for _ in range(layers)])
        self.norm_out = RmsNorm(channels, last=True)
        self.linear_out = nn.Linear(channels, latent)

    def forward(self, x):
        rows = self.layers(self.linear_in(x.flatten(2).transpose(1, 2)))
        y = self.linear_out(F.silu(self.norm_out(rows))).transpose(1, 2).reshape(x.shape)
        return x + y if self.skip else y
