"""Golden SSIM, MS-SSIM and PSNR for packages/metrics from scikit-image, on images that a formula defines. Needs numpy, scikit-image.

    python tools/golden/ssim.py > packages/metrics/test/fixtures/ssim.json
"""

import json

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity


def image(height: int, width: int, channels: int) -> np.ndarray:
    """Steps and ramps from integer arithmetic, so that the test makes the same numbers."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(channels), indexing="ij")
    ramp = (x * 3 + y * 2 + c * 40) % 256
    blocks = ((x // 13 + y // 7 + c) % 2) * 64
    return np.minimum(ramp * 0.75 + blocks, 255) / 255


def noise(height: int, width: int, channels: int) -> np.ndarray:
    """In [-1, 1): a hash of the position."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(channels), indexing="ij")
    value = (x * 7919 + y * 104729 + c * 1299709 + x * y * 31) % 65536
    return value / 32768 - 1


def pair(kind: str, height: int, width: int, channels: int):
    a = image(height, width, channels)
    n = noise(height, width, channels)
    if kind == "weak-noise":
        b = a + n * 0.02
    elif kind == "strong-noise":
        b = a + n * 0.5
    elif kind == "dark":
        b = a * 0.5
    elif kind == "inverted":
        b = 1 - a
    elif kind == "flat":
        b = a * 0 + 0.25
    elif kind == "shift":
        b = np.roll(a, 2, axis=1)
    return np.clip(a, 0, 1).astype(np.float32), np.clip(b, 0, 1).astype(np.float32)


WINDOW = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1}


def ms_ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Of scikit-image's SSIM: a huge K1 makes its luminance term 1 and leaves contrast x structure."""
    weights = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
    result = []
    for channel in range(a.shape[2]):
        x, y, product = a[..., channel], b[..., channel], 1.0
        for scale, weight in enumerate(weights):
            last = scale == len(weights) - 1
            similarity = structural_similarity(x, y, **WINDOW, **({} if last else {"K1": 1e6}))
            product *= max(similarity, 0) ** weight
            if not last:
                x, y = (v.reshape(v.shape[0] // 2, 2, v.shape[1] // 2, 2).mean((1, 3)) for v in (x, y))
        result.append(product)
    return float(np.mean(result))


cases = []
for kind in ("weak-noise", "strong-noise", "dark", "inverted", "flat", "shift"):
    for height, width, channels in ((64, 48, 3), (11, 17, 3), (33, 40, 1), (176, 192, 3)):
        a, b = (array.astype(np.float64) for array in pair(kind, height, width, channels))
        case = {
            "kind": kind,
            "height": height,
            "width": width,
            "channels": channels,
            "ssim": structural_similarity(a, b, channel_axis=2, **WINDOW),
            "psnr": peak_signal_noise_ratio(a, b, data_range=1),
        }
        if height >= 176:
            case["msSsim"] = ms_ssim(a, b)
        cases.append(case)
print(json.dumps(cases))
