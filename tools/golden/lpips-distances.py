"""Golden LPIPS distances and gradients for packages/metrics from the authors' package, on weights and images that a formula defines,
and on the published squeeze weights where there are some. Needs torch, torchvision, lpips, numpy, Pillow, safetensors.

    python tools/golden/lpips-distances.py ../shared > packages/metrics/test/fixtures/lpips.json
"""

import json
import pathlib
import sys

import lpips
import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file

from seeded import image, seeded_weights


def fill(model: lpips.LPIPS, network: str) -> None:
    for seed, (key, tensor) in enumerate(sorted(features(model).items())):
        tensor.copy_(torch.from_numpy(seeded_weights(tuple(tensor.shape), seed)))
    for tap, lin in enumerate(heads(model)):
        weight = lin.model[-1].weight
        weight.copy_(torch.from_numpy(np.abs(seeded_weights(tuple(weight.shape), 1000 + tap))))


def features(model: lpips.LPIPS) -> dict:
    """Parameters under torchvision's names."""
    named = {}
    for key, tensor in model.net.named_parameters():
        _, rest = key.split(".", 1)
        named["features." + rest] = tensor
    return named


def heads(model: lpips.LPIPS) -> list:
    return [getattr(model, f"lin{i}") for i in range(model.L)]


result = {"networks": {}}
for network in ("squeeze", "alex", "vgg"):
    model = lpips.LPIPS(net=network, pretrained=False, pnet_rand=True, verbose=False).eval()
    with torch.no_grad():
        fill(model, network)
    # An odd size, so that the incomplete windows of SqueezeNet's pools are seen.
    a, b = (torch.from_numpy(image(50, 67, seed))[None].permute(0, 3, 1, 2) for seed in (1, 2))
    b.requires_grad_(True)
    distance = model(a, b)
    distance.sum().backward()
    gradient = b.grad.permute(0, 2, 3, 1).flatten()
    result["networks"][network] = {
        "distance": distance.item(),
        "gradientNorm": gradient.norm().item(),
        "gradient": gradient[::97].tolist(),
    }

shared = pathlib.Path(sys.argv[1])
model = lpips.LPIPS(net="squeeze", pretrained=False, pnet_rand=True, verbose=False).eval()
backbone = load_file(shared / "weights/squeezenet1_1.safetensors")
trained = load_file(shared / "weights/lpips_v0.1_squeeze_lin.safetensors")
with torch.no_grad():
    for key, tensor in features(model).items():
        tensor.copy_(backbone[key].float())
    for tap, lin in enumerate(heads(model)):
        lin.model[-1].weight.copy_(trained[f"lin{tap}.model.1.weight"])
    files = sorted((shared / "data/imagenet256/val").iterdir())[:4]
    pixels = [
        torch.from_numpy(np.asarray(Image.open(file).convert("RGB"), np.float32) / 127.5 - 1)[None].permute(0, 3, 1, 2)
        for file in files
    ]
    result["published"] = {
        f"{files[i].name}|{files[i + 1].name}": model(pixels[i], pixels[i + 1]).item() for i in range(len(files) - 1)
    }
print(json.dumps(result))
