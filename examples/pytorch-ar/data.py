"""Data sets of `revq tokenize --format npy --labels folder --reserve classes:N`."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch


@dataclass
class Tokens:
    ids: torch.Tensor  # int64 [n, t], each in 0 ... codes - 1
    labels: torch.Tensor  # int64 [n]
    classes: list[str]
    vocabulary: dict  # vocabulary.json

    def sequences(self) -> torch.Tensor:
        """int64 [n, 1 + t]: the id that names the class, then the ids of the image."""
        return torch.cat([self.class_ids(self.labels)[:, None], self.ids], dim=1)

    def class_ids(self, labels: torch.Tensor) -> torch.Tensor:
        return self.vocabulary["special"]["classes"]["first"] + labels


def read_tokens(folder: str) -> Tokens:
    path = Path(folder)
    vocabulary = json.loads((path / "vocabulary.json").read_text())
    index = json.loads((path / "tokens.idx.json").read_text())
    return Tokens(
        ids=torch.from_numpy(np.load(path / "tokens.npy").astype(np.int64)),
        labels=torch.tensor(index["labels"]),
        classes=json.loads((path / "labels.json").read_text())["names"],
        vocabulary=vocabulary,
    )


def write_sampled(path: str, ids: torch.Tensor, vocabulary: dict, names: list[str]) -> None:
    """What `revq decode` reads: ids, what they are, and the names that the pictures get."""
    np.save(path, ids.numpy().astype(np.int32))
    Path(f"{path}.vocabulary.json").write_text(json.dumps(vocabulary))
    Path(f"{path}.names.json").write_text(json.dumps(names))


def unigram_bits(train: torch.Tensor, held_out: torch.Tensor, codes: int) -> float:
    """Bits a token if every code is drawn by how often it is in `train`. Every count is one higher."""
    counts = torch.bincount(train.flatten(), minlength=codes) + 1
    bits = -torch.log2(counts / counts.sum())
    return bits[held_out].mean().item()
