"""Figures of levels beside labels: from counts to macro-F1, weighted kappa, error and balanced accuracy."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.engagement.evaluation.clips import LEVELS

Values = NDArray[np.float64]
Counts = NDArray[np.int64]
"""(…, 4, 4): how often each label (rows) was given each level (columns)."""

_DISTANCE: Final[Values] = np.abs(np.subtract.outer(np.arange(LEVELS), np.arange(LEVELS))).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Figures:
    """Each of shape (…), as the counts it comes from; NaN where it is not defined."""

    macro_f1: Values
    """Unweighted mean over the levels that were labelled or given."""
    qwk: Values
    """Quadratic weighted kappa (Cohen 1968): 1 agrees, 0 is chance; not defined where there is but one level."""
    mae: Values
    """Mean distance in levels."""
    balanced_accuracy: Values
    """Mean recall over the levels that were labelled."""
    accuracy: Values

    def value(self, name: str) -> float | None:
        """Return one of a single matrix; None where it is not defined."""
        number = float(getattr(self, name))
        return None if np.isnan(number) else number


def confusion(labels: NDArray[np.int64], given: NDArray[np.int64]) -> Counts:
    """Count (N,) labels against (N,) given levels: (4, 4)."""
    return np.bincount(labels * LEVELS + given, minlength=LEVELS**2).reshape(LEVELS, LEVELS)


def figures(counts: Counts) -> Figures:
    """Compute all figures of each matrix."""
    labelled, given, hits = counts.sum(-1), counts.sum(-2), np.diagonal(counts, axis1=-2, axis2=-1)
    all_ = counts.sum((-2, -1))
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = labelled[..., :, None] * given[..., None, :] / all_[..., None, None]
        return Figures(
            macro_f1=_mean_over(2 * hits / (labelled + given), labelled + given > 0),
            qwk=_one_minus((_DISTANCE**2 * counts).sum((-2, -1)), (_DISTANCE**2 * expected).sum((-2, -1))),
            mae=(_DISTANCE * counts).sum((-2, -1)) / all_,
            balanced_accuracy=_mean_over(hits / labelled, labelled > 0),
            accuracy=hits.sum(-1) / all_,
        )


def spearman(scores: Values, labels: NDArray[np.int64]) -> float | None:
    """Correlate the ranks of (N,) scores and labels, ties at their mean rank; None where one of them is constant."""
    if len(scores) < 2 or np.ptp(scores) == 0 or np.ptp(labels) == 0:
        return None
    return float(np.corrcoef(_ranks(scores), _ranks(labels.astype(np.float64)))[0, 1])


def _ranks(values: Values) -> Values:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Values = ((2 * last - counts - 1) / 2)[place]
    return ranks


def _mean_over(values: Values, counted: NDArray[np.bool_]) -> Values:
    means: Values = np.where(counted, values, 0.0).sum(-1) / counted.sum(-1)
    return means


def _one_minus(observed: Values, expected: Values) -> Values:
    kappa: Values = np.where(expected > 0, 1 - observed / expected, np.nan)
    return kappa
