"""Has the class changed? A cumulative sum over 30-s blocks of unrounded values. Pure."""

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, sqrt
from statistics import fmean, median
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from bot.classroom.summary import Person

Factor = Literal["facing", "gaze", "eyes", "activity"]


@dataclass(frozen=True, slots=True)
class AlertParameters:
    """Limits of the change detection; found by simulation (tests/benchmarks/alarms.py)."""

    min_people: int = 8
    warm_up_s: float = 300.0
    block_s: float = 30.0
    window_s: float = 10.0
    """Length of the windows the index is a mean of; a block averages those that fit without overlap, one at least."""
    reference_s: float = 600.0
    """The reference is the median of the blocks of this time, without the newest block."""
    min_reference_share: float = 0.45
    """Share of `reference_s` that must be filled: 270 s of 600."""
    slack: float = 1.5
    limit: float = 4.0
    min_move: float = 0.15
    min_moved_people: int = 3
    min_moved_share: float = 0.20
    min_spread: float = 0.04
    silence_s: float = 300.0
    reset_share: float = 0.20
    """Share of the analysed set that may change before the reference starts again."""

    @property
    def windows_per_block(self) -> int:
        """Windows that fit into a block without overlap, one at least."""
        return max(1, round(self.block_s / self.window_s))

    @property
    def sample_s(self) -> float:
        """Time between the windows of a block."""
        return self.block_s / self.windows_per_block

    @property
    def reference_blocks(self) -> int:
        """Most blocks of a reference: those of `reference_s`, without the newest."""
        return max(2, round(self.reference_s / self.block_s) - 1)

    @property
    def min_reference_blocks(self) -> int:
        """Fewest blocks of a reference."""
        return min(self.reference_blocks, max(2, ceil(self.min_reference_share * self.reference_s / self.block_s)))


@dataclass(frozen=True, slots=True)
class Change:
    """The class index moved; unrounded."""

    kind: Literal["fall", "rise"]
    reference: float
    now: float
    """Mean of the last two blocks."""
    start: float
    end: float
    people: int
    why: Factor
    """The factor that moved most."""
    own: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Every person's own mean of the reference time, and of the last two blocks."""


class Sample(NamedTuple):
    """The index of one person and the factors that multiply to it."""

    engagement: float
    facing: float
    gaze: float
    eyes: float
    activity: float


FACTORS: tuple[Factor, ...] = ("facing", "gaze", "eyes", "activity")


@dataclass(frozen=True, slots=True)
class Block:
    """Means of every analysed person over one block."""

    start: float
    end: float
    people: Mapping[str, Sample]

    def mean(self, ids: Collection[str]) -> float:
        """Average the index of these people, all of whom must be in the block."""
        return fmean(self.people[person].engagement for person in ids)


def merge(start: float, end: float, windows: Sequence[Mapping[str, Sample]]) -> Block:
    """Average windows that do not overlap into a block; a person counts with the windows they were analysed in."""
    found: dict[str, list[Sample]] = {}
    for window in windows:
        for person, sample in window.items():
            found.setdefault(person, []).append(sample)
    return Block(start, end, {person: _average(samples) for person, samples in found.items()})


class ChangeDetector:
    """Watches the index of a class for falls and rises."""

    def __init__(self, parameters: AlertParameters) -> None:
        self._parameters = parameters
        self._windows: list[Mapping[str, Sample]] = []
        self._started_at: float | None = None
        self._block_at = self._sample_at = 0.0
        self._quiet_until = 0.0
        self._blocks: deque[Block] = deque(maxlen=parameters.reference_blocks + 1)
        self._held: tuple[Block, ...] | None = None
        """The reference while evidence builds."""
        self._fall = self._rise = 0.0

    def update(self, at: float, people: Sequence["Person"]) -> Change | None:
        """Take the analysed people of this second, those whom the policy admits; give a change when one is proven."""
        parameters = self._parameters
        if self._started_at is None:
            self._started_at = self._block_at = at
            self._sample_at = at + parameters.sample_s
        if at < self._sample_at:
            return None
        self._sample_at += parameters.sample_s
        if self._sample_at <= at:
            # After a stall of the whole bot the next window is due a full step later, not at once.
            self._sample_at = at + parameters.sample_s
        self._windows.append(_samples(people))
        if len(self._windows) < parameters.windows_per_block:
            return None
        block = merge(self._block_at, at, self._windows)
        self._windows.clear()
        self._block_at = at
        return self.add(block)

    def add(self, block: Block) -> Change | None:
        """Take the next block; give a change when one is proven."""
        parameters = self._parameters
        if self._started_at is None:
            self._started_at = block.start
        before = tuple(self._blocks)
        self._blocks.append(block)
        reference = self._held if self._held is not None else before[-parameters.reference_blocks :]
        if not reference:
            return None
        if _moved_share(reference[0].people, block.people) > parameters.reset_share:
            self._restart(block)
            return None
        if len(reference) < parameters.min_reference_blocks:
            return None
        people = set.intersection(*(set(each.people) for each in (*reference, before[-1], block)))
        if len(people) < max(1, parameters.min_people):
            return None
        comparison = Comparison(reference, (before[-1], block), people)
        self._accumulate(comparison, block)
        self._held = reference if max(self._fall, self._rise) > 0 else None
        if block.end < self._quiet_until or block.end - self._started_at < parameters.warm_up_s:
            return None
        change = self._proven(comparison)
        if change is not None:
            self._quiet_until = block.end + parameters.silence_s
            self._restart()
        return change

    def _accumulate(self, comparison: "Comparison", block: Block) -> None:
        """Page's cumulative sums, one for each direction."""
        parameters = self._parameters
        moved = (comparison.level - block.mean(comparison.people)) / comparison.spread(parameters.min_spread)
        self._fall = max(0.0, self._fall + moved - parameters.slack)
        self._rise = max(0.0, self._rise - moved - parameters.slack)

    def _proven(self, comparison: "Comparison") -> Change | None:
        parameters = self._parameters
        kind: Literal["fall", "rise"]
        if self._fall >= parameters.limit and comparison.move <= -parameters.min_move:
            kind, sign = "fall", -1.0
        elif self._rise >= parameters.limit and comparison.move >= parameters.min_move:
            kind, sign = "rise", 1.0
        else:
            return None
        moves = comparison.personal_moves()
        moved = sum(sign * move >= parameters.min_move for move in moves)
        if moved < max(parameters.min_moved_people, parameters.min_moved_share * len(moves)):
            return None
        return comparison.change(kind, sign)

    def _restart(self, *blocks: Block) -> None:
        self._blocks.clear()
        self._blocks.extend(blocks)
        self._held = None
        self._fall = self._rise = 0.0


class Comparison:
    """The newest two blocks against the reference, over the people who are in all of them."""

    def __init__(self, reference: Sequence[Block], newest: tuple[Block, Block], people: Collection[str]) -> None:
        self.people = people
        self._reference = reference
        self._newest = newest
        self._means = [block.mean(people) for block in reference]
        self.level = median(self._means)
        """The reference r."""
        self.now = fmean(block.mean(people) for block in newest)
        self.move = self.now - self.level

    def spread(self, least: float) -> float:
        """Give σ: the largest of a floor, the persons' own spread over √N, and the spread of the blocks."""
        deviations = median(abs(mean - self.level) for mean in self._means)
        own = fmean(self._variance(person) for person in self.people)
        return max(least, sqrt(own / len(self.people)), 1.4826 * deviations)

    def _variance(self, person: str) -> float:
        values = [block.people[person].engagement for block in self._reference]
        mean = sum(values) / len(values)
        return sum((value - mean) ** 2 for value in values) / (len(values) - 1)

    def own_means(self) -> dict[str, tuple[float, float]]:
        """Give each person's own mean of the reference time, and of the newest blocks."""
        return {person: (_mean_of(self._reference, person), _mean_of(self._newest, person)) for person in self.people}

    def personal_moves(self) -> list[float]:
        """Give how far each person's own mean lies from that of the reference time."""
        return [now - before for before, now in self.own_means().values()]

    def change(self, kind: Literal["fall", "rise"], sign: float) -> Change:
        """Describe the move."""
        moves = [sign * (self._factor(self._newest, name) - self._factor(self._reference, name)) for name in FACTORS]
        return Change(
            kind=kind,
            reference=self.level,
            now=self.now,
            start=self._newest[0].start,
            end=self._newest[1].end,
            people=len(self.people),
            why=FACTORS[moves.index(max(moves))],
            own=self.own_means(),
        )

    def _factor(self, blocks: Sequence[Block], name: Factor) -> float:
        return fmean(getattr(block.people[person], name) for block in blocks for person in self.people)


def _samples(people: Sequence["Person"]) -> dict[str, Sample]:
    return {
        person.participant.id: Sample(values.index, factors.facing, factors.gaze, factors.eyes, factors.activity)
        for person in people
        if (values := person.values).index is not None and (factors := values.factors) is not None
    }


def _mean_of(blocks: Sequence[Block], person: str) -> float:
    return fmean(block.people[person].engagement for block in blocks)


def _average(samples: Sequence[Sample]) -> Sample:
    return Sample(*(fmean(column) for column in zip(*samples, strict=True)))


def _moved_share(before: Collection[str], now: Collection[str]) -> float:
    """Give the share of people who came or went, of those who were there before."""
    return len(set(before) ^ set(now)) / max(1, len(before))
