"""What a network says of faces, in PyTorch, and how far two readings are apart."""

import numpy as np
import torch
from torch import nn

from build_engine.data.landmarks import AlignedFaces
from engine.crops import CropSpec, normalise
from engine.manifest import Manifest
from engine.readings import Floats, Scores
from engine.runtimes.base import as_served

_BATCH = 256


@torch.no_grad()
def network_logits(network: nn.Module, faces: AlignedFaces) -> tuple[Floats, Floats]:
    """Run a network in float32: logits (N, 7) and (N, 8)."""
    spec = CropSpec()
    parts = []
    for start in range(0, len(faces.crops), _BATCH):
        crops = torch.from_numpy(normalise(faces.crops[start : start + _BATCH], spec))
        parts.append(network(crops, torch.from_numpy(faces.regions[start : start + _BATCH])))
    fer7, ferplus8 = (torch.cat(part).numpy() for part in zip(*parts, strict=True))
    return fer7, ferplus8


def served(logits: tuple[Floats, Floats], manifest: Manifest) -> Scores:
    """Turn logits (N, 7) and (N, 8) into the probabilities that serving gives, see `as_served`."""
    return as_served(Scores(*(torch.softmax(torch.from_numpy(head), 1).numpy() for head in logits)), manifest)


def difference(one: Scores, other: Scores) -> float:
    """Find the largest difference of a probability between two readings of the same faces."""
    pairs = ((one.fer7, other.fer7), (one.ferplus8, other.ferplus8))
    return max(float(np.abs(a - b).max()) for a, b in pairs if a is not None and b is not None)
