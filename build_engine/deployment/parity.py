"""The same faces through PyTorch, ONNX Runtime in fp32 and in int8, and TensorRT: how far their answers lie apart."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from build_engine.data.landmarks import AlignedFaces
from build_engine.deployment.export import PARITY_TOLERANCE
from build_engine.errors import ParityBroken
from build_engine.evaluation.evaluate import read
from build_engine.evaluation.metrics import kept_class
from build_engine.evaluation.outputs import difference, network_logits, served
from build_engine.networks.exported import network_of
from engine.readings import Scores
from engine.runtimes import load_runtime

AGREEMENT_TOLERANCE: Final = 0.95
"""Least share of faces for which int8 reads the same expression as fp32; rounding only moves faces near a border.

One face may always move: among less than twenty it would be more than this share, and where a border lies is luck.
"""
MEAN_TOLERANCE: Final = 0.02
"""Largest mean difference of a probability between int8 and fp32."""


@dataclass(frozen=True, slots=True)
class Parity:
    """How the forms of one network agree."""

    faces: int
    torch_fp32: float
    """Largest difference of a probability, PyTorch against fp32 ONNX."""
    int8_agreement: float | None
    """Share of the faces on which int8 reads fp32's first class, up to `metrics.TIE`; None without an int8 file."""
    int8_mean: float | None
    """Mean difference of a probability, fp32 against int8."""

    def check(self) -> None:
        """Hold the forms to their tolerances.

        Raises:
            ParityBroken: One of them differs by more.
        """
        if not self.torch_fp32 <= PARITY_TOLERANCE:
            raise ParityBroken(
                f"PyTorch and ONNX differ by {self.torch_fp32:.1e}, more than {PARITY_TOLERANCE:.0e}: export it again"
            )
        if self.int8_agreement is None or self.int8_mean is None:
            return
        moved = (1.0 - self.int8_agreement) * self.faces
        may_move = max(1.0, (1.0 - AGREEMENT_TOLERANCE) * self.faces)
        if not (moved <= may_move + 1e-6 and self.int8_mean <= MEAN_TOLERANCE):
            raise ParityBroken(
                f"int8 agrees with fp32 on {self.int8_agreement:.1%} of the faces with a mean difference of"
                f" {self.int8_mean:.4f}; {AGREEMENT_TOLERANCE:.0%} and {MEAN_TOLERANCE} are needed: quantize it again"
            )


def compare_forms(fp32: Path, int8: Path | None, faces: AlignedFaces) -> Parity:
    """Read the same faces with every form of a network.

    Args:
        fp32: `.onnx` file of `build-engine export`; PyTorch takes its weights from it.
        int8: file of `build-engine quantize`, if there is one.
        faces: any.

    Raises:
        ModelRefused: A file or its manifest does not fit.
        RunUnusable: The fp32 file does not hold the network of its recipe.
    """
    with load_runtime(fp32) as runtime:
        read_now = read(runtime, faces)
        trained = served(network_logits(network_of(fp32), faces), runtime.manifest)
    rounded: Scores | None = None
    if int8 is not None:
        with load_runtime(int8) as runtime:
            rounded = read(runtime, faces)
    return Parity(
        faces=len(faces.crops),
        torch_fp32=difference(trained, read_now),
        int8_agreement=kept_class(read_now.fer7, rounded.fer7) if rounded else None,
        int8_mean=float(np.abs(rounded.fer7 - read_now.fer7).mean()) if rounded else None,
    )
