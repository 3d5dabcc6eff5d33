"""Gaps between groups of people that a data set names: in the index at equal label, in what is null, in errors."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.engagement.evaluation.bootstrap import Interval, People
from bot.engagement.evaluation.clips import LEVELS, LabelledClip
from bot.engagement.evaluation.figures import Values, figures

MEASURED: Final = ("index", "null_rate", "mae", "qwk")


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One group on one side of the division."""

    group: str
    people: int
    clips: int
    values: dict[str, float | None]
    """By `MEASURED`: mean index, share not measurable, mean distance in levels, weighted kappa."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Two groups that differ most in one figure."""

    figure: str
    """Of `MEASURED`; `index` at equal label: the mean over the labels that both have."""
    higher: str
    lower: str
    by: float
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Gaps:
    """All groups of one kind on one side."""

    grouping: str
    judged: str
    rows: tuple[GroupRow, ...]
    largest: tuple[Gap, ...]


def gaps(clips: Sequence[LabelledClip], side: str, score: Values, given: NDArray[np.int64]) -> list[Gaps]:
    """Compare the groups of every grouping that has two.

    Args:
        clips: N of one side.
        side: its name.
        score: (N,) index, NaN where it was not measurable.
        given: (N,) levels.
    """
    found = []
    for grouping in sorted({name for clip in clips for name in clip.groups}):
        of_clip = [clip.groups.get(grouping, "") for clip in clips]
        names = sorted({group for group in of_clip if group})
        if len(names) > 1:
            found.append(_compare(grouping, side, names, clips, of_clip, score, given))
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """Sums over clips by group, (…, G, …), of which every figure is made."""

    index: Values
    """(…, G, 4): of the index by label."""
    counts: Values
    """(…, G, 4, 4)."""
    clips: Values
    """(…, G)."""

    def figure(self, name: str) -> Values:
        """Give (…, G)."""
        measured = self.counts.sum((-2, -1))
        with np.errstate(invalid="ignore", divide="ignore"):
            if name == "index":
                mean: Values = self.index.sum(-1) / measured
                return mean
            if name == "null_rate":
                rate: Values = 1 - measured / self.clips
                return rate
            value: Values = getattr(figures(self.counts.astype(np.int64)), name)
            return value

    def difference(self, name: str, one: int, other: int) -> Values:
        """Give (…): by how much one group exceeds another."""
        if name != "index":
            values = self.figure(name)
            difference: Values = values[..., one] - values[..., other]
            return difference
        labelled = self.counts.sum(-1)  # (…, G, 4)
        with np.errstate(invalid="ignore", divide="ignore"):
            by_label = self.index / labelled
            apart = by_label[..., one, :] - by_label[..., other, :]
            both = ~np.isnan(apart)
            mean: Values = np.where(both, apart, 0).sum(-1) / both.sum(-1)
        return mean


def _compare(
    grouping: str,
    side: str,
    names: Sequence[str],
    clips: Sequence[LabelledClip],
    of_clip: Sequence[str],
    score: Values,
    given: NDArray[np.int64],
) -> Gaps:
    place = {name: number for number, name in enumerate(names)}
    known = np.array([number for number, group in enumerate(of_clip) if group])
    groups = np.array([place[of_clip[number]] for number in known])
    labels = np.array([clips[number].label for number in known])
    measured = ~np.isnan(score[known])
    index, counts, all_ = (np.zeros((len(known), len(names), *shape)) for shape in ((LEVELS,), (LEVELS, LEVELS), ()))
    rows = np.arange(len(known))
    all_[rows, groups] = 1
    index[rows, groups, labels] = np.where(measured, score[known], 0)
    counts[rows, groups, labels, given[known]] = measured
    people = People([clips[number].person for number in known])
    whole = _Sums(index.sum(0), counts.sum(0), all_.sum(0))
    drawn = _Sums(people.sums(index), people.sums(counts), people.sums(all_))
    said = {name: whole.figure(name) for name in MEASURED}
    table = tuple(
        GroupRow(
            name,
            people=len({clips[number].person for number in known if of_clip[number] == name}),
            clips=int(whole.clips[number_of]),
            values={figure: _value(said[figure][number_of]) for figure in MEASURED},
        )
        for name, number_of in place.items()
    )
    return Gaps(grouping, side, table, tuple(_largest(names, whole, drawn, people)))


def _largest(names: Sequence[str], whole: _Sums, drawn: _Sums, people: People) -> list[Gap]:
    found = []
    for figure in MEASURED:
        apart = [
            (by, one, other)
            for one, other in combinations(range(len(names)), 2)
            if (by := _value(whole.difference(figure, one, other))) is not None
        ]
        if not apart:
            continue
        by, one, other = max(apart, key=lambda each: abs(each[0]))
        if by < 0:
            by, one, other = -by, other, one
        interval = people.interval(drawn.difference(figure, one, other))
        found.append(Gap(figure, names[one], names[other], by, interval))
    return found


def _value(number: float | Values) -> float | None:
    return None if np.isnan(number) else float(number)
