"""A linear VAE: principal components of image patches."""

import torch
from torch import nn


class PatchEncoder(nn.Module):
    """`basis` is [channels, d] and `mean` [d], d = patch * patch * 3 in the order (y, x, colour)."""

    def __init__(self, patch, channels):
        super().__init__()
        self.patch = patch
        self.register_buffer("mean", torch.zeros(3 * patch * patch))
        self.register_buffer("basis", torch.zeros(channels, 3 * patch * patch))

    def forward(self, images):
        p = self.patch
        cut = images.unflatten(2, (-1, p)).unflatten(4, (-1, p))  # n, colour, row, y, column, x
        patches = cut.permute(0, 2, 4, 3, 5, 1).flatten(3)
        return ((patches - self.mean) @ self.basis.T).permute(0, 3, 1, 2)


class PatchDecoder(PatchEncoder):
    def forward(self, latents):
        p = self.patch
        patches = latents.permute(0, 2, 3, 1) @ self.basis + self.mean
        cut = patches.unflatten(3, (p, p, 3)).permute(0, 5, 1, 3, 2, 4)
        return cut.flatten(4).flatten(2, 3)
