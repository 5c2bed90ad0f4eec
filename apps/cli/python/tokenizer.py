"""A revq image tokenizer for PyTorch: images to ids and back. Needs torch, safetensors and Pillow.

    tokenizer = RevqTokenizer.from_pretrained("folder")
    pixels = tokenizer.preprocess(Image.open("photo.jpg"))  # float32 [3, S, S] in [-1, 1]
    ids = tokenizer.encode(pixels[None])                    # int64 [1, T]: the ids of `revq encode`
    images = tokenizer.decode(ids)                          # float32 [1, 3, S, S], about [-1, 1]
"""

import json
from pathlib import Path

import torch
from PIL import Image, ImageOps
from safetensors.torch import load_file
from torch import nn
from network import exact, make


class RevqTokenizer(nn.Module):
    """latents = encoder(images); ids = quantizer(transform(metric(latents))); decode goes back through the rectifier."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        c, h, w = config["latent_shape"]
        self.register_buffer("mean", torch.zeros(c, h, w))
        self.register_buffer("std", torch.ones(c, h, w))
        # Of the metric "decoder": a map of the channels of every position, and its inverse.
        is_decoder = config["metric"] == "decoder"
        self.register_buffer("metric", torch.eye(c) if is_decoder else None)
        self.register_buffer("metric_inverse", torch.eye(c) if is_decoder else None)
        # Where each element of the vectors [V, d] lies among the coefficients [c, h, w].
        self.register_buffer("order", torch.arange(c * h * w, dtype=torch.int32))
        for name, part in config["modules"].items():
            self.add_module(name, make(part))

    @classmethod
    def from_pretrained(cls, folder):
        folder = Path(folder)
        tokenizer = cls(json.loads((folder / "config.json").read_text(encoding="utf-8")))
        tokenizer.load_state_dict(load_file(folder / "model.safetensors"))
        return tokenizer.eval().requires_grad_(False)

    def preprocess(self, image):
        """PIL image -> float32 [3, S, S] in [-1, 1]: upright, on white, the short side resized, the centre cropped."""
        size = self.config["image_size"]
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I"):
            image = image.convert("I").point([value // 256 for value in range(65536)], "L")
        if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
            white = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(white, image.convert("RGBA"))
        image = image.convert("RGB")
        short = min(image.size)
        width, height = (size if side == short else size * side // short for side in image.size)
        left, top = round((width - size) / 2), round((height - size) / 2)
        image = image.resize((width, height), Image.Resampling.LANCZOS).crop((left, top, left + size, top + size))
        values = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).reshape(size, size, 3)
        return (values.double() / 127.5 - 1).float().permute(2, 0, 1)

    def postprocess(self, image):
        """[3, S, S] in [-1, 1] -> PIL image"""
        values = ((image.detach().float().clamp(-1, 1) + 1) * 127.5).round().to("cpu", torch.uint8)
        return Image.frombytes("RGB", (image.shape[2], image.shape[1]), bytes(values.permute(1, 2, 0).flatten().tolist()))

    @torch.no_grad()
    def encode(self, images):
        """images [n, 3, S, S] in [-1, 1] -> ids int64 [n, T]: the code of each token in the codebook of its group"""
        size = self.config["image_size"]
        if self.encoder is None:
            raise ValueError("This tokenizer was trained on latents: use encode_latents.")
        if tuple(images.shape[1:]) != (3, size, size):
            raise ValueError(f"Images are {tuple(images.shape)}; expected [n, 3, {size}, {size}]: use preprocess.")
        return self.encode_latents(self.encoder(images))

    def decode(self, ids):
        """ids [n, T] -> images [n, 3, S, S], about [-1, 1], not clamped"""
        if self.decoder is None:
            raise ValueError("This tokenizer has no decoder for images: use decode_latents.")
        return self.decoder(self.decode_latents(ids))

    @torch.no_grad()
    def encode_latents(self, latents):
        """latents [n, c, h, w] of the VAE -> ids int64 [n, T]"""
        x = latents - self.mean
        if self.config["metric"] == "standardized":
            x = x / self.std
        elif self.metric is not None:
            x = multiply_channels(self.metric, x)
        x = self.transform(x).flatten(1)
        vectors = x[:, self.order.long()].unflatten(1, (-1, self.config["vector_size"]))
        return self.quantizer.encode(vectors)

    def decode_latents(self, ids):
        """ids [n, T] -> latents [n, c, h, w] of the VAE"""
        ids = self.check(torch.as_tensor(ids, device=self.mean.device))
        vectors = self.quantizer.decode(ids).flatten(1)
        x = torch.empty_like(vectors).index_copy(1, self.order.long(), vectors)
        x = self.transform.inverse(x.unflatten(1, self.mean.shape))
        if self.metric is not None:
            x = multiply_channels(self.metric_inverse, x)
        if self.config["metric"] != "standardized":
            x = x / self.std
        return self.rectifier(x) * self.std + self.mean

    def check(self, ids):
        """Ids that a model made may be none: an index out of range would read the codebook of another group."""
        tokens = self.config["tokens"]
        count, sizes = tokens["tokens"], tokens["codebookSizes"]
        if ids.ndim != 2 or ids.shape[1] != count or ids.is_floating_point():
            raise ValueError(f"Ids are {ids.dtype} of shape {tuple(ids.shape)}; expected integers [n, {count}].")
        ids = ids.long()
        limits = torch.tensor([sizes[group] for group in tokens["groupOf"]], device=ids.device)
        wrong = ((ids < 0) | (ids >= limits)).nonzero()
        if len(wrong):
            row, token = wrong[0].tolist()
            got = f"Row {row}, token {token}: id {ids[row, token].item()} is outside 0 ... {limits[token].item() - 1}."
            raise ValueError(got + " Ids are codes of their groups: take offsets and special ids out first.")
        return ids


def multiply_channels(matrix, x):
    return torch.einsum("ij,njhw->nihw", exact(matrix), exact(x)).float()
