"""Cuts that turn a score into four levels: our own, or fitted to labels."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.engagement.evaluation.clips import LEVELS
from bot.engagement.evaluation.figures import Values

Cuts = tuple[float, float, float]
_ROUNDING: Final = 1e-9
_GRID: Final = np.arange(1, 101) / 100
"""Where a cut may lie: more digits would be of the clips it was fitted to."""
_TIE: Final = 1e-12
_STEPS: Final = np.array([[(label - m) ** 2 - (label - m + 1) ** 2 for label in range(LEVELS)] for m in (1, 2, 3)])
_PLACES: Final = np.arange(len(_GRID))
_ASCENDING: Final = (_PLACES[:, None, None] <= _PLACES[None, :, None]) & (_PLACES[:, None] <= _PLACES)[None]


def levels_of(scores: Values, cuts: Cuts) -> NDArray[np.int64]:
    """Give the level 0 to 3 of (N,) scores in [0, 1]: that of the index, `bot.engagement.levels.raw_level`."""
    levels: NDArray[np.int64] = (scores[:, None] >= np.asarray(cuts) - _ROUNDING).sum(1)
    return levels


def fit_cuts(scores: Values, labels: NDArray[np.int64], ours: Cuts) -> Cuts:
    """Find the cuts whose levels agree best with labels, by quadratic weighted kappa: of all on a grid of 0.01.

    Args:
        scores: (N,) in [0, 1].
        labels: (N,) 0 to 3.
        ours: of cuts that agree equally well, those nearest to these are taken; returned where labels decide nothing.
    """
    counts = np.bincount(labels, minlength=LEVELS)
    if np.count_nonzero(counts) < 2:
        return ours
    above = scores[:, None] >= _GRID - _ROUNDING  # (N, 100)
    reached = np.stack([above[labels == label].sum(0) for label in range(LEVELS)])  # (4, 100)
    # Squared distances summed over clips change by so much where a cut lifts those above it from level m − 1 to m.
    each = _STEPS @ reached  # (3, 100): beside their own labels
    blind = (_STEPS @ counts)[:, None] * reached.sum(0) / len(labels)  # beside labels drawn at random
    start = float(counts @ np.arange(LEVELS) ** 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        disagreement = (start + _summed(each)) / (start + _summed(blind))  # (100, 100, 100), 1 − kappa
    disagreement[~_ASCENDING] = np.inf
    best = _GRID[np.argwhere(disagreement <= np.nanmin(disagreement) + _TIE)]
    first, second, third = best[np.abs(best - np.asarray(ours)).sum(1).argmin()].tolist()
    return first, second, third


def _summed(by_cut: Values) -> Values:
    sums: Values = by_cut[0][:, None, None] + by_cut[1][None, :, None] + by_cut[2][None, None, :]
    return sums
