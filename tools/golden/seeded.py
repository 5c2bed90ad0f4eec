"""Weights and images that a formula of integers defines, the same in numpy and TypeScript (packages/metrics/test/seeded.ts)."""

import numpy as np


def hashed(count: int, seed: int) -> np.ndarray:
    """Float64 in [-.5, .5), by a hash of position and seed."""
    with np.errstate(over="ignore"):
        h = np.arange(count, dtype=np.uint32) + np.uint32((seed * 0x9E3779B9) & 0xFFFFFFFF)
        for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
            h = (h ^ (h >> np.uint32(shift))) * np.uint32(factor)
        h ^= h >> np.uint32(16)
    return h.astype(np.float64) / 2**32 - 0.5


def seeded_weights(shape: tuple, seed: int) -> np.ndarray:
    """Uniform with the variance 2 / inputs of He's initialisation; vectors (biases) a tenth of the unit interval."""
    count = int(np.prod(shape))
    scale = 0.1 if len(shape) == 1 else np.sqrt(24 / np.prod(shape[1:]))
    return (hashed(count, seed) * scale).astype(np.float32).reshape(shape)


def image(height: int, width: int, seed: int) -> np.ndarray:
    """[height, width, 3] in [-1, 1]: a ramp of integers with noise."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    ramp = ((x * 3 + y * 5 + c * 40 + seed * 17) % 256) / 127.5 - 1
    return (0.6 * ramp + 0.6 * hashed(height * width * 3, seed).reshape(height, width, 3)).astype(np.float32)
