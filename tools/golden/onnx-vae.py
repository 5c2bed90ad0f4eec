"""Tiny VAEs as ONNX files, with an image, its latent and the decoded image from PyTorch: plugins/backbone-onnx/test/fixtures.

Run: python tools/golden/onnx-vae.py   (needs torch and numpy)

plain/     encoder.onnx, decoder.onnx; float32, any batch and size, 4 latent channels
optimum/   vae_encoder/model.onnx, vae_decoder/model.onnx as optimum exports them: the encoder gives mean and log-variance
half/      float16, batch 1 and 16 x 16 pixels fixed
sampling/  an encoder that draws a sample of the posterior; no decoder
Arrays are NCHW in io.json: {"shape": [...], "data": [...]}.
"""

import json
import pathlib

import torch
from torch import nn

OUT = pathlib.Path(__file__).resolve().parents[2] / "plugins/backbone-onnx/test/fixtures"
LATENT = 4


class Encoder(nn.Module):
    def __init__(self, outputs, sample=False):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1), nn.SiLU(), nn.Conv2d(6, outputs, 3, 2, 1))
        self.sample = sample

    def forward(self, sample):
        moments = self.layers(sample)
        if not self.sample:
            return moments
        mean, logvar = moments.chunk(2, 1)
        return mean + torch.exp(0.5 * logvar) * torch.randn_like(mean)


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.ConvTranspose2d(LATENT, 6, 4, 2, 1), nn.SiLU(), nn.ConvTranspose2d(6, 3, 4, 2, 1))

    def forward(self, latent_sample):
        return self.layers(latent_sample)


def export(module, example, path, inputs, outputs, dynamic=True):
    path.parent.mkdir(parents=True, exist_ok=True)
    axes = {0: "batch", 2: "height", 3: "width"}
    torch.onnx.export(
        module,
        example,
        str(path),
        input_names=[inputs],
        output_names=[outputs],
        dynamic_axes={inputs: axes, outputs: axes} if dynamic else None,
        opset_version=16,
        do_constant_folding=False,
    )


def array(tensor):
    return {"shape": list(tensor.shape), "data": [round(float(v), 7) for v in tensor.float().flatten()]}


def write_io(folder, image, latent, decoded):
    (OUT / folder).mkdir(parents=True, exist_ok=True)
    (OUT / folder / "io.json").write_text(
        json.dumps({"image": array(image), "latent": array(latent), "decoded": array(decoded)}) + "\n"
    )


def main():
    torch.manual_seed(5)
    image = torch.rand(2, 3, 16, 16) * 2 - 1
    with torch.no_grad():
        plain, decoder = Encoder(LATENT), Decoder()
        export(plain, image, OUT / "plain/encoder.onnx", "image", "latent")
        export(decoder, plain(image), OUT / "plain/decoder.onnx", "latent", "image")
        write_io("plain", image, plain(image), decoder(plain(image)))

        moments = Encoder(2 * LATENT)
        mean = moments(image)[:, :LATENT]
        export(moments, image, OUT / "optimum/vae_encoder/model.onnx", "sample", "latent_parameters")
        export(decoder, mean, OUT / "optimum/vae_decoder/model.onnx", "latent_sample", "sample")
        write_io("optimum", image, mean, decoder(mean))

        export(Encoder(2 * LATENT, sample=True), image, OUT / "sampling/encoder.onnx", "sample", "latent_sample")

        # PyTorch 1.13 has no float16 convolution on the CPU: weights rounded to float16 compute in float32 for the numbers.
        one, rounded_encoder, rounded_decoder = image[:1], Encoder(LATENT), Decoder()
        for module in (rounded_encoder, rounded_decoder):
            for parameter in module.parameters():
                parameter.copy_(parameter.half().float())
        latent = rounded_encoder(one)
        write_io("half", one, latent, rounded_decoder(latent))
        half = {"dynamic": False}
        export_half(rounded_encoder, one, OUT / "half/encoder.onnx", "image", "latent", **half)
        export_half(rounded_decoder, latent, OUT / "half/decoder.onnx", "latent", "image", **half)


class Half(nn.Module):
    """Takes and gives float16, computes in float32."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, x):
        return self.module(x.float()).half()


def export_half(module, example, path, inputs, outputs, dynamic):
    export(Half(module), example.half(), path, inputs, outputs, dynamic)


if __name__ == "__main__":
    main()
