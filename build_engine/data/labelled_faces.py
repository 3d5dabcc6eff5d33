"""Labelled faces in memory, and the official division into splits."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

CROP_PX = 48


class Split(IntEnum):
    """The official division of FER-2013; only `PUBLIC_TEST` may choose between runs."""

    TRAINING = 0
    PUBLIC_TEST = 1
    PRIVATE_TEST = 2

    @property
    def label(self) -> str:
        """The name that fer2013.csv gives to the split."""
        return ("Training", "PublicTest", "PrivateTest")[self]


@dataclass(frozen=True, slots=True, eq=False)
class LabelledFaces:
    """N grey faces and what is known of them."""

    images: NDArray[np.uint8]
    """(N, 48, 48)."""
    labels: NDArray[np.int64]
    """(N,) index into `FER7`."""
    splits: NDArray[np.int64]
    """(N,) values of `Split`."""
    votes: NDArray[np.uint8]
    """(N, 10) FERPlus votes in the order of `FERPLUS8`, then unknown and not-a-face; all zero where none are known."""

    def __len__(self) -> int:
        """Count the faces."""
        return len(self.images)

    def rows(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> "LabelledFaces":
        """Keep the chosen faces, in their order."""
        return LabelledFaces(self.images[chosen], self.labels[chosen], self.splits[chosen], self.votes[chosen])

    def of(self, split: Split) -> "LabelledFaces":
        """Keep the faces of one split."""
        return self.rows(self.splits == split)
