"""Checks what `revq export --to pytorch` wrote, with PyTorch alone: latents -> ids -> latents beside revq's own.

    revq encode TOKENIZER --latents latents.npy -o ids.npy
    revq decode TOKENIZER ids.npy -o decoded.npy
    revq export TOKENIZER --to pytorch -o EXPORTED
    python tools/pytorch/check-export.py EXPORTED latents.npy ids.npy decoded.npy

Knows the quantizer multigroup without a transform, split by channel or by position, and the rectifiers efficientvit and identity: what
the authors' code has. needs torch, safetensors.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from rectifier import Rectifier

exported = Path(sys.argv[1])
latents, ids, decoded = (torch.from_numpy(np.load(path)) for path in sys.argv[2:5])
config = json.loads((exported / "config.json").read_text())
state = load_file(exported / "tokenizer.safetensors")
quantizer, rectifier = config["quantizer"], config["rectifier"]
split = quantizer["options"].get("split")
if quantizer["id"] != "multigroup" or quantizer["options"].get("transform", "none") != "none" or split not in ("channel", "spatial"):
    sys.exit(f"This check does not know the quantizer {quantizer}.")

torch.set_grad_enabled(False)
n, c, h, w = latents.shape
mean, std = state["mean"], state["std"]
x = (latents.reshape(n, -1).float() - mean) / std
channel_last = lambda flat: flat.reshape(n, c, h, w).permute(0, 2, 3, 1)
embeddings = state["quantizer.embeddings"]
groups, codes, d = embeddings.shape
tokens = (x if split == "channel" else channel_last(x).reshape(n, -1)).reshape(n, -1, d)
group_of = state["quantizer.index_offset"] // codes
found = torch.stack([torch.cdist(tokens[:, t], embeddings[group]).argmin(1) for t, group in enumerate(group_of)], 1)

flat = embeddings.reshape(-1, d)[ids.long() + state["quantizer.index_offset"]].reshape(n, -1)
z = flat.reshape(n, c, h, w) if split == "channel" else flat.reshape(n, h, w, c).permute(0, 3, 1, 2)
if rectifier["id"] == "efficientvit":
    options = rectifier["options"]
    network = Rectifier(options["channels"], options["layers"], options["headDim"], c)
    network.load_state_dict({name[8:]: tensor for name, tensor in state.items() if name.startswith("decoder.")})
    z = network(z) + (z if options["outputSkip"] else 0)
elif rectifier["id"] != "identity":
    sys.exit(f"This check does not know the rectifier {rectifier['id']}.")
output = (z.reshape(n, -1) * std + mean).reshape(n, c, h, w)

same = (found == ids).float().mean().item()
difference = ((output - decoded).abs().max() / decoded.abs().max()).item()
print(f"{n} latents: {100 * same:.4f} % of the ids alike, decoded latents within {difference:.1e} (relative)")
sys.exit(0 if same > 0.9999 and difference < 1e-4 else 1)
