"""Fits a learned head: proportional odds, penalised, by Newton's method."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.engagement.evaluation.clips import LEVELS
from bot.engagement.evaluation.figures import Values
from bot.engagement.learned_head import FEATURES, features
from bot.engagement.values import PersonValues

PENALTY: Final = 1.0
"""Of the squared weights, beside a log likelihood summed over clips: as much as a dozen clips say."""
_STEPS: Final = 100
_SMALL: Final = 1e-6
_NUDGE: Final = 1e-5
_LEAST: Final = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class FittedHead:
    """The numbers of `LearnedHead`."""

    means: Values
    scales: Values
    weights: Values
    missing: Values
    thresholds: Values

    def expected(self, seen: Values) -> Values:
        """Score (N, F) features, NaN for missing, as `LearnedHead.expected` does one by one: (N,) in [0, 1]."""
        total = _design(seen, self.means, self.scales) @ np.concatenate([self.weights, self.missing])
        scores: Values = _logistic(total[:, None] - self.thresholds).mean(1)
        return scores


def matrix(said: Sequence[Sequence[PersonValues]]) -> Values:
    """Return the features of N clips, (N, F): the mean over a clip's seconds, NaN where none was measured."""
    rows = np.full((len(said), len(FEATURES)), np.nan)
    for row, values in zip(rows, said, strict=True):
        seen = np.array([features(each) for each in values if each.index is not None], dtype=np.float64)
        if len(seen):
            known = ~np.isnan(seen)
            row[:] = np.where(known.any(0), np.where(known, seen, 0).sum(0) / np.maximum(known.sum(0), 1), np.nan)
    return rows


def fit_head(seen: Values, labels: NDArray[np.int64]) -> FittedHead:
    """Fit a head.

    Args:
        seen: (N, F) as `matrix` makes it, N ≥ 1.
        labels: (N,) 0 to 3.
    """
    known = ~np.isnan(seen)
    count = np.maximum(known.sum(0), 1)
    means = np.where(known, seen, 0).sum(0) / count
    spread = np.sqrt(np.where(known, (seen - means) ** 2, 0).sum(0) / count)
    scales = np.where(spread > _SMALL, spread, 1.0)
    design = _design(seen, means, scales)
    width = design.shape[1]
    above = (np.bincount(labels, minlength=LEVELS)[::-1].cumsum()[::-1][1:] + 0.5) / (len(labels) + 1)
    first = -np.log(above / (1 - above))  # thresholds of a head that looks at nothing
    found = np.concatenate([np.zeros(width), first[:1], np.log(np.maximum(np.diff(first), _SMALL))])
    loss, slope = _loss(found, design, labels)
    for _ in range(_STEPS):
        if np.abs(slope).max() < _SMALL:
            break
        found, loss, slope, moved = _step(found, loss, slope, design, labels)
        if not moved:
            break
    weights = found[:width]
    half = width // 2
    return FittedHead(means, scales, weights[:half], weights[half:], _thresholds(found[width:]))


def _design(seen: Values, means: Values, scales: Values) -> Values:
    known = ~np.isnan(seen)
    return np.concatenate([np.where(known, (seen - means) / scales, 0.0), (~known).astype(np.float64)], 1)


def _thresholds(free: Values) -> Values:
    return np.cumsum(np.concatenate([free[:1], np.exp(free[1:])]))


def _loss(found: Values, design: Values, labels: NDArray[np.int64]) -> tuple[float, Values]:
    """Compute the penalised negative log likelihood and its gradient."""
    width = design.shape[1]
    weights, free = found[:width], found[width:]
    edges = np.concatenate([[-np.inf], _thresholds(free), [np.inf]])
    total = design @ weights
    upper, lower = _logistic(edges[labels + 1] - total), _logistic(edges[labels] - total)
    share = np.maximum(upper - lower, _LEAST)
    at_upper, at_lower = upper * (1 - upper) / share, lower * (1 - lower) / share
    slope = np.zeros_like(found)
    slope[:width] = design.T @ (at_upper - at_lower) + PENALTY * weights
    by_edge = np.zeros(LEVELS + 1)
    np.add.at(by_edge, labels + 1, -at_upper)
    np.add.at(by_edge, labels, at_lower)
    of_threshold = by_edge[1:LEVELS]
    slope[width] = of_threshold.sum()
    slope[width + 1 :] = of_threshold[::-1].cumsum()[::-1][1:] * np.exp(free[1:])
    loss = float(-np.log(share).sum() + PENALTY / 2 * weights @ weights + _SMALL * np.exp(-free[1:]).sum())
    slope[width + 1 :] -= _SMALL * np.exp(-free[1:])
    return loss, slope


def _step(
    found: Values, loss: float, slope: Values, design: Values, labels: NDArray[np.int64]
) -> tuple[Values, float, Values, bool]:
    """Take a damped Newton step; its curvature is by differences of the gradient."""
    curvature = np.stack([
        (_loss(found + nudge, design, labels)[1] - _loss(found - nudge, design, labels)[1]) / (2 * _NUDGE)
        for nudge in _NUDGE * np.eye(len(found))
    ])  # fmt: skip
    values, vectors = np.linalg.eigh((curvature + curvature.T) / 2)
    direction = -vectors @ ((vectors.T @ slope) / np.maximum(np.abs(values), _SMALL))
    for halving in range(30):
        tried = found + direction / 2**halving
        new_loss, new_slope = _loss(tried, design, labels)
        if new_loss < loss:
            return tried, new_loss, new_slope, True
    return found, loss, slope, False


def _logistic(x: Values) -> Values:
    return 1.0 / (1.0 + np.exp(-np.clip(x, -60.0, 60.0)))
