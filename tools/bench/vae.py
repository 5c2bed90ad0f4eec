"""A full-size VAE in diffusers, for tools/bench/vae.mjs: random weights of the config in KEYS.json, written to FOLDER as diffusers does;
its keys and shapes are compared with those of KEYS.json. Answers each line `{"what": "encode" | "decode"}` with the milliseconds that it
took and the peak memory so far, and writes what it computed to FOLDER/<what>.npy.

python vae.py sd-vae|dc-ae KEYS.json FOLDER SIZE THREADS"""
import json
import os
import resource
import sys
import time
from pathlib import Path

import diffusers
import numpy as np
import torch

family, keys, folder, size, threads = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
torch.set_num_threads(threads)
torch.set_grad_enabled(False)
torch.manual_seed(0)
described = json.loads(Path(keys).read_text())
model_class = {"sd-vae": diffusers.AutoencoderKL, "dc-ae": diffusers.AutoencoderDC}[family]
maker = os.fork()  # a process of its own: its memory shall not count
if maker == 0:
    model_class.from_config(described["config"]).eval().save_pretrained(folder)
    os._exit(0)
if os.waitpid(maker, 0)[1] != 0:
    sys.exit("the model could not be made")
model = model_class.from_pretrained(folder).eval()  # what a user does
shapes = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
missing = sorted(set(described["keys"]) ^ set(shapes)) + [k for k in shapes if described["keys"].get(k) != shapes[k]]

x = torch.from_numpy(np.random.default_rng(0).uniform(-1, 1, (1, 3, size, size)).astype(np.float32))
# smooth in places, as photographs are
x = torch.nn.functional.interpolate(torch.nn.functional.avg_pool2d(x, 8) * 4, size=(size, size), mode="bilinear").clamp(-1, 1)
np.save(folder / "image.npy", x.numpy())


def encode():
    z = model.encode(x)
    return z.latent_dist.mean if family == "sd-vae" else z.latent


latent = encode()
np.save(folder / "latent.npy", latent.numpy())
print(json.dumps({"torch": torch.__version__, "diffusers": diffusers.__version__, "keysThatDiffer": len(missing), "parameters": sum(p.numel() for p in model.parameters())}), flush=True)
for line in sys.stdin:
    what = json.loads(line)["what"]
    started, used = time.perf_counter(), time.process_time()
    y = encode() if what == "encode" else model.decode(latent).sample
    elapsed, processor = time.perf_counter() - started, time.process_time() - used
    np.save(folder / f"{what}.npy", y.numpy())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"ms": 1000 * elapsed, "processorMs": 1000 * processor, "peakMiB": peak}), flush=True)
