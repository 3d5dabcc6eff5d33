"""Attention over the feature grid: where to look, guided by the face's landmarks, and which channels to trust.

The paper says that landmarks are anchors that bias self-attention towards expressive regions and that regions have
scores that depend on the image, `A = softmax(Q Kᵀ / √d)`; how, it leaves open. Here a cell's logit grows by the sum of
the scores of the regions that lie on it:

    A = softmax(Q Kᵀ / √d + S M),   S = scores (heads, 9) of this face,   M = region maps (9, cells)

A region's score is a learned prior plus a small network's answer to what the face shows there. A face without
landmarks has M = 0: the bias vanishes and plain self-attention is left.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from engine.crops import REGIONS, CropSpec

_SCORE_WIDTH = 32
_SQUEEZE = 8  # channel attention: width of its middle layer, as a divisor


class Gaze(NamedTuple):
    """Where the attention looks."""

    weights: Tensor
    """(N, heads, cells, cells): row i says what cell i looks at; rows sum to 1."""
    scores: Tensor | None
    """(N, 9, heads) score of each region in this face; None without guidance."""


class RegionAttention(nn.Module):
    """Self-attention over the cells of a feature grid, then attention over channels, added to what came in."""

    def __init__(self, channels: int, heads: int, guided: bool, grid: int = CropSpec().region_grid) -> None:
        """Prepare a layer that at first changes little: what it adds starts at a fifth of what comes in.

        Args:
            channels: of the maps; queries, keys and values have half as many.
            heads: divides half the channels.
            guided: let landmarks bias the logits; without, this is plain self-attention.
            grid: G, side of the feature grid; on a coarser one than theirs the region maps are pooled.
        """
        super().__init__()
        inner = channels // 2
        self._heads, self._depth = heads, inner // heads
        self._cells = grid**2
        self.coarsen = nn.MaxPool2d(CropSpec().region_grid // grid)
        self.project = nn.Conv2d(channels, 3 * inner, 1)
        self.merge = nn.Sequential(nn.Conv2d(inner, channels, 1, bias=False), nn.BatchNorm2d(channels))
        nn.init.constant_(self.merge[1].weight, 0.2)  # type: ignore[arg-type]
        self.channel_gate = nn.Sequential(
            nn.Linear(channels, channels // _SQUEEZE),
            nn.ReLU(),
            nn.Linear(channels // _SQUEEZE, channels),
            nn.Sigmoid(),
        )
        self.guide = RegionScores(channels, heads) if guided else None

    def forward(self, maps: Tensor, regions: Tensor) -> Tensor:
        """Look around.

        Args:
            maps: (N, C, G, G) features.
            regions: (N, 9, 6, 6) region maps; zeros are neutral.

        Returns:
            (N, C, G, G).
        """
        query, key, value = self._projected(maps)
        weights = self._gaze(query, key, maps, regions).weights
        attended = (value @ weights.transpose(2, 3)).reshape(-1, self._heads * self._depth, *maps.shape[2:])
        mixed = torch.relu(maps + self.merge(attended))  # (N, C, G, G)
        return mixed * self.channel_gate(mixed.mean((2, 3)))[:, :, None, None]  # type: ignore[no-any-return]

    def gaze(self, maps: Tensor, regions: Tensor) -> Gaze:
        """Show where the layer looks in these maps; arguments as in `forward`."""
        query, key, _ = self._projected(maps)
        return self._gaze(query, key, maps, regions)

    def _projected(self, maps: Tensor) -> tuple[Tensor, ...]:
        """Compute queries, keys and values, each (N, heads, depth, cells)."""
        return self.project(maps).reshape(-1, 3, self._heads, self._depth, self._cells).unbind(1)  # type: ignore[no-any-return]

    def _gaze(self, query: Tensor, key: Tensor, maps: Tensor, regions: Tensor) -> Gaze:
        logits = query.transpose(2, 3) @ key / math.sqrt(self._depth)  # (N, heads, cells, cells)
        if self.guide is None:
            return Gaze(logits.softmax(3), None)
        places = self.coarsen(regions).flatten(2)  # (N, 9, cells)
        scores = self.guide(maps.flatten(2), places)  # (N, 9, heads)
        bias = scores.transpose(1, 2) @ places  # (N, heads, cells)
        return Gaze((logits + bias[:, :, None]).softmax(3), scores)


class RegionScores(nn.Module):
    """Scores the facial regions of each face by what is seen in them: the paper's dynamic region attention."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.prior = nn.Parameter(torch.zeros(len(REGIONS), heads))
        self.look = nn.Sequential(nn.Linear(channels, _SCORE_WIDTH), nn.Tanh(), nn.Linear(_SCORE_WIDTH, heads))

    def forward(self, cells: Tensor, places: Tensor) -> Tensor:
        """Score each region.

        Args:
            cells: (N, C, cells) features.
            places: (N, 9, cells) region maps.

        Returns:
            (N, 9, heads); adding a region's score to a head's logits makes it look there.
        """
        return self.prior + self.look(region_means(cells, places))  # type: ignore[no-any-return]


def region_means(cells: Tensor, places: Tensor) -> Tensor:
    """Average what is seen over each region.

    Args:
        cells: (N, C, cells) features.
        places: (N, 9, cells) region maps.

    Returns:
        (N, 9, C); zeros for a region that lies nowhere.
    """
    # Clamped, not added to: int8 rounds additions, and would round what is added here to the nothing it shall prevent.
    return places @ cells.transpose(1, 2) / places.sum(2, keepdim=True).clamp(min=1e-3)
