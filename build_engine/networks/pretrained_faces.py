"""A trunk that begins with weights that distinguish people: dlib's face recognition network, cut to our crops.

The weights are in the public domain (CC0) and inside the PyPI package `face_recognition_models`. The network is a
ResNet with 29 convolutions, trained on three million faces of 150x150 pixels in colour. Here it sees faces of 48x48 in
grey, and answers as it would to the same picture enlarged to 96x96:

- its stem, 7x7 with stride 2, sees the crop twice as large; enlarging and convolving are both linear, so that one 5x5
  convolution over the crop itself does both, with the weights of the three colours summed;
- a scale and offset a channel followed each convolution; batch norms take their place, which begin with the mean and
  variance that our faces have there, and undo them;
- where it strides, its kernel looked one cell further right and down than ours would: the kernel gets a fourth row and
  column;
- its last block, for a single cell, is left out.
"""

import re
from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from build_engine.errors import WeightsUnusable
from build_engine.networks.baselines import Trunk
from build_engine.networks.stems import grey_kernels, halved_kernels
from engine.readings import Floats

_BLOCKS: Final = (3, 4, 3, 3)
"""Residual blocks of the four stages; each stage but the first begins with a stride."""
_GRID: Final = 6
_CONVOLUTIONS: Final = 29
_MEAN_RGB: Final = (122.782, 117.001, 104.298)
_SCALE_RGB: Final = (256.0,) * 3
"""Colours in [0, 255] less the mean, divided by the scale: the input that the weights were trained with."""
_LAYER: Final = re.compile(rb"\x01(?:\x05con_4|\x07affine_)")
"""The name of a layer with weights, as dlib writes a string: bytes of its length, its length, its characters."""
_TENSOR_VERSION: Final = 2


def face_trunk(widths: tuple[int, int, int, int]) -> Trunk:
    """Build the trunk with random weights.

    Args:
        widths: channels at 24x24, 12x12, 6x6 and, in the tail, 3x3; (32, 64, 128, 256) take the known weights.

    Returns:
        The trunk, (N, 1, 48, 48) → (N, widths[2], 6, 6), and its tail → (N, widths[3], 3, 3).
    """
    first, _, third, last = widths
    stem = [
        nn.Conv2d(1, first, 5, padding=2, bias=False), nn.BatchNorm2d(first), nn.ReLU(), nn.MaxPool2d(3, 2, padding=1)
    ]  # fmt: skip
    stages = []
    before = first
    for width, blocks in zip(widths, _BLOCKS, strict=True):
        stages.append([FaceBlock(before if index == 0 else width, width) for index in range(blocks)])
        before = width
    layers = nn.Sequential(*stem, *stages[0], *stages[1], *stages[2])
    return Trunk(layers, third, _GRID, nn.Sequential(*stages[3]), last)


class FaceBlock(nn.Module):
    """Two 3x3 convolutions added to what came in; a wider block strides, and averages on the way around."""

    def __init__(self, before: int, width: int) -> None:
        super().__init__()
        stride = 2 if width > before else 1
        # With a stride the kernel covers cells -1 to 2, of which -1 begins with zeros: dlib's begins at 0.
        self.body = nn.Sequential(
            nn.Conv2d(before, width, 2 + stride, stride, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width),
        )  # fmt: skip
        self.around = nn.Sequential()
        if stride > 1:
            widen = nn.Conv2d(before, width, 1, bias=False)
            nn.init.dirac_(widen.weight)  # channels that are new begin with zeros
            self.around = nn.Sequential(nn.AvgPool2d(2), widen)
        self.relu = nn.ReLU()

    def forward(self, maps: Tensor) -> Tensor:
        """Map (N, before, H, W) to (N, width, H/stride, W/stride)."""
        return self.relu(self.around(maps) + self.body(maps))  # type: ignore[no-any-return]


@torch.no_grad()
def load_face_weights(network: nn.Module, weights: Path, crops: Tensor, regions: Tensor) -> None:
    """Put the known weights into a network that has `face_trunk`; attention and heads keep theirs.

    Args:
        network: an `ExpressionNet` in full width.
        weights: `dlib_face_recognition_resnet_model_v1.dat`.
        crops: (N, 1, 48, 48), normalised, a few hundred training faces; the batch norms begin with their statistics.
        regions: (N, 9, 6, 6).

    Raises:
        WeightsUnusable: The file is missing or another one, or the network has not these layers.
    """
    kernels, scales = _read(weights)
    convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d) and layer.kernel_size > (1, 1)]
    norms = [_norm_after(network, layer) for layer in convolutions]
    try:
        for layer, norm, kernel, scale in zip(convolutions, norms, kernels, scales, strict=False):
            _fill(layer, norm, torch.from_numpy(kernel), torch.from_numpy(scale))
    except RuntimeError as error:
        raise WeightsUnusable(f"{weights} does not fit this network: use --recipe known-faces as it is") from error
    _begin_norms(network, norms, crops, regions)


def _read(path: Path) -> tuple[list[Floats], list[Floats]]:
    """Find in dlib's file the weights and biases of the convolutions, and the scales and offsets after them."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsUnusable(f"{path} cannot be read ({error.strerror}): see build_engine/README.md") from error
    found: dict[bytes, list[Floats]] = {b"c": [], b"a": []}
    try:
        for name in _LAYER.finditer(content):
            found[name.group()[2:3]].append(_tensor(content, name.end()))
    except (IndexError, ValueError) as error:
        raise WeightsUnusable(f"{path} is cut off or broken: fetch it again") from error
    if {len(layers) for layers in found.values()} != {_CONVOLUTIONS}:
        raise WeightsUnusable(f"{path} is not dlib_face_recognition_resnet_model_v1.dat: see build_engine/README.md")
    return found[b"c"], found[b"a"]


def _tensor(content: bytes, start: int) -> Floats:
    """Read a tensor as dlib writes it: version, four sizes, float32 in little-endian order."""
    numbers = []
    for _ in range(5):
        count = content[start] & 0x0F  # of the bytes that follow; the sign, a higher bit, is never set here
        numbers.append(int.from_bytes(content[start + 1 : start + 1 + count], "little"))
        start += 1 + count
    version, *sizes = numbers
    if version != _TENSOR_VERSION:
        raise ValueError(f"version {version}")
    return np.frombuffer(content, "<f4", int(np.prod(sizes)), start).copy()


def _norm_after(network: nn.Module, convolution: nn.Module) -> nn.BatchNorm2d:
    layers = list(network.modules())
    norm = layers[layers.index(convolution) + 1]
    assert isinstance(norm, nn.BatchNorm2d)
    return norm


def _fill(layer: nn.Conv2d, norm: nn.BatchNorm2d, kernel: Tensor, scale: Tensor) -> None:
    """Give a convolution and its norm one layer of the file, so that norm ∘ convolution equals it exactly."""
    width = layer.out_channels
    weights, biases = kernel[:-width], kernel[-width:]
    if layer.in_channels == 1:
        weights, shifts = grey_kernels(weights.view(width, len(_MEAN_RGB), 7, 7), _MEAN_RGB, _SCALE_RGB)
        layer.weight.copy_(halved_kernels(weights))
        biases = biases + shifts
    else:
        weights = weights.view(width, layer.in_channels, 3, 3)
        missing = layer.kernel_size[0] - 3
        layer.weight.copy_(functional.pad(weights, (missing, 0, missing, 0)))
    norm.weight.copy_(scale[:width])
    norm.bias.copy_(scale[width:] + scale[:width] * biases)
    norm.running_mean.zero_()  # type: ignore[union-attr]
    norm.running_var.fill_(1 - norm.eps)  # type: ignore[union-attr]


def _begin_norms(network: nn.Module, norms: list[nn.BatchNorm2d], crops: Tensor, regions: Tensor) -> None:
    """Let each norm subtract and divide by what our faces have there, and undo it: the answers stay as they are."""

    def begin(norm: nn.Module, inputs: tuple[Tensor]) -> None:
        assert isinstance(norm, nn.BatchNorm2d)
        variance, mean = torch.var_mean(inputs[0], (0, 2, 3), correction=0)
        # The running values still make this norm the file's scale and offset while the later ones are measured.
        measured.append((norm, mean, variance))

    measured: list[tuple[nn.BatchNorm2d, Tensor, Tensor]] = []
    hooks = [norm.register_forward_pre_hook(begin) for norm in norms]
    network.eval()(crops, regions)
    for hook in hooks:
        hook.remove()
    for norm, mean, variance in measured:
        norm.bias.add_(norm.weight * mean)
        norm.weight.mul_((variance + norm.eps).sqrt())
        norm.running_mean.copy_(mean)  # type: ignore[union-attr]
        norm.running_var.copy_(variance)  # type: ignore[union-attr]
