"""Two looks at each face: what a network reads in their mean is what another one learns from it."""

from dataclasses import replace

import numpy as np

from build_engine.data.augment import mirror_order
from build_engine.data.landmarks import AlignedFaces
from build_engine.evaluation.evaluate import read
from build_engine.evaluation.metrics import without_offsets
from engine.crops import REGIONS
from engine.readings import Floats
from engine.runtimes.base import Runtime


def read_both_ways(runtime: Runtime, faces: AlignedFaces) -> Floats:
    """Read each face as it is and in a mirror.

    Returns:
        (N, 7) mean probabilities, as they were before the manifest's offsets.
    """
    in_mirror = mirror_order(REGIONS).numpy()
    mirrored = replace(faces, crops=faces.crops[..., ::-1], regions=faces.regions[:, in_mirror, :, ::-1])
    offsets = runtime.manifest.fer7_offsets
    looks = [read(runtime, seen).fer7 for seen in (faces, mirrored)]
    mean: Floats = np.mean([fer7 if offsets is None else without_offsets(fer7, offsets) for fer7 in looks], axis=0)
    return mean
