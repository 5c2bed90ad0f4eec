"""Makes plugins/backbone-sd-vae/test/fixtures/tiling.safetensors: what diffusers' tiled encode and decode give.

The network is the tiny AutoencoderKL of random weights among the PyTorch fixtures (first argument: its folder), tiles of 32 pixels.
Inputs are procedural, so that the test computes them itself: value i of the flat NCHW array is sin(0.37 i) * cos(0.011 i).
needs torch, diffusers, safetensors.
"""

import sys
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from safetensors.torch import save_file


def procedural(*shape: int) -> torch.Tensor:
    i = torch.arange(int(torch.tensor(shape).prod()), dtype=torch.float64)
    return (torch.sin(0.37 * i) * torch.cos(0.011 * i)).to(torch.float32).reshape(shape)


vae = AutoencoderKL.from_pretrained(sys.argv[1], torch_dtype=torch.float32).eval()
vae.enable_tiling()
with torch.no_grad():
    latent = vae.encode(procedural(1, 3, 72, 40)).latent_dist.mean
    image = vae.decode(procedural(1, 4, 36, 20)).sample
out = Path(__file__).parents[2] / "plugins/backbone-sd-vae/test/fixtures/tiling.safetensors"
out.parent.mkdir(exist_ok=True)
save_file({"latent": latent.contiguous(), "image": image.contiguous()}, out)
