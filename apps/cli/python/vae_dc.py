"""Deep-compression autoencoders (diffusers' AutoencoderDC, arXiv 2410.10733)."""

import torch
from torch import nn
from torch.nn import functional as F
from layers import GatedConvolution, LinearAttention, RmsNorm
from network import Convolution


class DcToLatent(Convolution):
    def forward(self, x):
        return super().forward(x) + x.unflatten(1, (self.out_channels, -1)).mean(2)


class DcFromLatent(Convolution):
    def forward(self, x):
        return super().forward(x) + x.repeat_interleave(self.out_channels // self.in_channels, 1)


def unshuffle(x):
    """[n, c, 2 h, 2 w] -> [n, 4 c, h, w], as `F.pixel_unshuffle`, which takes no batch of 0."""
    return x.unflatten(3, (-1, 2)).unflatten(2, (-1, 2)).permute(0, 1, 3, 5, 2, 4).flatten(1, 3)


class DcHalve(nn.Module):
    """`shortcut`: plus the average of the unshuffled input's channels."""

    def __init__(self, inputs, outputs, unshuffle, shortcut):
        super().__init__()
        self.outputs, self.unshuffle, self.shortcut = outputs, unshuffle, shortcut
        self.conv = Convolution(inputs, outputs // 4) if unshuffle else Convolution(inputs, outputs, stride=2)

    def forward(self, x):
        y = self.conv(x)
        if self.unshuffle:
            y = unshuffle(y)
        if self.shortcut:
            y = y + unshuffle(x).unflatten(1, (self.outputs, -1)).mean(2)
        return y


class DcDouble(nn.Module):
    """`shortcut`: plus the shuffled input with repeated channels."""

    def __init__(self, inputs, outputs, shuffle, shortcut):
        super().__init__()
        self.shuffle, self.shortcut, self.repeats = shuffle, shortcut, 4 * outputs // inputs
        self.conv = Convolution(inputs, 4 * outputs if shuffle else outputs)

    def forward(self, x):
        if self.shuffle:
            y = F.pixel_shuffle(self.conv(x), 2)
        else:
            y = self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        if self.shortcut:
            y = y + F.pixel_shuffle(x.repeat_interleave(self.repeats, 1), 2)
        return y


class DcBatchNorm(nn.Module):
    """A batch norm with fixed statistics."""

    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x):
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias)


class DcResidual(nn.Module):
    def __init__(self, channels, norm, activation):
        super().__init__()
        self.activation = {"silu": F.silu, "relu": F.relu, "relu6": F.relu6}[activation]
        self.conv1 = Convolution(channels, channels)
        self.conv2 = Convolution(channels, channels, bias=False)
        self.norm = RmsNorm(channels) if norm == "rms_norm" else DcBatchNorm(channels)

    def forward(self, x):
        return x + self.norm(self.conv2(self.activation(self.conv1(x))))


class DcTransformer(nn.Module):
    def __init__(self, channels, head, sides):
        super().__init__()
        self.attn = LinearAttention(channels, head, sides)
        self.conv_out = GatedConvolution(channels, 4 * channels)

    def forward(self, x):
        return self.conv_out(self.attn(x))


class DcNormRelu(RmsNorm):
    def forward(self, x):
        return F.relu(super().forward(x))
