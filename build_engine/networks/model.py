"""The expression network: a residual trunk, attention that landmarks guide, two heads.

    crops (N, 1, 48, 48) → trunk → (N, C, 6, 6) → attention ← regions (N, 9, 6, 6) → tail → mean → fer7, ferplus8

Why this shape, for two training cores and a budget of 2.6 ms a face:

- The stem halves the crop at once: maps of 48x48 cost more in memory traffic than they teach (ResNet-18 with a
  stride-1 stem takes three times as long an epoch), and a grey pixel's four neighbours fit into 32 channels losslessly.
- The last stage does not stride: its grid stays at 6x6, where an eye or the mouth is one or two cells. Attention on 3x3
  would see thirds of a face. ResNet-18's second block there is a third of all work: `Recipe.last_blocks`.
- Attention stands last, on the features that know most, and costs a twentieth of the trunk. Only where the trunk comes
  with weights that know faces or pictures (`pretrained_faces.py`, `pretrained_imagenet.py`) do its last blocks follow
  as a tail: they were learned on a coarser grid.
- A mean over all cells forgets where something was seen: with `Recipe.pooling` "regions" the heads also get the mean
  over each facial region.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

import torch
from torch import Tensor, nn

from build_engine.networks.attention import Gaze, RegionAttention, region_means
from build_engine.networks.baselines import StaticCnn, Trunk, bottleneck_trunk, vgg_trunk
from build_engine.networks.cbam import Cbam
from build_engine.networks.inception import inception_trunk
from build_engine.networks.pretrained_faces import face_trunk
from build_engine.networks.towers import TOWER_FEATURES, build_tower
from build_engine.recipe import Recipe
from engine.crops import REGIONS
from engine.expressions import FER7, FERPLUS8


def build_network(recipe: Recipe) -> nn.Module:
    """Build the network that a recipe names, with random weights.

    Returns:
        A module that takes crops (N, 1, 48, 48) and regions (N, 9, 6, 6) and returns logits (N, 7) and (N, 8).
    """
    return StaticCnn(recipe) if recipe.backbone == "static" else ExpressionNet(recipe)


class ExpressionNet(nn.Module):
    """Trunk, attention (`Recipe.attention`), perhaps a tail, perhaps a tower beside them, two heads."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.trunk, channels, grid, tail, features = TRUNKS[recipe.backbone](recipe)
        self.attention: RegionAttention | None = None
        if recipe.attention in ("plain", "landmark"):
            self.attention = RegionAttention(channels, recipe.attention_heads, recipe.attention == "landmark", grid)
        self.tail = tail or nn.Sequential()
        self.dropout = nn.Dropout(recipe.dropout)
        self._pools_regions = recipe.pooling == "regions"
        self.tower = None if recipe.tower == "none" else build_tower(recipe)
        width = (features or channels) + self._pools_regions * len(REGIONS) * channels
        width += 0 if self.tower is None else TOWER_FEATURES
        self.fer7 = nn.Linear(width, len(FER7))
        self.ferplus8 = nn.Linear(width, len(FERPLUS8))

    def forward(self, crops: Tensor, regions: Tensor) -> tuple[Tensor, Tensor]:
        """Score a batch of crops.

        Args:
            crops: (N, 1, 48, 48), normalised as `engine.crops.CropSpec` says.
            regions: (N, 9, 6, 6) facial regions; zeros where no landmarks are known.

        Returns:
            Logits (N, 7) in the order of `FER7` and (N, 8) in the order of `FERPLUS8`.
        """
        maps = self.trunk(crops)  # (N, C, 6, 6)
        if self.attention is not None:
            maps = self.attention(maps, regions)
        features = self.tail(maps).mean((2, 3))  # (N, features)
        if self._pools_regions:
            seen = region_means(maps.flatten(2), regions.flatten(2))  # (N, 9, C)
            features = torch.cat((features, seen.flatten(1)), 1)
        if self.tower is not None:
            features = torch.cat((features, self.tower(crops, regions)), 1)
        features = self.dropout(features)
        return self.fer7(features), self.ferplus8(features)

    def gaze(self, crops: Tensor, regions: Tensor) -> Gaze | None:
        """Show where the network looks; None without attention."""
        return None if self.attention is None else self.attention.gaze(self.trunk(crops), regions)


def residual_trunk(widths: tuple[int, int, int, int], last_blocks: int = 1, cbam: bool = False) -> Trunk:
    """Build the trunk of ResNet-18 (He et al. 2015) for small grey crops; see the module for what differs.

    Args:
        widths: channels at 24x24, 12x12, 6x6 and, again, 6x6.
        last_blocks: blocks of the last stage.
        cbam: each block weighs what it adds, see `Cbam`.

    Returns:
        The trunk, (N, 1, 48, 48) → (N, widths[3], 6, 6).
    """
    first, second, third, last = widths
    block = partial(BasicBlock, cbam=cbam)
    layers = nn.Sequential(
        *_norm_conv(1, first // 2, stride=2), nn.ReLU(),
        *_norm_conv(first // 2, first), nn.ReLU(),
        block(first, first), block(first, first),
        block(first, second, stride=2), block(second, second),
        block(second, third, stride=2), block(third, third),
        block(third, last), *(block(last, last) for _ in range(1, last_blocks)),
    )  # fmt: skip
    return Trunk(layers, last, 6)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions added to what came in (He et al. 2015, figure 2).

    Where the block strides, the way around averages before its 1x1 convolution, which else would drop three quarters
    of the cells (He et al. 2018, "Bag of tricks", ResNet-D). The last norm starts at one, not at zero as there: after
    two epochs, 450 steps, scales that began at zero stood at 0.003 to 0.03, and the network was as good as shallow.
    """

    def __init__(self, before: int, width: int, stride: int = 1, cbam: bool = False) -> None:
        super().__init__()
        self.body = nn.Sequential(*_norm_conv(before, width, stride), nn.ReLU(), *_norm_conv(width, width))
        around: list[nn.Module] = [nn.AvgPool2d(stride)] if stride > 1 else []
        if before != width:
            around += [nn.Conv2d(before, width, 1, bias=False), nn.BatchNorm2d(width)]
        self.around = nn.Sequential(*around)
        self.gate = Cbam(width) if cbam else nn.Identity()
        self.relu = nn.ReLU()

    def forward(self, maps: Tensor) -> Tensor:
        """Map (N, before, H, W) to (N, width, H/stride, W/stride)."""
        return self.relu(self.around(maps) + self.gate(self.body(maps)))  # type: ignore[no-any-return]


TRUNKS: Final[dict[str, Callable[[Recipe], Trunk]]] = {
    "resnet18": lambda recipe: residual_trunk(recipe.widths, recipe.last_blocks, recipe.attention == "cbam"),
    "resnet29": lambda recipe: face_trunk(recipe.widths),
    "resnet50": lambda recipe: bottleneck_trunk(recipe.widths),
    "vgg": lambda recipe: vgg_trunk(recipe.widths),
    "inception_v3": lambda recipe: inception_trunk(),
}
"""By `Recipe.backbone`; Inception's widths are its own."""


def _norm_conv(before: int, width: int, stride: int = 1) -> tuple[nn.Module, nn.Module]:
    conv = nn.Conv2d(before, width, 3, stride, padding=1, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return conv, nn.BatchNorm2d(width)
