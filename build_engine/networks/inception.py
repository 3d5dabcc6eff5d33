"""Inception v3 (Szegedy et al. 2015, "Rethinking the Inception architecture for computer vision"), for grey crops.

The crop is enlarged to 128 px, the smallest power of two at which the original's grid of 17x17 cells becomes 6x6: there
stands the attention, and the last three blocks follow as its tail. Layers come in the order of torchvision's, so that
its files of weights fit (`pretrained_imagenet.py`).
"""

import torch
from torch import Tensor, nn

from build_engine.networks.baselines import Trunk

ENLARGED_PX = 128

Kernel = int | tuple[int, int]
_ROW, _COLUMN = (1, 7), (7, 1)


def inception_trunk() -> Trunk:
    """Build the trunk with random weights.

    Returns:
        The trunk, (N, 1, 48, 48) → (N, 768, 6, 6), and its tail → (N, 2048, 2, 2).
    """
    layers = nn.Sequential(
        nn.Upsample((ENLARGED_PX, ENLARGED_PX), mode="bilinear"),
        NormConv(1, 32, 3, stride=2, padded=False), NormConv(32, 32, 3, padded=False), NormConv(32, 64, 3),
        nn.MaxPool2d(3, 2),
        NormConv(64, 80, 1), NormConv(80, 192, 3, padded=False),
        nn.MaxPool2d(3, 2),
        _square(192, pooled=32), _square(256, pooled=64), _square(288, pooled=64),
        Beside(_chain(288, (384, 3), stride=2), _chain(288, (64, 1), (96, 3), (96, 3), stride=2), nn.MaxPool2d(3, 2)),
        _long(inner=128), _long(inner=160), _long(inner=160), _long(inner=192),
    )  # fmt: skip
    tail = nn.Sequential(
        Beside(
            _chain(768, (192, 1), (320, 3), stride=2),
            _chain(768, (192, 1), (192, _ROW), (192, _COLUMN), (192, 3), stride=2),
            nn.MaxPool2d(3, 2),
        ),
        _wide(1280), _wide(2048),
    )  # fmt: skip
    return Trunk(layers, 768, 6, tail, 2048)


def _square(before: int, pooled: int) -> nn.Module:
    """Build a block of square kernels, the paper's figure 5."""
    return Beside(
        _chain(before, (64, 1)),
        _chain(before, (48, 1), (64, 5)),
        _chain(before, (64, 1), (96, 3), (96, 3)),
        _averaged(before, pooled),
    )


def _long(inner: int) -> nn.Module:
    """Build a block of 768 channels whose kernels of 7x7 are a row and a column, figure 6."""
    return Beside(
        _chain(768, (192, 1)),
        _chain(768, (inner, 1), (inner, _ROW), (192, _COLUMN)),
        _chain(768, (inner, 1), (inner, _COLUMN), (inner, _ROW), (inner, _COLUMN), (192, _ROW)),
        _averaged(768, 192),
    )


def _wide(before: int) -> nn.Module:
    """Build a block with a row and a column beside each other, figure 7."""
    return Beside(
        _chain(before, (320, 1)),
        nn.Sequential(_chain(before, (384, 1)), _cross()),
        nn.Sequential(_chain(before, (448, 1), (384, 3)), _cross()),
        _averaged(before, 192),
    )


def _cross() -> nn.Module:
    return Beside(_chain(384, (384, (1, 3))), _chain(384, (384, (3, 1))))


def _averaged(before: int, width: int) -> nn.Module:
    return nn.Sequential(nn.AvgPool2d(3, 1, padding=1), NormConv(before, width, 1))


def _chain(before: int, *steps: tuple[int, Kernel], stride: int = 1) -> nn.Sequential:
    """Build convolutions after each other; a stride is the last one's, which is not padded then."""
    layers = []
    for place, (width, kernel) in enumerate(steps, 1):
        strides = stride > 1 and place == len(steps)
        layers.append(NormConv(before, width, kernel, stride if strides else 1, padded=not strides))
        before = width
    return nn.Sequential(*layers)


class NormConv(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(self, before: int, width: int, kernel: Kernel, stride: int = 1, padded: bool = True) -> None:
        super().__init__()
        height, length = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (height // 2, length // 2) if padded else (0, 0)
        self.conv = nn.Conv2d(before, width, (height, length), stride, padding, bias=False)
        self.norm = nn.BatchNorm2d(width, eps=0.001)
        self.relu = nn.ReLU()

    def forward(self, maps: Tensor) -> Tensor:
        """Map (N, before, H, W) to (N, width, H', W')."""
        return self.relu(self.norm(self.conv(maps)))  # type: ignore[no-any-return]


class Beside(nn.Module):
    """Branches over the same maps; their channels stand side by side."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, maps: Tensor) -> Tensor:
        """Map (N, before, H, W) to (N, sum of the branches' channels, H', W')."""
        return torch.cat([branch(maps) for branch in self.branches], 1)
