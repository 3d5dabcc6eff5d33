"""Who is fitted to, and who is judged: nobody is on both sides."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.engagement.evaluation.clips import LabelledClip, Split

HELD_OUT: Final = "held out"
"""What the judged are called where a data set has no division: everybody, each by what was fitted to others."""
FOLDS: Final = 5
_SEED: Final = 2026

Chosen = NDArray[np.bool_]
"""(N,) which clips."""


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """Clips to fit to, and clips of other people that are judged by it."""

    fitted: Chosen
    judged: Chosen


@dataclass(frozen=True, slots=True, eq=False)
class Division:
    """The official split; or, without one, five folds of people."""

    folds: dict[str, tuple[Fold, ...]]
    """By what the judged are called; the one to report comes first."""

    @classmethod
    def of(cls, clips: Sequence[LabelledClip]) -> "Division":
        """Divide clips, at least one, as their data set says."""
        splits = np.array([None if clip.split is None else clip.split.value for clip in clips], dtype=object)
        if all(split is None for split in splits):
            return cls({HELD_OUT: _folds([clip.person for clip in clips])})
        train = splits == Split.TRAIN.value
        judged = {split.value: splits == split.value for split in (Split.TEST, Split.VALIDATION)}
        return cls({name: (Fold(train, chosen),) for name, chosen in judged.items() if chosen.any()})


def on_two_sides(clips: Sequence[LabelledClip]) -> list[str]:
    """Return the people whom a data set has on more than one side of its division, in order."""
    sides: dict[str, set[Split | None]] = {}
    for clip in clips:
        sides.setdefault(clip.person, set()).add(clip.split)
    return sorted(person for person, splits in sides.items() if len(splits) > 1)


def _folds(people: list[str]) -> tuple[Fold, ...]:
    names = sorted(set(people))
    random.Random(_SEED).shuffle(names)
    place = {name: number % FOLDS for number, name in enumerate(names)}
    of_clip = np.array([place[person] for person in people])
    return tuple(Fold(of_clip != fold, of_clip == fold) for fold in range(min(FOLDS, len(names))))
