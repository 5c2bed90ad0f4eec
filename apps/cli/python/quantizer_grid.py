"""Codes on a grid: evenly spaced levels of each element (fsq: arXiv 2309.15505; two levels: lfq and bsq)."""

import math

import torch
from torch import nn
from network import exact


class Grid(nn.Module):
    """An id counts through the grid, first element slowest. `scaled`: elements are divided by their deviations."""

    def __init__(self, tokens, levels, scaled):
        super().__init__()
        self.levels = levels
        self.strides = [math.prod(levels[i + 1 :]) for i in range(len(levels))]
        self.register_buffer("steps", torch.ones(len(levels)))
        self.register_buffer("scale", torch.ones(tokens, len(levels)) if scaled else None)

    def encode(self, tokens):
        """tokens [n, T, d] -> ids [n, T]"""
        scaled = tokens if self.scale is None else tokens / self.scale
        levels = torch.tensor(self.levels, device=tokens.device)
        index = torch.floor(exact(scaled) / exact(self.steps) + levels / 2).long()
        index = torch.minimum(index.clamp(min=0), levels - 1)
        return (index * torch.tensor(self.strides, device=tokens.device)).sum(-1)

    def decode(self, ids):
        levels = torch.tensor(self.levels, device=ids.device)
        index = ids[..., None] // torch.tensor(self.strides, device=ids.device) % levels
        tokens = (index - (levels - 1) / 2) * self.steps
        return tokens if self.scale is None else tokens * self.scale
