"""The paper's study of how the faces are divided: 90/5/5, 80/10/10 and 70/15/15 percent.

It says how a figure depends on the division, not how good a network is: the test faces come from the same crawl in
every division, so its figures cannot be set beside those of the official split.
"""

from typing import Final

import numpy as np

from build_engine.data.labelled_faces import LabelledFaces, Split
from build_engine.evaluation.classical import METHODS
from build_engine.evaluation.compare import GROUP, VARIANTS

DIVISIONS: Final[dict[str, tuple[float, float, float]]] = {
    "90-5-5": (0.90, 0.05, 0.05),
    "80-10-10": (0.80, 0.10, 0.10),
    "70-15-15": (0.70, 0.15, 0.15),
}
"""Shares for training, for choosing the epoch, and for the test (Khalid et al. 2025, section on data)."""

STUDIED: Final = tuple(name for name in (*VARIANTS, *METHODS) if name != GROUP)
"""What may be studied: all that learns from Training, and reads all seven expressions."""


def divide(
    faces: LabelledFaces, shares: tuple[float, float, float], seed: int, copies_together: bool = True
) -> LabelledFaces:
    """Divide all faces anew, whatever their official split was.

    Faces with the same pixels stay on one side unless it is asked what that is worth: FER-2013 holds hundreds of them,
    and a copy of a training face in the test is read from memory.

    Args:
        faces: labelled faces of any splits.
        shares: of training, validation and test; they sum to 1. Divisions are true to a copy group's size.
        seed: of the division.
        copies_together: keep them on one side.

    Returns:
        The same faces in the same order with new `splits`.
    """
    group = np.arange(len(faces))
    if copies_together:
        group = np.unique(faces.images.reshape(len(faces), -1), axis=0, return_inverse=True)[1].reshape(-1)
    order = np.random.default_rng(seed).permutation(group.max() + 1)
    place = np.empty(len(order))
    place[order] = np.cumsum(np.bincount(group)[order]) / len(faces)  # share of all faces up to and with the group
    edges = (shares[0], shares[0] + shares[1])
    splits = np.searchsorted(np.asarray(edges) + 0.5 / len(faces), place)[group].astype(np.int64)
    return LabelledFaces(faces.images, faces.labels, np.minimum(splits, Split.PRIVATE_TEST), faces.votes)
