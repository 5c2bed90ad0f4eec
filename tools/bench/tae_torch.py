"""VAEs of the TAESD family in PyTorch, channels last, pixels in [-1, 1], for scripts of this folder. The layers without weights stand in taesd.py of
https://github.com/madebyollin/taesd."""
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F

DECODER_UPSAMPLES, DECODER_RELUS, ENCODER_STRIDES = {6, 11, 16}, {2}, {2, 6, 10}


class Block(nn.Module):
    def __init__(self, given):
        super().__init__()
        self.convolutions = nn.ModuleList([conv_of(given, f"conv.{i}") for i in (0, 2, 4)])

    def forward(self, x):
        first, second, third = self.convolutions
        return F.relu(third(F.relu(second(F.relu(first(x))))) + x)


class Clamp(nn.Module):
    def forward(self, x):
        return torch.tanh(x / 3) * 3


def conv_of(given, name, stride=1):
    weight, bias = given[f"{name}.weight"], given.get(f"{name}.bias")
    made = nn.Conv2d(weight.shape[1], weight.shape[0], 3, padding=1, stride=stride, bias=bias is not None)
    made.weight.data = weight.float()
    if bias is not None:
        made.bias.data = bias.float()
    return made


def network(path, strides=(), relus=(), upsamples=(), clamp=False):
    given = load_file(path)
    layers = [Clamp()] if clamp else []
    for i in range(len(layers), 1 + max(int(key.split(".")[0]) for key in given)):
        own = {key.split(".", 1)[1]: value for key, value in given.items() if key.startswith(f"{i}.")}
        if i in relus:
            layers.append(nn.ReLU())
        elif i in upsamples:
            layers.append(nn.Upsample(scale_factor=2))
        elif "weight" in own:
            layers.append(conv_of(given, str(i), 2 if i in strides else 1))
        else:
            layers.append(Block(own))
    return nn.Sequential(*layers).eval().requires_grad_(False).to(memory_format=torch.channels_last)


def encoder_of(path):
    layers = network(path, strides=ENCODER_STRIDES)
    return lambda x: layers((x + 1) / 2)


def decoder_network(path):
    return network(path, relus=DECODER_RELUS, upsamples=DECODER_UPSAMPLES, clamp=True)


def decoder_of(path):
    layers = decoder_network(path)
    return lambda z: layers(z) * 2 - 1
