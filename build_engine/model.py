"""The plain CNN of the paper's text, whole: the static network that every later one is compared with."""

from collections.abc import Iterator

from torch import Tensor, nn

from build_engine.recipe import Recipe
from engine.expressions import FER7, FERPLUS8

CROP_PX = 48


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
