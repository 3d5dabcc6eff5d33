"""How far a network's answers move when its types change, and how far they may."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import onnx

from build_engine.data.landmarks import AlignedFaces
from build_engine.deployment.plan import typed_network
from build_engine.deployment.plan_builder import Precision
from build_engine.errors import ParityBroken
from build_engine.evaluation.evaluate import read
from build_engine.evaluation.metrics import kept_class
from engine.manifest import digest, load_manifest, write_manifest
from engine.readings import Scores
from engine.runtimes import load_runtime

FACES: Final = 500
"""As many are compared."""
_LARGEST: Final[dict[str, float]] = {"fp32": 1e-3, "fp16": 0.01}
"""Largest difference of a probability from fp32 on ONNX Runtime. Rounding to int8 moves some faces further."""
_MEAN: Final = 0.02
"""Largest mean difference in int8."""
_SAME: Final[dict[str, float]] = {"fp32": 0.995, "fp16": 0.995, "int8": 0.95}
"""Least share of faces that keep their first class; those that do not lie near a border."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two forms of one network on the same faces; differences are of probabilities, over both heads."""

    faces: int
    largest: float
    mean: float
    same: float
    """Share of the faces with the same first of the seven classes, up to `metrics.TIE`."""

    def check(self, precision: str) -> None:
        """Hold the second form to the tolerance of its precision.

        Raises:
            ParityBroken: It differs by more.
        """
        largest, same = _LARGEST.get(precision, 1.0), _SAME[precision]
        if not (self.largest <= largest and self.mean <= _MEAN and self.same >= same):
            raise ParityBroken(
                f"{precision} differs from fp32 on ONNX Runtime by {self.largest:.4f} at most, {self.mean:.4f} on"
                f" average, and keeps {self.same:.1%} of the classes; {largest}, {_MEAN} and {same:.1%} are allowed:"
                " choose a wider precision"
            )


def agreement(exact: Scores, other: Scores) -> Agreement:
    """Compare two readings of the same faces."""
    pairs = ((exact.fer7, other.fer7), (exact.ferplus8, other.ferplus8))
    differences = [np.abs(one - two) for one, two in pairs if one is not None and two is not None]
    return Agreement(
        faces=len(exact.fer7),
        largest=max(float(difference.max()) for difference in differences),
        mean=max(float(difference.mean()) for difference in differences),
        same=kept_class(exact.fer7, other.fer7),
    )


def read_file(model: Path, faces: AlignedFaces) -> Scores:
    """Read faces with an engine file, `.onnx` or `.plan`; see `read`."""
    with load_runtime(model) as runtime:
        return read(runtime, faces)


def read_typed(model: Path, precision: Precision, faces: AlignedFaces) -> Scores:
    """Read faces on the CPU with the very network that a plan is built of: proves its types without a GPU.

    Args:
        model: fp32 `.onnx` file with manifest.
        precision: of the plan.
        faces: any.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / model.name
        onnx.save(typed_network(model, precision), path)
        changes = {"precision": precision, "sha256": digest(path)}
        write_manifest(load_manifest(model).model_copy(update=changes), path)
        return read_file(path, faces)
