"""What every runtime offers: a batch of faces in, probabilities out."""

from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

import numpy as np

from engine.crops import REGIONS
from engine.errors import InferenceFailed
from engine.manifest import Manifest
from engine.readings import FaceBatch, Floats, Scores


class Runtime(Protocol):
    """Runs one network. One thread at a time unless the runtime says otherwise; use it in a `with`, or call `close`."""

    @property
    def manifest(self) -> Manifest:
        """What the loaded model expects and promises."""
        ...

    def infer(self, batch: FaceBatch) -> Scores:
        """Score a batch of faces.

        Args:
            batch: crops and regions as `engine.crops` makes them with `manifest.input`, e.g. (N, 1, 48, 48) and
                (N, 9, 6, 6) float32; any N, more than `max_batch` faces are run in several calls.

        Returns:
            `Scores`: fer7 (N, 7), ferplus8 (N, 8) or None, probabilities; views, valid until the next call.

        Raises:
            InferenceFailed: The batch has another shape, or the device rejected it; the runtime stays usable.
        """
        ...

    def close(self) -> None:
        """Free the model; a second call does nothing."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...


def check_batch(batch: FaceBatch, manifest: Manifest) -> None:
    """Refuse a batch that was not made for this model.

    Raises:
        InferenceFailed: Crops or regions have another shape than the manifest says.
    """
    spec = manifest.input
    crops = (len(batch), spec.channels, spec.size_px, spec.size_px)
    regions = (len(batch), len(REGIONS), spec.region_grid, spec.region_grid)
    for name, array, expected in (("crops", batch.crops, crops), ("regions", batch.regions, regions)):
        if array.shape != expected or array.dtype != np.float32:
            raise InferenceFailed(
                f"{manifest.name}: {name} are {array.dtype} {array.shape}, not float32 {expected};"
                " make batches with engine.crops.face_batch and this model's manifest.input"
            )


def as_served(scores: Scores, manifest: Manifest) -> Scores:
    """Turn what a network puts out into what its runtime gives: calibrated, rare classes raised.

    Args:
        scores: softmax of the network's logits, (N, 7) and (N, 8) or None.
        manifest: the network's; its temperature goes to both outputs, its offsets to the seven classes.

    Returns:
        Probabilities of the same shapes.
    """
    eight = scores.ferplus8
    return Scores(
        calibrated(scores.fer7, manifest.temperature, manifest.fer7_offsets),
        None if eight is None else calibrated(eight, manifest.temperature),
    )


def calibrated(probabilities: Floats, temperature: float, offsets: Sequence[float] | None = None) -> Floats:
    """Divide the logits behind probabilities by a temperature (Guo et al. 2017), then add to them.

    Args:
        probabilities: (N, classes), each row a softmax.
        temperature: > 0; above 1 makes the rows flatter, 1 leaves them as they are.
        offsets: a number for each class; None adds nothing, and the largest class of a row stays the largest.

    Returns:
        (N, classes) probabilities.
    """
    if temperature == 1.0 and offsets is None:
        return probabilities
    powers = np.power(probabilities / probabilities.max(axis=1, keepdims=True), np.float32(1 / temperature))
    if offsets is not None:
        powers = powers * np.exp(np.asarray(offsets, np.float32))
    served: Floats = powers / powers.sum(axis=1, keepdims=True)
    return served
