"""Where the index moved: turning points of its medians. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median_low

from dashboard_protocol.view.timeline import Timeline
from dashboard_protocol.view.trend import POINTS

SPAN_S = 30
SHORT_SPAN_S = 12
"""For classes of a few minutes, in which half a minute is much."""
NEAR = 5
"""Points: the step of the published values, so nearer than this is the same."""
_APART_S = 60
"""A pause in the medians of more than this parts what is compared."""


@dataclass(frozen=True, slots=True)
class Block:
    """Median of the index around a time, in points."""

    at: float
    value: int


@dataclass(frozen=True, slots=True)
class Move:
    """The index went from one turning point to the next."""

    start: Block
    """Where it was last near the old value."""
    end: Block
    """Where it first came near the new one."""

    @property
    def by(self) -> int:
        """Points, negative for a fall."""
        return self.end.value - self.start.value

    @property
    def size(self) -> int:
        """Points, without sign."""
        return abs(self.by)


def blocks(timeline: Timeline, column: str, span_s: int = SPAN_S) -> list[Block]:
    """Give medians of a share, in points, as it was published: lower medians, which never lie between two values.

    Args:
        timeline: the class.
        column: its column.
        span_s: seconds of a median, which comes three times in this span and needs a third of its seconds to be
            known, so that a reader at a lower rate has one too.
    """
    if timeline.first is None or timeline.last is None:
        return []
    found = []
    for middle in range(timeline.first, timeline.last + 1, span_s // 3):
        known = timeline.known(column, middle - span_s / 2, middle + span_s / 2)
        if len(known) >= span_s // 3:
            found.append(Block(middle, round(median_low(known) * 100)))
    return found


def moves(medians: Sequence[Block], threshold: int = POINTS) -> list[Move]:
    """Find every move of at least `threshold` points between turning points, in order of time."""
    return [move for section in _sections(medians) for move in _legs(section, threshold)]


def _sections(medians: Sequence[Block]) -> list[list[Block]]:
    sections: list[list[Block]] = []
    for block in medians:
        if not sections or block.at - sections[-1][-1].at > _APART_S:
            sections.append([])
        sections[-1].append(block)
    return sections


def _turns(section: Sequence[Block], threshold: int) -> list[Block]:
    """Turning points: each lies at least `threshold` points from the next; empty where the values stayed closer."""
    low = high = section[0]
    turns: list[Block] = []
    rising: bool | None = None
    for block in section:
        low, high = min(low, block, key=_value), max(high, block, key=_value)
        if rising is not True and block.value - low.value >= threshold:
            turns.append(low)
            rising, high = True, block
        elif rising is not False and high.value - block.value >= threshold:
            turns.append(high)
            rising, low = False, block
    return [*turns, high if rising else low] if turns else []


def _legs(section: Sequence[Block], threshold: int) -> list[Move]:
    found = []
    for before, after in pairwise(_turns(section, threshold)):
        leg = [block for block in section if before.at <= block.at <= after.at]
        # It left when it was last about where it had been, unless that would make too little of the move.
        start = max((b for b in leg if _is_near(b, before) and abs(b.value - after.value) >= threshold), key=_at)
        end = min((b for b in leg if b.at > start.at and abs(b.value - after.value) < NEAR), key=_at)
        found.append(Move(start, Block(end.at, after.value)))
    return found


def _is_near(one: Block, other: Block) -> bool:
    return abs(one.value - other.value) <= NEAR


def _value(block: Block) -> int:
    return block.value


def _at(block: Block) -> float:
    return block.at
