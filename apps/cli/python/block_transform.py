"""Orthonormal transforms of blocks of latents: a DCT, principal axes, or both."""

import math

import torch
from torch import nn
from network import exact


class BlockTransform(nn.Module):
    """`block` is [rows, columns] in positions. `rotations` is [count, dim]: of whole blocks (1) or of each frequency."""

    def __init__(self, block, cosines, rotations):
        super().__init__()
        self.block, self.cosines = block, cosines
        self.register_buffer("rotation", torch.zeros(*rotations, rotations[1]) if rotations[0] else None)

    def forward(self, x):
        """latents [n, c, h, w] -> coefficients of the same shape."""
        y = self.cut(exact(x))
        if self.cosines:
            y = self.frequencies(y) @ y
        return self.join(self.rotate(y, "rki,nbri->nbrk"), x.shape).float()

    def inverse(self, x):
        y = self.rotate(self.cut(exact(x)), "rki,nbrk->nbri")
        if self.cosines:
            y = self.frequencies(y).T @ y
        return self.join(y, x.shape).float()

    def rotate(self, y, equation):
        if self.rotation is None:
            return y
        count, dim, _ = self.rotation.shape
        return torch.einsum(equation, self.rotation.to(y.dtype), y.reshape(*y.shape[:2], count, dim)).reshape(y.shape)

    def cut(self, x):
        """[n, c, h, w] -> [n, blocks, positions, c]"""
        rows, columns = self.block
        return x.unflatten(2, (-1, rows)).unflatten(4, (-1, columns)).permute(0, 2, 4, 3, 5, 1).flatten(1, 2).flatten(2, 3)

    def join(self, y, shape):
        rows, columns = self.block
        n, c, h, w = shape
        return y.reshape(n, h // rows, w // columns, rows, columns, c).permute(0, 5, 1, 3, 2, 4).reshape(shape)

    def frequencies(self, like):
        """The DCT of a block: a row for each frequency, a column for each position."""
        down, across = (cosine_matrix(size, like) for size in self.block)
        return torch.kron(down, across)


def cosine_matrix(n, like):
    """The orthonormal DCT-II of n values."""
    k = torch.arange(n, dtype=like.dtype, device=like.device)
    matrix = torch.cos(math.pi / n * (k + 0.5) * k[:, None]) * math.sqrt(2 / n)
    matrix[0] /= math.sqrt(2)
    return matrix
