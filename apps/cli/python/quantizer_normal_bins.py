"""Each element by itself: bins of equal probability of the normal distribution (arXiv 2503.16430)."""

import math

import torch
from torch import nn
from network import exact


class NormalBins(nn.Module):
    """`scaled`: elements are divided by their deviations."""

    def __init__(self, tokens, codes, scaled):
        super().__init__()
        self.codes = codes
        self.register_buffer("scale", torch.ones(tokens, 1) if scaled else None)

    def encode(self, tokens):
        """tokens [n, T, 1] -> ids [n, T]"""
        scaled = tokens if self.scale is None else tokens / self.scale
        edges = normal_edges(self.codes).to(exact(tokens))
        return torch.bucketize(exact(scaled[..., 0].contiguous()), edges, right=True)

    def decode(self, ids):
        edges = normal_edges(self.codes)
        density = torch.exp(-edges.pow(2) / 2) / math.sqrt(2 * math.pi)
        zero = torch.zeros(1, dtype=torch.float64)
        centres = torch.cat([zero, density]) - torch.cat([density, zero])
        tokens = (centres * self.codes).float().to(ids.device)[ids][..., None]
        return tokens if self.scale is None else tokens * self.scale


def normal_edges(codes):
    """Upper ends of all bins but the last, float64."""
    return torch.special.ndtri(torch.arange(1, codes, dtype=torch.float64, device="cpu") / codes)
