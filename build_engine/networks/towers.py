"""A second, small tower beside the trunk, which reads features made by hand: the kind of network that others propose.

crops (N, 1, 48, 48) → edges, local binary patterns → three convolutions → mean ─┐
                     → dense SIFT, or HOG and landmarks → fully connected ───────┴→ beside the trunk's features
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from build_engine.networks.handmade import (
    HOG_NUMBERS,
    SIFT_NUMBERS,
    dense_sift,
    edges,
    hog,
    local_binary_patterns,
)
from build_engine.recipe import Recipe
from engine.crops import REGIONS, CropSpec
from engine.readings import Floats

TOWER_FEATURES: Final = 128
"""What a tower gives to the heads, beside the trunk's features."""


def build_tower(recipe: Recipe) -> nn.Module:
    """Build the tower that a recipe names, with random weights.

    Returns:
        A module that takes crops (N, 1, 48, 48) and regions (N, 9, 6, 6) and returns (N, `TOWER_FEATURES`).
    """
    if recipe.tower in PICTURES:
        return PictureTower(PICTURES[recipe.tower])
    return NumbersTower(*NUMBERS[recipe.tower])


class PictureTower(nn.Module):
    """Reads a picture made of the crop by three convolutions, each of which halves it."""

    def __init__(self, made: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self._made = made
        layers: list[nn.Module] = [nn.BatchNorm2d(1)]
        for before, width in ((1, 32), (32, 64), (64, TOWER_FEATURES)):
            layers += [nn.Conv2d(before, width, 3, 2, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        self.layers = nn.Sequential(*layers)

    def forward(self, crops: Tensor, regions: Tensor) -> Tensor:
        """Read a batch; the regions are not used."""
        return self.layers(self._made(_grey(crops))).mean((2, 3))  # type: ignore[no-any-return]


class NumbersTower(nn.Module):
    """Reads numbers computed of the crop by one fully connected layer, perhaps with the places of the landmarks."""

    def __init__(self, described: Callable[..., Floats], numbers: int, reads_regions: bool) -> None:
        super().__init__()
        self._described, self._reads_regions = described, reads_regions
        places = reads_regions * len(REGIONS) * CropSpec().region_grid ** 2
        width = numbers + places
        self.layers = nn.Sequential(nn.BatchNorm1d(width), nn.Linear(width, TOWER_FEATURES), nn.ReLU())

    def forward(self, crops: Tensor, regions: Tensor) -> Tensor:
        """Read a batch; OpenCV describes it, so that no gradient comes back and no graph can be exported."""
        pictures = (_grey(crops.detach())[:, 0] * 255).round().to(torch.uint8).numpy()
        numbers = torch.from_numpy(self._described(pictures))
        if self._reads_regions:
            numbers = torch.cat((numbers, regions.flatten(1)), 1)
        return self.layers(numbers)  # type: ignore[no-any-return]


class _Numbers(NamedTuple):
    described: Callable[..., Floats]
    numbers: int
    reads_regions: bool


PICTURES: Final[dict[str, Callable[[Tensor], Tensor]]] = {"edges": edges, "lbp": local_binary_patterns}
NUMBERS: Final = {
    "sift": _Numbers(dense_sift, SIFT_NUMBERS, reads_regions=False),
    "hog": _Numbers(hog, HOG_NUMBERS, reads_regions=True),
}
"""By `Recipe.tower`."""


def _grey(crops: Tensor) -> Tensor:
    """Turn a network's input back into grey values in [0, 1]."""
    spec = CropSpec()
    return (crops.float() * spec.std + spec.mean).clamp(0.0, 1.0)
