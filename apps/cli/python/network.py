"""Networks as lists of layers. config.json names the class of each layer and its sizes."""

import torch
from torch import nn
from torch.nn import functional as F


def make(part):
    """The object that a part of config.json describes; None for null."""
    return part and globals()[part["class"]](**{key: value for key, value in part.items() if key != "class"})


def exact(x):
    """float64, as revq decides between ids; float32 where the device has no float64."""
    return x.float() if x.device.type == "mps" else x.double()


class Network(nn.Sequential):
    def __init__(self, layers):
        super().__init__(*[make(layer) for layer in layers])


class Convolution(nn.Conv2d):
    def __init__(self, inputs, outputs, side=3, stride=1, bias=True):
        super().__init__(inputs, outputs, side, stride, side // 2, bias=bias)


class Affine(nn.Module):
    def __init__(self, scale, shift):
        super().__init__()
        self.scale, self.shift = scale, shift

    def forward(self, x):
        return x * self.scale + self.shift


class Relu(nn.ReLU):
    pass


class DoubleSize(nn.Upsample):
    def __init__(self):
        super().__init__(scale_factor=2, mode="nearest")


class Identity(nn.Identity):
    pass
