"""Inputs of noise, for networks whose answers do not matter."""

import numpy as np

from engine.crops import REGIONS, CropSpec
from engine.readings import Floats

_SEED = 2013


def random_faces(count: int, spec: CropSpec) -> tuple[Floats, Floats]:
    """Draw crops (N, C, H, W) from a normal distribution and regions (N, 9, G, G) from [0, 1)."""
    random = np.random.default_rng(_SEED)
    crops = random.standard_normal((count, spec.channels, spec.size_px, spec.size_px), np.float32)
    return crops, random.random((count, len(REGIONS), spec.region_grid, spec.region_grid), np.float32)
