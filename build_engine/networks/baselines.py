"""The networks that ours is compared with: the plain CNN of the paper's text, whole, and the trunks of others."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from torch import Tensor, nn

from build_engine.recipe import Recipe
from engine.expressions import FER7, FERPLUS8

CROP_PX = 48


class Trunk(NamedTuple):
    """The convolutions before attention and heads."""

    layers: nn.Module
    channels: int
    """Of the maps that leave it."""
    grid: int
    """Side of these maps."""
    tail: nn.Module | None = None
    """What comes between attention and heads."""
    features: int = 0
    """Channels that leave the tail; without one, those of the trunk."""


class StaticCnn(nn.Module):
    """Conv 32 and max-pool, three pairs of conv 64, 128, 256 each with max-pool, ReLU, flatten, fully connected.

    Khalid et al. 2025, section on the proposed CNN. Ours: batch norm (`Recipe.batch_norm`), and a second head that
    learns the FERPlus votes. The network takes the facial regions like every network here, and ignores them.
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        first, *pairs = recipe.widths
        layers = [*_conv(1, first, recipe.batch_norm, pool=True)]
        for before, width in zip(recipe.widths, pairs, strict=False):
            layers += _conv(before, width, recipe.batch_norm, pool=False)
            layers += _conv(width, width, recipe.batch_norm, pool=True)
        grid = CROP_PX // 2 ** len(recipe.widths)
        self.trunk = nn.Sequential(*layers)
        self.neck = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(recipe.dropout),
            nn.Linear(recipe.widths[-1] * grid**2, recipe.hidden),
            nn.ReLU(),
            nn.Dropout(recipe.dropout),
        )
        self.fer7 = nn.Linear(recipe.hidden, len(FER7))
        self.ferplus8 = nn.Linear(recipe.hidden, len(FERPLUS8))

    def forward(self, crops: Tensor, regions: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Score a batch of crops.

        Args:
            crops: (N, 1, 48, 48), normalised as `engine.crops.CropSpec` says.
            regions: (N, 9, 6, 6) facial regions; not used by this network.

        Returns:
            Logits (N, 7) in the order of `FER7` and (N, 8) in the order of `FERPLUS8`.
        """
        maps = self.trunk(crops)  # (N, 256, 3, 3)
        features = self.neck(maps)  # (N, hidden)
        return self.fer7(features), self.ferplus8(features)


def _conv(before: int, width: int, batch_norm: bool, pool: bool) -> Iterator[nn.Module]:
    yield nn.Conv2d(before, width, 3, padding=1, bias=not batch_norm)
    if pool:  # before norm and ReLU, which then cost a quarter: at 48x48 they took a third of a training step
        yield nn.MaxPool2d(2)
    if batch_norm:
        yield nn.BatchNorm2d(width)
    yield nn.ReLU()


def vgg_trunk(widths: tuple[int, int, int, int]) -> Trunk:
    """Build a VGG of four pairs of 3x3 convolutions (Simonyan and Zisserman 2014), pooled between pairs.

    Args:
        widths: channels at 48x48, 24x24, 12x12 and 6x6.

    Returns:
        The trunk, (N, 1, 48, 48) → (N, widths[3], 6, 6).
    """
    layers: list[nn.Module] = []
    for index, (before, width) in enumerate(pairwise((1, *widths))):
        layers += _conv(before, width, True, pool=False)
        layers += _conv(width, width, True, pool=index < len(widths) - 1)
    return Trunk(nn.Sequential(*layers), widths[-1], 6)


def bottleneck_trunk(widths: tuple[int, int, int, int]) -> Trunk:
    """Build the trunk of ResNet-50 (He et al. 2015), as it sees a crop twice as large.

    Its stem, 7x7 with stride 2, is one of 5x5 over the crop itself (`stems.halved_kernels`). The attention stands
    before the last stage, where the grid is 6x6.

    Args:
        widths: inner channels of the four stages, at 24x24, 12x12, 6x6 and 3x3; four times as many leave each.

    Returns:
        The trunk, (N, 1, 48, 48) → (N, 4 · widths[2], 6, 6), and its tail → (N, 4 · widths[3], 3, 3).
    """
    channels = widths[0]
    stem = [
        nn.Conv2d(1, channels, 5, padding=2, bias=False), nn.BatchNorm2d(channels), nn.ReLU(),
        nn.MaxPool2d(3, 2, padding=1),
    ]  # fmt: skip
    stages = []
    for width, blocks, stride in zip(widths, (3, 4, 6, 3), (1, 2, 2, 2), strict=True):
        stages.append(
            [Bottleneck(channels, width, stride), *(Bottleneck(4 * width, width, 1) for _ in range(1, blocks))]
        )
        channels = 4 * width
    layers = nn.Sequential(*stem, *stages[0], *stages[1], *stages[2])
    return Trunk(layers, 4 * widths[2], 6, nn.Sequential(*stages[3]), channels)


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolution added to what came in (He et al. 2015, figure 5)."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(before, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, width, 3, stride, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, 4 * width, 1, bias=False), nn.BatchNorm2d(4 * width),
        )  # fmt: skip
        self.around = nn.Sequential()
        if before != 4 * width or stride > 1:
            self.around = nn.Sequential(nn.Conv2d(before, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width))
        self.relu = nn.ReLU()

    def forward(self, maps: Tensor) -> Tensor:
        """Map (N, before, H, W) to (N, 4 · width, H/stride, W/stride)."""
        return self.relu(self.around(maps) + self.body(maps))  # type: ignore[no-any-return]
