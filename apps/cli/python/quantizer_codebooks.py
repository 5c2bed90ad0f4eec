"""The nearest code of a codebook for each group of tokens (vq, multigroup)."""

import torch
from torch import nn
from network import exact


class Codebooks(nn.Module):
    """`sizes`: codes of each group. `group_of`: the group of each token. `codes`: all codebooks, one after the other."""

    def __init__(self, dim, sizes, group_of):
        super().__init__()
        self.sizes = sizes
        self.starts = [sum(sizes[:group]) for group in range(len(sizes))]
        self.members = [[token for token, its in enumerate(group_of) if its == group] for group in range(len(sizes))]
        self.first = [self.starts[group] for group in group_of]
        self.register_buffer("codes", torch.zeros(sum(sizes), dim))

    def encode(self, tokens):
        """tokens [n, T, d] -> ids [n, T]"""
        ids = torch.empty(tokens.shape[:2], dtype=torch.long, device=tokens.device)
        for start, size, members in zip(self.starts, self.sizes, self.members):
            ids[:, members] = nearest(tokens[:, members], self.codes[start : start + size])
        return ids

    def decode(self, ids):
        return self.codes[ids + torch.tensor(self.first, device=ids.device)]


def nearest(tokens, codes):
    """tokens [..., d], codes [K, d] -> the index of the nearest code, the lowest of equally near ones."""
    codes = exact(codes)
    half = codes.pow(2).sum(1) / 2
    rows = exact(tokens).reshape(-1, codes.shape[1]).split(max(1, 2**24 // len(codes)))
    return torch.cat([(half - part @ codes.T).argmin(1) for part in rows]).reshape(tokens.shape[:-1])
