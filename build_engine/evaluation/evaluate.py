"""Figures of a shipped network, read through the runtime that serves it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from build_engine.data.dataset import has_majority, vote_shares
from build_engine.data.landmarks import AlignedFaces
from build_engine.errors import DataUnreadable
from build_engine.evaluation.metrics import Figures, calibration_error, confusion, figures, without_offsets
from engine.crops import normalise
from engine.expressions import FER7
from engine.readings import FaceBatch, Floats, Scores
from engine.runtimes.base import Runtime


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """A network on one split."""

    faces: int
    found: float
    """Share of the faces whose landmarks were found; the others were read unaligned."""
    figures: Figures
    accuracy_without_duplicates: float | None
    """Accuracy without the faces whose pixels also occur in an earlier split; None when nothing is left."""
    ferplus_accuracy: float | None
    """Accuracy of the eight-class head on the faces that FERPlus is tested on, see `has_majority`; None without the
    head or without votes."""
    ferplus_plurality_accuracy: float | None
    """The same on all faces that have a most frequent vote for an expression, however few share it."""
    ece: float
    """Expected calibration error of the seven-class head."""
    confusion: NDArray[np.int64]
    """(7, 7), rows labelled, columns read."""
    without_offsets: Figures | None
    """What the network would reach without the manifest's offsets; None: it has none."""
    ece_without_offsets: float | None


def evaluate(runtime: Runtime, faces: AlignedFaces, duplicates: NDArray[np.bool_]) -> Evaluation:
    """Read the faces of a split and compare with their labels.

    Args:
        runtime: the network, as serving loads it.
        faces: the split, cut out with `runtime.manifest.input`.
        duplicates: (N,) faces that an earlier split holds too.

    Raises:
        DataUnreadable: The split is empty.
    """
    labels = faces.labelled.labels
    if not len(labels):
        raise DataUnreadable("the data hold no face of this split: choose another with --split")
    scores = read(runtime, faces)
    hits = scores.fer7.argmax(1) == labels
    votes = faces.labelled.votes
    shares, has_plurality = vote_shares(votes)
    counts = confusion(labels, scores.fer7.argmax(1), len(FER7))
    offsets = runtime.manifest.fer7_offsets
    plain = None if offsets is None else without_offsets(scores.fer7, offsets)
    return Evaluation(
        faces=len(labels),
        found=float(faces.found.mean()),
        figures=figures(counts),
        accuracy_without_duplicates=None if duplicates.all() else float(hits[~duplicates].mean()),
        ferplus_accuracy=_ferplus_accuracy(scores, shares, has_majority(votes)),
        ferplus_plurality_accuracy=_ferplus_accuracy(scores, shares, has_plurality),
        ece=calibration_error(labels, scores.fer7),
        confusion=counts,
        without_offsets=None if plain is None else figures(confusion(labels, plain.argmax(1), len(FER7))),
        ece_without_offsets=None if plain is None else calibration_error(labels, plain),
    )


def named_figures(split: str, runtime: Runtime, faces: AlignedFaces, duplicates: NDArray[np.bool_]) -> dict[str, float]:
    """Evaluate a split for a manifest: rounded figures under names that begin with the split's; see `evaluate`."""
    evaluation = evaluate(runtime, faces, duplicates)
    values = {
        split: evaluation.figures.accuracy,
        f"{split} without duplicates": evaluation.accuracy_without_duplicates,
        f"{split} FERPlus": evaluation.ferplus_accuracy,
        f"{split} FERPlus plurality": evaluation.ferplus_plurality_accuracy,
        f"{split} ECE": evaluation.ece,
    }
    return {name: round(value, 5) for name, value in values.items() if value is not None}


def read(runtime: Runtime, faces: AlignedFaces) -> Scores:
    """Run a network over any number of faces, in batches of at most `max_batch`; the scores own their arrays."""
    batches = [_owned(runtime.infer(batch)) for batch in _batches(runtime, faces)]
    fer7 = np.concatenate([scores.fer7 for scores in batches])
    if runtime.manifest.ferplus8 is None:
        return Scores(fer7)
    return Scores(fer7, np.concatenate([scores.ferplus8 for scores in batches if scores.ferplus8 is not None]))


def _batches(runtime: Runtime, faces: AlignedFaces) -> Iterator[FaceBatch]:
    step = runtime.manifest.max_batch
    for start in range(0, len(faces.crops), step):
        crops = normalise(faces.crops[start : start + step], runtime.manifest.input)
        yield FaceBatch(crops, faces.regions[start : start + step])


def _ferplus_accuracy(scores: Scores, shares: Floats, counted: NDArray[np.bool_]) -> float | None:
    if scores.ferplus8 is None or not counted.any():
        return None
    return float((scores.ferplus8.argmax(1) == shares.argmax(1))[counted].mean())


def _owned(scores: Scores) -> Scores:
    return Scores(scores.fer7.copy(), None if scores.ferplus8 is None else scores.ferplus8.copy())
