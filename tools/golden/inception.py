"""Golden features and logits of pytorch-fid's Inception with weights that a formula defines, and the shapes of its layers.
Needs torch, torchvision, pytorch-fid, numpy.

    python tools/golden/inception.py > packages/metrics/test/fixtures/inception.json
"""

import json

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from pytorch_fid import inception as fid

from seeded import image, seeded_weights

fid.load_state_dict_from_url = lambda *args, **kwargs: None
load = torchvision.models.Inception3.load_state_dict
torchvision.models.Inception3.load_state_dict = lambda self, state: None
network = fid.fid_inception_v3().eval()
torchvision.models.Inception3.load_state_dict = load

state = {key: value for key, value in sorted(network.state_dict().items()) if not key.endswith("num_batches_tracked")}
for seed, (key, value) in enumerate(state.items()):
    weights = seeded_weights(tuple(value.shape), seed)
    if key.endswith("bn.weight"):
        weights = 1 + weights
    if key.endswith("running_var"):
        weights = np.float32(0.8) + weights
    value.copy_(torch.from_numpy(weights))

images = torch.from_numpy(np.stack([image(90, 70, 1), image(90, 70, 2)])).permute(0, 3, 1, 2)
with torch.no_grad():
    # What pytorch-fid's InceptionV3.forward does, on images that are in [-1, 1] already, and the last layer without its bias.
    x = F.interpolate(images, size=(299, 299), mode="bilinear", align_corners=False)
    for name, module in network.named_children():
        if name == "avgpool":
            break
        x = module(x)
    features = x.mean((2, 3))
    logits = features @ network.fc.weight.T
print(
    json.dumps(
        {
            "convolutions": {key: list(value.shape) for key, value in state.items() if key.endswith("conv.weight")},
            "others": len(state) - sum(key.endswith("conv.weight") for key in state),
            "features": features[:, ::41].tolist(),
            "logits": logits[:, ::41].tolist(),
        }
    )
)
