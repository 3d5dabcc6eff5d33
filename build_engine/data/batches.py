"""A split of the faces as tensors, as training and validation deal it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import torch
from torch import Generator, Tensor

from build_engine.data.dataset import fer7_targets, vote_shares
from build_engine.data.landmarks import AlignedFaces
from build_engine.data.video import Filmed
from build_engine.errors import DataUnreadable
from build_engine.recipe import Recipe
from engine.crops import CropSpec
from engine.readings import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """What a run may learn from beside the N faces of Training and their labels."""

    taught: Floats | None = None
    """(N, 7) what `Recipe.teachers` read in them."""
    filmed: Filmed | None = None
    """What of them came back from a video, of `Recipe.filmed_faces`."""


NOTHING: Final = Beside()
"""Pictures and labels alone."""


class Batches:
    """One split as tensors, dealt in batches."""

    def __init__(self, recipe: Recipe, faces: AlignedFaces, beside: Beside = NOTHING) -> None:
        if not len(faces.labelled):
            raise DataUnreadable("the data hold no face of Training or none of PublicTest: both are needed to train")
        self._faces = faces
        shares, _ = vote_shares(faces.labelled.votes)
        self.crops = torch.from_numpy(faces.crops)[:, None]  # (N, 1, 48, 48) uint8
        self.regions = torch.from_numpy(faces.regions)  # (N, 9, 6, 6)
        self.labels = torch.from_numpy(faces.labelled.labels)
        self.fer7 = torch.from_numpy(fer7_targets(faces.labelled, recipe.votes_share))
        if beside.taught is not None:
            self.fer7.lerp_(torch.from_numpy(beside.taught), recipe.teachers_share)
        self.ferplus8 = torch.from_numpy(shares)  # zero rows cost nothing
        self._filmed_share = 0.0 if beside.filmed is None else recipe.filmed_share
        if beside.filmed is not None:
            seen = beside.filmed.seen
            self._filmed_row = torch.from_numpy(np.where(seen, seen.cumsum() - 1, -1))  # (N,); -1: was not found
            self._filmed_crops = torch.from_numpy(beside.filmed.faces.crops)[:, None]
            self._filmed_regions = torch.from_numpy(beside.filmed.faces.regions)

    def __len__(self) -> int:
        """Count the faces."""
        return len(self.labels)

    @cached_property
    def inside(self) -> Tensor:
        """Where the crops show their pictures, (N, 1, 48, 48) uint8; only training asks."""
        return torch.from_numpy(self._faces.inside())[:, None]

    def shown(self, rows: Tensor, generator: Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Give some faces as training shows them this time: from their picture, or from the video.

        Args:
            rows: (n,) which.
            generator: says which are shown from the video.

        Returns:
            Crops (n, 1, 48, 48) in [0, 1], regions (n, 9, 6, 6), and where each crop shows its picture, like the crops:
            one from the video does everywhere, it has its wall.
        """
        crops, regions, inside = self.crops[rows].float() / 255, self.regions[rows], self.inside[rows].float() / 255
        if self._filmed_share:
            chosen = (torch.rand(len(rows), generator=generator) < self._filmed_share) & (self._filmed_row[rows] >= 0)
            found = self._filmed_row[rows[chosen]]
            crops[chosen], regions[chosen] = self._filmed_crops[found].float() / 255, self._filmed_regions[found]
            inside[chosen] = 1.0
        return crops, regions, inside

    def normalised(self, rows: slice | Tensor) -> Tensor:
        """Give some of the crops as a network takes them, (n, 1, 48, 48)."""
        spec = CropSpec()
        return (self.crops[rows].float() / 255 - spec.mean) / spec.std
