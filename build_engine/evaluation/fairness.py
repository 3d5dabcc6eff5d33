"""Figures by group of people: whether faces are found, how wide eyes are, and what is read of them, with intervals.

Groups are whatever the folder says; nobody's group is guessed. Pictures are read as serving reads them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from build_engine.data.grouped_pictures import GroupedPicture
from engine.errors import ImageUnreadable
from engine.expressions import FER7
from engine.pictures import load_picture
from engine.reader import Engine

_DRAWS: Final = 2000
_SEED: Final = 2026
_Z: Final = 1.959964

Interval = tuple[float, float]
"""95 %."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Seen:
    """What was read of the largest face of a picture."""

    groups: dict[str, str]
    found: bool
    eye_openness: float | None = None
    """Eye aspect ratio; None without a face."""
    expression: int | None = None
    """The likeliest, in the order of `FER7`."""


@dataclass(frozen=True, slots=True)
class Group:
    """Figures of one group; shares in [0, 1]."""

    name: str
    pictures: int
    found: float
    found_interval: Interval
    """Wilson 1927."""
    eye_openness: float | None
    """Median eye aspect ratio of the faces that were found."""
    eye_openness_interval: Interval | None
    """By drawing pictures anew."""
    expressions: dict[str, float]
    """Share of the faces that were found, by the likeliest expression."""
    expression_intervals: dict[str, Interval]


@dataclass(frozen=True, slots=True)
class Grouping:
    """All groups of one kind, and whether more than chance parts them."""

    name: str
    groups: tuple[Group, ...]
    chance: dict[str, float]
    """How often groups that were dealt out at random differ as much: of `found`, `eye_openness` and each expression, by
    the largest difference between two groups. Of many such numbers some are small by chance."""


def read_pictures(
    pictures: Sequence[GroupedPicture], engine: Engine, progress: Progress = lambda done, total: None
) -> tuple[list[Seen], list[str]]:
    """Read the largest face of each picture.

    Returns:
        What was seen in those that are pictures, and a line for each that is none.
    """
    seen, broken = [], []
    for number, picture in enumerate(pictures, 1):
        try:
            readings = engine.read(load_picture(picture.path))
        except ImageUnreadable as error:
            broken.append(str(error))
        else:
            largest = max(readings, key=lambda reading: reading.face.box_width_px, default=None)
            if largest is None:
                seen.append(Seen(picture.groups, found=False))
            else:
                likeliest = None if largest.fer7 is None else int(largest.fer7.argmax())
                seen.append(Seen(picture.groups, True, largest.face.eye_openness, likeliest))
        progress(number, len(pictures))
    return seen, broken


def compare_groups(seen: Sequence[Seen]) -> list[Grouping]:
    """Compute the figures of each group of each grouping that has two."""
    chance = np.random.default_rng(_SEED)
    found = []
    for name in _groupings(seen):
        those = [each for each in seen if name in each.groups]
        of_group = {group: [each for each in those if each.groups[name] == group] for group in
                    sorted({each.groups[name] for each in those})}  # fmt: skip
        if len(of_group) > 1:
            groups = tuple(_figures(group, each, chance) for group, each in of_group.items())
            found.append(Grouping(name, groups, _by_chance([each.groups[name] for each in those], those, chance)))
    return found


def as_markdown(groupings: Sequence[Grouping]) -> str:
    """Write the tables."""
    lines = []
    for grouping in groupings:
        names = [name for name in _SHARES if any(group.expressions.get(name) for group in grouping.groups)]
        head = [grouping.name, "pictures", "found", "eye aspect ratio", *names]
        lines += [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
        for group in grouping.groups:
            cells = [
                group.name, str(group.pictures), _percent(group.found, group.found_interval),
                _number(group.eye_openness, group.eye_openness_interval),
                *(_percent(group.expressions[name], group.expression_intervals[name]) if group.expressions else "–"
                  for name in names),
            ]  # fmt: skip
            lines.append(f"| {' | '.join(cells)} |")
        dealt = [f"{grouping.chance[name]:.3f}" if name in grouping.chance else "–" for name in
                 ("found", "eye_openness", *names)]  # fmt: skip
        lines += [f"| as far apart by chance | | {' | '.join(dealt)} |", ""]
    return "\n".join(lines)


def wilson(hits: int, of: int) -> Interval:
    """Compute the 95 % interval of a share (Wilson 1927); (0, 1) of nothing."""
    if of == 0:
        return 0.0, 1.0
    share = hits / of
    middle = (share + _Z**2 / (2 * of)) / (1 + _Z**2 / of)
    half = _Z / (1 + _Z**2 / of) * sqrt(share * (1 - share) / of + _Z**2 / (4 * of**2))
    return max(0.0, middle - half), min(1.0, middle + half)


_SHARES: Final = tuple(expression.value for expression in FER7)


def _figures(name: str, seen: Sequence[Seen], chance: np.random.Generator) -> Group:
    hits = sum(each.found for each in seen)
    ratios = np.array([each.eye_openness for each in seen if each.eye_openness is not None])
    read = [each.expression for each in seen if each.expression is not None]
    counts = {share: read.count(number) for number, share in enumerate(_SHARES)}
    return Group(
        name,
        pictures=len(seen),
        found=hits / len(seen),
        found_interval=wilson(hits, len(seen)),
        eye_openness=float(np.median(ratios)) if len(ratios) else None,
        eye_openness_interval=_interval_of_median(ratios, chance) if len(ratios) else None,
        expressions={share: count / len(read) for share, count in counts.items()} if read else {},
        expression_intervals={share: wilson(count, len(read)) for share, count in counts.items()} if read else {},
    )


def _interval_of_median(values: NDArray[np.float64], chance: np.random.Generator) -> Interval:
    drawn = np.median(chance.choice(values, (_DRAWS, len(values))), axis=1)
    low, high = np.percentile(drawn, (2.5, 97.5)).tolist()
    return low, high


def _by_chance(names: Sequence[str], seen: Sequence[Seen], chance: np.random.Generator) -> dict[str, float]:
    """Deal the groups out anew, and count how often two differ as much as they do."""
    _, dealt = np.unique(np.asarray(names), return_inverse=True)
    likeliest = [each.expression for each in seen]
    measured: dict[str, tuple[NDArray[np.float64], NDArray[np.bool_]]] = {
        "found": (np.array([float(each.found) for each in seen]), np.ones(len(seen), np.bool_)),
        "eye_openness": _where_known([each.eye_openness for each in seen]),
        **{
            share: _where_known([None if read is None else float(read == number) for read in likeliest])
            for number, share in enumerate(_SHARES)
        },
    }
    found = {}
    for figure, (values, known) in measured.items():
        of_known, here = values[known], dealt[known]
        if len(set(here.tolist())) < 2:
            continue
        middle = np.median if figure == "eye_openness" else np.mean
        real = _widest(of_known, here, middle)
        wider = sum(_widest(of_known, chance.permutation(here), middle) >= real - 1e-12 for _ in range(_DRAWS))
        found[figure] = (wider + 1) / (_DRAWS + 1)
    return found


def _widest(values: NDArray[np.float64], of_group: NDArray[np.int64], middle: Callable[..., object]) -> float:
    means = [middle(values[of_group == group]) for group in set(of_group.tolist())]
    return float(max(means) - min(means))  # type: ignore[type-var, operator]


def _where_known(values: Sequence[float | None]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    known = np.array([value is not None for value in values], np.bool_)
    return np.array([0.0 if value is None else value for value in values]), known


def _groupings(seen: Sequence[Seen]) -> list[str]:
    return sorted({name for each in seen for name in each.groups})


def _percent(value: float, interval: Interval) -> str:
    return f"{value:.1%} ({interval[0]:.1%} to {interval[1]:.1%})"


def _number(value: float | None, interval: Interval | None) -> str:
    return "–" if value is None or interval is None else f"{value:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"
