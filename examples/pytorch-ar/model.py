"""A small transformer that predicts each id from those before it (decoder only, pre-norm)."""

import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.dropout(self.attention(self.norms[0](x)))
        return x + self.dropout(self.mlp(self.norms[1](x)))

    def attention(self, x: torch.Tensor) -> torch.Tensor:
        n, t, width = x.shape
        q, k, v = self.qkv(x).view(n, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(mixed.transpose(1, 2).reshape(n, t, width))


class Transformer(nn.Module):
    """
    vocabulary: ids that can stand in a sequence, classes too
    codes: ids that can be predicted, 0 ... codes - 1
    tokens: the longest sequence that it is given
    """

    def __init__(self, vocabulary: int, codes: int, tokens: int, width=64, layers=3, heads=4, dropout=0.1):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.position = nn.Parameter(torch.zeros(tokens, width))
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.Sequential(*(Block(width, heads, dropout) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, codes)
        for embedding in (self.embedding.weight, self.position):
            nn.init.normal_(embedding, std=0.02)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """ids int64 [n, t] -> logits [n, t, codes] of the ids that come next"""
        x = self.dropout(self.embedding(ids) + self.position[: ids.shape[1]])
        return self.head(self.norm(self.blocks(x)))

    def loss(self, sequences: torch.Tensor) -> torch.Tensor:
        """Nats a token of sequences int64 [n, 1 + t], which begin with their classes."""
        logits = self(sequences[:, :-1])
        return F.cross_entropy(logits.flatten(0, 1), sequences[:, 1:].flatten())

    @torch.no_grad()
    def sample(self, starts: torch.Tensor, tokens: int, temperature: float, top_k: int) -> torch.Tensor:
        """starts int64 [n, 1] -> int64 [n, tokens]"""
        self.eval()
        ids = starts
        for _ in range(tokens):
            logits = self(ids)[:, -1] / temperature
            least = logits.topk(min(top_k, logits.shape[1])).values[:, -1:]
            chances = logits.masked_fill(logits < least, -torch.inf).softmax(dim=1)
            ids = torch.cat([ids, torch.multinomial(chances, 1)], dim=1)
        return ids[:, starts.shape[1] :]
