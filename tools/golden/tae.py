"""Golden numbers for plugins/backbone-tae/test: the TAESD family run by PyTorch on a procedural image and on photographs.

Run: python tools/golden/tae.py [SHARED]   (needs torch, numpy, Pillow; SHARED, default ../shared, holds weights/ and data/imagenet256;
writes plugins/backbone-tae/test/fixtures/tae.json)

The networks are rebuilt from the keys of the weight files and the layers without weights, which stand in taesd.py of
https://github.com/madebyollin/taesd.
"""

import base64
import json
import pathlib
import struct
import sys

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "../shared"
SIZE = 64
VARIANTS = ["taesd", "taesdxl", "taesd3", "taef1", "taef2", "taesana"]
# Positions without weights, and strides, by network.
DECODER_UPSAMPLES, DECODER_RELUS = {6, 11, 16}, {2}
ENCODER_STRIDES, SANA_STRIDES, SANA_RELUS = {2, 6, 10}, {0, 2, 5, 9, 13}, {1, 3}


def safetensors(path):
    raw = path.read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, info in header.items():
        start, end = info["data_offsets"]
        data = raw[8 + length + start : 8 + length + end]
        if info["dtype"] == "BF16":
            array = (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
        else:
            array = np.frombuffer(data, {"F16": "<f2", "F32": "<f4"}[info["dtype"]]).astype(np.float32)
        tensors[name] = torch.from_numpy(array.reshape(info["shape"]).copy())
    return tensors


def run(weights, x, strides=(), relus=(), upsamples=(), clamp=False):
    last = max(int(key.split(".")[0]) for key in weights)
    if clamp:
        x = torch.tanh(x / 3) * 3
    for i in range(1 if clamp else 0, last + 1):
        if i in relus:
            x = F.relu(x)
        elif i in upsamples:
            x = F.interpolate(x, scale_factor=2)
        elif f"{i}.weight" in weights:
            x = F.conv2d(x, weights[f"{i}.weight"], weights.get(f"{i}.bias"), stride=2 if i in strides else 1, padding=1)
        else:
            if f"{i}.pool.0.weight" in weights:
                y = F.conv2d(x, weights[f"{i}.pool.0.weight"])
                y = F.relu(F.group_norm(y, 4, weights[f"{i}.pool.1.weight"], weights[f"{i}.pool.1.bias"]))
                x = x + F.conv2d(y, weights[f"{i}.pool.3.weight"])
            y = x
            for step in (0, 2, 4):
                y = F.conv2d(F.relu(y) if step else y, weights[f"{i}.conv.{step}.weight"], weights[f"{i}.conv.{step}.bias"], padding=1)
            x = F.relu(y + x)
    return x


class Tae:
    def __init__(self, name):
        self.sana = name == "taesana"
        self.encoder = safetensors(SHARED / f"weights/{name}_encoder.safetensors")
        self.decoder = None if self.sana else safetensors(SHARED / f"weights/{name}_decoder.safetensors")

    def encode(self, x):
        return run(self.encoder, x, SANA_STRIDES if self.sana else ENCODER_STRIDES, SANA_RELUS if self.sana else ())

    def decode(self, z):
        return run(self.decoder, z, relus=DECODER_RELUS, upsamples=DECODER_UPSAMPLES, clamp=True)


def procedural(size):
    """[1, 3, size, size] in [0, 1]; the same formula stands in the test."""
    y, x = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    c = np.arange(3)[:, None, None]
    smooth = 127 + 100 * np.sin(x * 0.11 + c) * np.cos(y * 0.07 - c)
    edges = np.where(((x // 8) + (y // 8) + c) % 3 == 0, 220, 40)
    values = np.where((x + y) % 64 < 40, smooth, edges)
    return torch.from_numpy((np.floor(values) / 255).astype(np.float32))[None]


def photographs(count):
    paths = sorted((SHARED / "data/imagenet256/val").iterdir(), key=lambda path: path.name)[:count]
    for path in paths:
        image = np.asarray(Image.open(path).convert("RGB"), dtype=np.float32) / 255
        yield path.name, torch.from_numpy(image.transpose(2, 0, 1).copy())[None]


def psnr(a, b):
    return float(-10 * torch.log10(torch.mean((a - b) ** 2)))


def ssim(a, b):
    """11x11 Gaussian of sigma 1.5, valid window, per channel, mean (Wang et al. 2004)."""
    offsets = torch.arange(11, dtype=torch.float64) - 5
    g = torch.exp(-(offsets**2) / (2 * 1.5**2))
    g = g / g.sum()
    window = (g[:, None] * g[None, :])[None, None].expand(3, 1, 11, 11)
    blur = lambda t: F.conv2d(t.double(), window, groups=3)
    ma, mb = blur(a), blur(b)
    va, vb, cov = blur(a.double() ** 2) - ma**2, blur(b.double() ** 2) - mb**2, blur(a.double() * b.double()) - ma * mb
    score = (2 * ma * mb + 0.01**2) * (2 * cov + 0.03**2) / ((ma**2 + mb**2 + 0.01**2) * (va + vb + 0.03**2))
    return float(score.mean())


def packed(array):
    return base64.b64encode(np.ascontiguousarray(array, dtype="<f4").tobytes()).decode()


torch.set_grad_enabled(False)
golden = {"torch": torch.__version__, "size": SIZE, "variants": {}, "photographs": {}}
for name in VARIANTS:
    tae = Tae(name)
    z = tae.encode(procedural(SIZE))
    entry = {"latent": list(z.shape[1:]), "latents": packed(z[0].numpy())}
    if not tae.sana:
        decoded = tae.decode(z)[0].permute(1, 2, 0).reshape(-1).numpy()
        entry["decodedEvery"], entry["decoded"] = 7, packed(decoded[::7])
    golden["variants"][name] = entry
tae = Tae("taesd")
for name, x in photographs(50):
    y = tae.decode(tae.encode(x)).clamp(0, 1)
    golden["photographs"][name] = {"psnr": round(psnr(x, y), 4), "ssim": round(ssim(x, y), 5)}
scores = golden["photographs"].values()
print("taesd, 50 photographs: PSNR %.3f, SSIM %.4f" % (np.mean([s["psnr"] for s in scores]), np.mean([s["ssim"] for s in scores])))
path = ROOT / "plugins/backbone-tae/test/fixtures/tae.json"
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text(json.dumps(golden, indent=1) + "\n")
print(path, path.stat().st_size)
