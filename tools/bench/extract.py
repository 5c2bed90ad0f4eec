"""Photographs to latents in PyTorch, in batches of 8, channels last: the counterpart of `revq extract` for tools/bench/pair.mjs. A thread
reads the pictures of the next batch.

python extract.py FOLDER OUT.npy tae ENCODER.safetensors [THREADS]
python extract.py FOLDER OUT.npy sd-vae MODEL_FOLDER [THREADS]   (diffusers' AutoencoderKL)"""
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from photographs import batches, images, read

folder, out, family, weights = sys.argv[1:5]
torch.set_num_threads(int(sys.argv[5]) if len(sys.argv) > 5 else 2)
if family == "tae":
    from tae_torch import encoder_of

    encode = encoder_of(weights)
else:
    from diffusers import AutoencoderKL

    model = AutoencoderKL.from_pretrained(weights, torch_dtype=torch.float32).eval().to(memory_format=torch.channels_last)
    encode = lambda x: model.encode(x).latent_dist.mean  # noqa: E731

with torch.no_grad(), ThreadPoolExecutor(1) as pool:
    made = [encode(x).contiguous().numpy() for x in pool.map(read, batches(images(folder), 8))]
np.save(out, np.concatenate(made))
