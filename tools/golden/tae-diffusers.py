"""Makes plugins/backbone-tae/test/fixtures/diffusers.json: what diffusers' AutoencoderTiny gives.

Weights are the seeded ones of seeded.py, so that the test makes them itself: tensor i of the state dict has seed i, its values
times 0.8 (deep networks of He weights grow). needs torch, diffusers.
"""

import json
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny
from seeded import image, seeded_weights

torch.set_grad_enabled(False)
golden = {}
for name, channels in (("taesd", 4), ("taesd3", 16)):
    model = AutoencoderTiny(latent_channels=channels).eval()
    shapes = {key: list(tensor.shape) for key, tensor in model.state_dict().items()}
    model.load_state_dict({key: torch.from_numpy(seeded_weights(tuple(shape), i) * 0.8) for i, (key, shape) in enumerate(shapes.items())})
    x = torch.from_numpy(image(24, 16, 1).transpose(2, 0, 1)[None].copy())
    latents = model.encode(x).latents
    decoded = model.decode(latents).sample
    flat = lambda tensor: [float("%.7g" % value) for value in tensor.permute(0, 2, 3, 1).reshape(-1)]
    config = {key: value for key, value in model.config.items() if not key.startswith("_") and key != "block_out_channels"}
    golden[name] = {
        "config": {"_class_name": "AutoencoderTiny", **config},
        "shapes": shapes,
        "latents": flat(latents),
        "decodedEvery": 5,
        "decoded": flat(decoded)[::5],
    }
    print(name, latents.abs().max().item(), latents.std().item(), decoded.abs().max().item(), decoded.std().item())
path = Path(__file__).parents[2] / "plugins/backbone-tae/test/fixtures/diffusers.json"
path.write_text(json.dumps(golden) + "\n")
