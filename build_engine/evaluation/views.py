"""Several looks at each face: in their mean a network reads it better, and another one learns from it."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

import numpy as np

from build_engine.data.augment import mirror_order
from build_engine.data.landmarks import AlignedFaces
from build_engine.evaluation.evaluate import read
from build_engine.evaluation.metrics import without_offsets
from engine.crops import REGIONS
from engine.readings import Floats, Scores
from engine.runtimes.base import Runtime

BOTH_WAYS: Final = ((0, 0, False), (0, 0, True))
"""As it is, and in a mirror: pixels down, pixels to the right, mirrored."""
TEN: Final = tuple(
    (down, right, mirrored) for mirrored in (False, True) for down, right in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))
)
"""The same, and moved by a pixel in each direction."""


def read_both_ways(runtime: Runtime, faces: AlignedFaces) -> Floats:
    """Read each face as it is and in a mirror.

    Returns:
        (N, 7) mean probabilities, as they were before the manifest's offsets.
    """
    return read_views(runtime, faces, BOTH_WAYS).fer7


def read_views(runtime: Runtime, faces: AlignedFaces, views: Iterable[tuple[int, int, bool]] = TEN) -> Scores:
    """Read each face in several views.

    Args:
        runtime: the network, as serving loads it.
        faces: N faces.
        views: as in `BOTH_WAYS`; regions stay where they are when a face moves, which a pixel bears.

    Returns:
        Mean probabilities, those of the seven classes as they were before the manifest's offsets.
    """
    offsets = runtime.manifest.fer7_offsets
    looks = [read(runtime, _seen(faces, *view)) for view in views]
    fer7 = np.mean([look.fer7 if offsets is None else without_offsets(look.fer7, offsets) for look in looks], axis=0)
    ferplus8 = [look.ferplus8 for look in looks if look.ferplus8 is not None]
    return Scores(fer7, np.mean(ferplus8, axis=0) if ferplus8 else None)


def _seen(faces: AlignedFaces, down: int, right: int, mirrored: bool) -> AlignedFaces:
    padded = np.pad(faces.crops, ((0, 0), (1, 1), (1, 1)), mode="edge")
    height, width = faces.crops.shape[1:]
    top, left = 1 - down, 1 - right
    moved = replace(faces, crops=padded[:, top : top + height, left : left + width])
    if not mirrored:
        return moved
    in_mirror = mirror_order(REGIONS).numpy()
    return replace(moved, crops=moved.crops[..., ::-1], regions=moved.regions[:, in_mirror, :, ::-1])
