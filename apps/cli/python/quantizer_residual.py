"""Residual quantization (arXiv 2203.01941): the codes of all stages add up to a vector."""

import torch
from torch import nn
from network import exact


class Residual(nn.Module):
    """Token `vector * depth + stage` is the code of that stage. `beam` sums are kept from stage to stage."""

    def __init__(self, dim, depth, codes, beam):
        super().__init__()
        self.beam = beam
        self.register_buffer("codes", torch.zeros(depth, codes, dim))

    def encode(self, vectors):
        """vectors [n, V, d] -> ids [n, V * depth]"""
        n, count, dim = vectors.shape
        depth, codes, _ = self.codes.shape
        chunks = exact(vectors).reshape(-1, dim).split(max(1, 2**23 // (self.beam * codes)))
        return torch.cat([self.search(chunk) for chunk in chunks]).reshape(n, count * depth)

    def search(self, vectors):
        residuals = vectors[:, None]  # [m, kept, d]
        paths = torch.empty(len(vectors), 1, 0, dtype=torch.long, device=vectors.device)
        for stage, book in enumerate(exact(self.codes)):
            errors = residuals.pow(2).sum(-1, keepdim=True) - 2 * residuals @ book.T + book.pow(2).sum(-1)
            errors = errors.flatten(1)
            kept = 1 if stage == len(self.codes) - 1 else min(self.beam, errors.shape[1])
            best = lowest(errors, kept)
            path, code = best // len(book), best % len(book)
            rows = torch.arange(len(vectors), device=vectors.device)[:, None]
            residuals = residuals[rows, path] - book[code]
            paths = torch.cat([paths[rows, path], code[..., None]], 2)
        return paths[:, 0]

    def decode(self, ids):
        depth = len(self.codes)
        stages = torch.arange(depth, device=ids.device)
        return self.codes[stages, ids.unflatten(1, (-1, depth))].sum(2)


def lowest(values, count):
    """The indices of the lowest values of each row, ascending; of equal ones the first."""
    found = []
    for _ in range(count):
        found.append(values.argmin(1, keepdim=True))
        values = values.scatter(1, found[-1], float("inf"))
    return torch.cat(found, 1)
