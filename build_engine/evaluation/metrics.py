"""Pure figures of a classifier: from labels and probabilities to accuracy, macro averages and calibration."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.readings import Floats

TIE: Final = 0.005
"""Two expressions whose probabilities lie as close are both the first: which one is read means nothing."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a confusion matrix says; all lie in [0, 1]."""

    accuracy: float
    macro_precision: float
    macro_recall: float
    macro_f1: float
    precision: tuple[float, ...]
    """Of each class, in the order of the matrix."""
    recall: tuple[float, ...]


def confusion(labels: NDArray[np.int64], read: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Count how often each class was read as each.

    Args:
        labels: (N,) true classes.
        read: (N,) classes read.
        classes: C.

    Returns:
        (C, C), rows true, columns read.
    """
    return np.bincount(labels * classes + read, minlength=classes**2).reshape(classes, classes)


def figures(counts: NDArray[np.int64]) -> Figures:
    """Compute accuracy and unweighted means over the classes that occur.

    A class that was never read has precision 0.

    Args:
        counts: (C, C) as `confusion` returns it.
    """
    occurs = counts.sum(1) > 0
    hits = np.diag(counts).astype(np.float64)
    precision = hits / np.maximum(counts.sum(0), 1)
    recall = hits / np.maximum(counts.sum(1), 1)
    f1 = 2 * hits / np.maximum(counts.sum(0) + counts.sum(1), 1)
    return Figures(
        accuracy=float(hits.sum() / max(counts.sum(), 1)),
        macro_precision=float(precision[occurs].mean()),
        macro_recall=float(recall[occurs].mean()),
        macro_f1=float(f1[occurs].mean()),
        precision=tuple(precision.tolist()),
        recall=tuple(recall.tolist()),
    )


def kept_class(exact: Floats, other: Floats, tie: float = TIE) -> float:
    """Compute the share of faces on which another form of a network reads a class that is first in the exact one.

    Args:
        exact: (N, C) probabilities.
        other: (N, C) probabilities of the same faces.
        tie: classes whose exact probabilities differ by no more are both first.
    """
    chosen = np.take_along_axis(exact, other.argmax(1)[:, None], axis=1)[:, 0]
    return float((exact.max(1) - chosen <= tie).mean())


def calibration_error(labels: NDArray[np.int64], probabilities: Floats, bins: int = 15) -> float:
    """Compute the expected calibration error of the top class (Guo et al. 2017, eq. 3) over bins of equal width.

    Args:
        labels: (N,) true classes.
        probabilities: (N, C).
        bins: bins of [0, 1].

    Returns:
        Mean distance of confidence and accuracy in [0, 1], weighted by the faces in each bin.
    """
    confidence = probabilities.max(1).astype(np.float64)
    hits = probabilities.argmax(1) == labels
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    gaps = np.abs(np.bincount(place, confidence - hits, bins))
    return float(gaps.sum() / len(labels))


def fit_temperature(labels: NDArray[np.int64], logits: Floats) -> float:
    """Find the temperature that makes softmax(logits / T) most likely (Guo et al. 2017, section 4.2).

    Args:
        labels: (N,) true classes of a validation split.
        logits: (N, C).

    Returns:
        T in [0.25, 4], to 0.1 %; the likelihood has one maximum in 1/T, so a golden-section search finds it.
    """

    def loss(log_temperature: float) -> float:
        scaled = logits.astype(np.float64) / np.exp(log_temperature)
        top = scaled.max(1, keepdims=True)
        normaliser = top[:, 0] + np.log(np.exp(scaled - top).sum(1))
        return float((normaliser - scaled[np.arange(len(labels)), labels]).mean())

    low, high = np.log(0.25), np.log(4.0)
    golden = (np.sqrt(5) - 1) / 2
    while high - low > 0.001:
        left, right = high - golden * (high - low), low + golden * (high - low)
        low, high = (low, right) if loss(left) < loss(right) else (left, high)
    return float(np.exp((low + high) / 2))


def prior_offsets(labels: NDArray[np.int64], classes: int, strength: float) -> tuple[float, ...]:
    """Compute what to add to logits so that rare classes are read more often (Menon et al. 2021, eq. 9).

    A network learns how frequent a class is among its training faces; where faces come from elsewhere, that is a habit
    and no knowledge.

    Args:
        labels: (N,) classes of the training faces; a class that is not among them counts as one face.
        classes: C.
        strength: τ: 0 trusts the shares of the training data, 1 takes all classes for equally frequent.

    Returns:
        C numbers, −τ·log of each class's share.
    """
    shares = np.maximum(np.bincount(labels, minlength=classes), 1) / len(labels)
    return tuple((-strength * np.log(shares)).tolist())


def without_offsets(probabilities: Floats, offsets: tuple[float, ...]) -> Floats:
    """Take offsets out of probabilities again: (N, C) as they were before these were added to their logits."""
    weights = probabilities / np.exp(np.asarray(offsets, np.float32))
    before: Floats = weights / weights.sum(1, keepdims=True)
    return before
