"""Intervals by drawing people anew: clips of one person are alike, so people and not clips are the sample."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.engagement.evaluation.figures import Counts, Values, confusion

Interval = tuple[float, float]
"""95 %."""
Figure = Callable[[NDArray[np.int64]], float | None]
"""Takes the numbers of clips, drawn ones as often as they were."""
SEED: Final = 2026
DRAWS: Final = 1000


class People:
    """People of N clips, drawn with replacement as often as there are people; the same draws on every run."""

    def __init__(self, people: list[str], draws: int = DRAWS) -> None:
        names, self._person = np.unique(np.asarray(people, dtype=object).astype(str), return_inverse=True)
        self.count = len(names)
        chance = np.random.default_rng(SEED)
        even = np.full(self.count, 1 / max(self.count, 1))
        self._times = chance.multinomial(self.count, even, size=draws) if self.count else np.empty((0, 0), np.int64)
        """(draws, people): how often each is drawn."""

    def counts(self, labels: NDArray[np.int64], given: NDArray[np.int64], kept: NDArray[np.bool_]) -> Counts:
        """Count each draw's levels beside labels, of the clips that are kept: (draws, 4, 4)."""
        each = np.stack([
            confusion(labels[mine], given[mine])
            for mine in ((self._person == number) & kept for number in range(self.count))
        ])  # fmt: skip
        return np.tensordot(self._times, each, 1)

    def sums(self, values: Values) -> Values:
        """Add up (N, …) values of each draw's clips: (draws, …)."""
        each = np.zeros((self.count, *values.shape[1:]))
        np.add.at(each, self._person, values)
        return np.tensordot(self._times, each, 1)

    def interval_of(self, figure: Figure, kept: NDArray[np.bool_]) -> Interval | None:
        """Give the interval of a figure that no counts give, of the clips that are kept."""
        of_person = [np.flatnonzero((self._person == number) & kept) for number in range(self.count)]
        drawn = []
        for times in self._times:
            clips = np.concatenate([np.tile(mine, often) for mine, often in zip(of_person, times, strict=True)])
            drawn.append(figure(clips))
        return self.interval(np.asarray([np.nan if each is None else each for each in drawn], np.float64))

    def interval(self, drawn: Values) -> Interval | None:
        """Give the interval of a figure from its value in every draw; None of one person, or where none is defined."""
        known = drawn[~np.isnan(drawn)]
        if self.count < 2 or not len(known):
            return None
        low, high = np.percentile(known, (2.5, 97.5)).tolist()
        return low, high
