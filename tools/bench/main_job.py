"""The main job the authors' way in PyTorch, beside `revq train --picture-steps 0`: photographs through a VAE of the TAESD family in batches, codebooks
and rectifier trained jointly (one codebook a token, AdamW, unused codes reset), held-out photographs scored. Training ends after EPOCHS, or
as soon as the held-out latent error is at most GOAL. Prints one JSON object: seconds of every part, and the error after every epoch.

python main_job.py TRAIN VAL ENCODER DECODER TOKENS CODES EPOCHS GOAL THREADS"""
import json
import sys
import time
from pathlib import Path

import torch
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parents[1] / "pytorch"))
from photographs import batches, images, read  # noqa: E402
from rectifier import Rectifier  # noqa: E402
from tae_torch import decoder_of, encoder_of  # noqa: E402

train_folder, val_folder, encoder_path, decoder_path = sys.argv[1:5]
tokens, codes, epochs = map(int, sys.argv[5:8])
goal, threads = float(sys.argv[8]), int(sys.argv[9])
torch.set_num_threads(threads)
torch.manual_seed(0)
started = time.perf_counter()
seconds = {}
BATCH, ENCODE_BATCH, RATE, RECTIFIER_RATE, DECAY, FINAL = 32, 8, 0.01, 0.05 * 0.01, 1e-4, 0.05


def lap(name):
    global started
    now = time.perf_counter()
    seconds[name] = now - started
    started = now


@torch.no_grad()
def encode_all(encode, folder):
    return torch.cat([encode(read(paths)).contiguous() for paths in batches(images(folder), ENCODE_BATCH)])


encode, decode = encoder_of(encoder_path), decoder_of(decoder_path)
train, val = encode_all(encode, train_folder), encode_all(encode, val_folder)
mean, std = train.mean(0), train.std(0, unbiased=False)
train, val = (train - mean) / std, (val - mean) / std
shape, width = train.shape[1:], train[0].numel() // tokens
lap("encode")

books = torch.nn.Parameter(
    torch.stack([train.reshape(len(train), tokens, width)[torch.randint(len(train), (codes,)), t] for t in range(tokens)])
)
rectifier = Rectifier(64, 2, 32, shape[0])
optimizers = [
    torch.optim.AdamW([books], lr=RATE, weight_decay=0),
    torch.optim.AdamW(rectifier.parameters(), lr=RECTIFIER_RATE, weight_decay=DECAY),
]
schedules = [torch.optim.lr_scheduler.ExponentialLR(each, FINAL ** (1 / epochs)) for each in optimizers]
groups = torch.arange(tokens)[:, None]


@torch.no_grad()
def ids_of(z):
    return torch.cdist(z.reshape(len(z), tokens, width).transpose(0, 1), books).argmin(2)


def quantized(ids):
    return books[groups, ids].transpose(0, 1).reshape(-1, *shape)


@torch.no_grad()
def held_out():
    parts = [(quantized(ids_of(z)), z) for z in batches(val, BATCH)]
    plain = sum(F.mse_loss(q, z, reduction="sum").item() for q, z in parts) / val.numel()
    rectified = sum(F.mse_loss(rectifier(q), z, reduction="sum").item() for q, z in parts) / val.numel()
    return plain, rectified


errors = []
for epoch in range(epochs):
    hits = torch.zeros(tokens, codes)
    order = torch.randperm(len(train))
    for chosen in batches(order, BATCH):
        if len(chosen) < BATCH:
            continue
        z = train[chosen]
        ids = ids_of(z)
        hits.scatter_add_(1, ids, torch.ones(ids.shape))
        q = quantized(ids)
        for optimizer in optimizers:
            optimizer.zero_grad()
        (F.mse_loss(q, z) + F.mse_loss(rectifier(q.detach()), z)).backward()
        torch.nn.utils.clip_grad_norm_([books], 1)
        torch.nn.utils.clip_grad_norm_(rectifier.parameters(), 1)
        for optimizer in optimizers:
            optimizer.step()
    for schedule in schedules:
        schedule.step()
    with torch.no_grad():
        used = hits.argsort(1, descending=True)
        for t in range(tokens):
            n = min(max(int(0.2 * codes), 1), int((hits[t] < 0.5).sum()))
            if n:
                books[t, used[t, codes - n :]] = books[t, used[t, :n]] + 0.1 * torch.randn(n, width)
    errors.append(held_out())
    if errors[-1][1] <= goal:
        break
lap("train")

with torch.no_grad():
    psnr = []
    for paths, z in zip(batches(images(val_folder), ENCODE_BATCH), batches(val, ENCODE_BATCH)):
        latent = (rectifier(quantized(ids_of(z))) * std + mean).contiguous(memory_format=torch.channels_last)
        made = (decode(latent).clamp(-1, 1) + 1) / 2
        psnr += (-10 * torch.log10((made - (read(paths) + 1) / 2).square().mean((1, 2, 3)))).tolist()
lap("evaluate")
print(json.dumps({"torch": torch.__version__, "seconds": seconds, "errors": errors, "psnr": sum(psnr) / len(psnr)}))
