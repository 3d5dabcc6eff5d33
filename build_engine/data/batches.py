"""A split of the faces as tensors, as training and validation deal it."""

from functools import cached_property

import torch
from torch import Tensor

from build_engine.data.dataset import fer7_targets, vote_shares
from build_engine.data.landmarks import AlignedFaces
from build_engine.errors import DataUnreadable
from build_engine.recipe import Recipe
from engine.crops import CropSpec
from engine.readings import Floats


class Batches:
    """One split as tensors, dealt in batches."""

    def __init__(self, recipe: Recipe, faces: AlignedFaces, taught: Floats | None = None) -> None:
        if not len(faces.labelled):
            raise DataUnreadable("the data hold no face of Training or none of PublicTest: both are needed to train")
        self._faces = faces
        shares, _ = vote_shares(faces.labelled.votes)
        self.crops = torch.from_numpy(faces.crops)[:, None]  # (N, 1, 48, 48) uint8
        self.regions = torch.from_numpy(faces.regions)  # (N, 9, 6, 6)
        self.labels = torch.from_numpy(faces.labelled.labels)
        self.fer7 = torch.from_numpy(fer7_targets(faces.labelled, recipe.votes_share))
        if taught is not None:
            self.fer7.lerp_(torch.from_numpy(taught), recipe.teachers_share)
        self.ferplus8 = torch.from_numpy(shares)  # zero rows cost nothing

    def __len__(self) -> int:
        """Count the faces."""
        return len(self.labels)

    @cached_property
    def inside(self) -> Tensor:
        """Where the crops show their pictures, (N, 1, 48, 48) uint8; only training asks."""
        return torch.from_numpy(self._faces.inside())[:, None]

    def normalised(self, rows: slice | Tensor) -> Tensor:
        """Give some of the crops as a network takes them, (n, 1, 48, 48)."""
        spec = CropSpec()
        return (self.crops[rows].float() / 255 - spec.mean) / spec.std
