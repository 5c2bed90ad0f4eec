"""Photographs as tensors, for scripts of this folder."""
from pathlib import Path

import numpy as np
import torch
from PIL import Image


def images(folder):
    return sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in {".jpg", ".jpeg", ".png"})


def batches(items, size):
    return (items[i : i + size] for i in range(0, len(items), size))


def read(paths, size=256):
    """Resized, centre-cropped, [n, 3, size, size] in [-1, 1], channels last."""
    pixels = []
    for path in paths:
        image = Image.open(path).convert("RGB")
        scale = size / min(image.size)
        if scale != 1:
            image = image.resize([max(size, round(side * scale)) for side in image.size], Image.LANCZOS)
        left, top = (image.width - size) // 2, (image.height - size) // 2
        pixels.append(np.asarray(image.crop((left, top, left + size, top + size))))
    x = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
    return x.contiguous(memory_format=torch.channels_last)
