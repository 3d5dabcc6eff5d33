"""Where the index moved: turning points of its 30-s medians. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median_low

from dashboard_protocol.timeline import Timeline
from dashboard_protocol.trend import POINTS

STEP_S = 10
SPAN_S = 30
_NEEDED = SPAN_S // 3
"""Rows a median needs: a third of its seconds, so that a reader at a lower rate has one too."""
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


def blocks(timeline: Timeline, column: str, *, scale: int = 100) -> list[Block]:
    """Give the medians of 30 s, every 10 s, of values as they were published (lower medians: never between two)."""
    if timeline.first is None or timeline.last is None:
        return []
    found = []
    for middle in range(timeline.first, timeline.last + 1, STEP_S):
        known = timeline.known(column, middle - SPAN_S / 2, middle + SPAN_S / 2)
        if len(known) >= _NEEDED:
            found.append(Block(middle, round(median_low(known) * scale)))
    return found


def moves(medians: Sequence[Block], threshold: int = POINTS) -> list[Move]:
    """Find every move of at least `threshold` points between turning points, in order of time."""
    return [move for section in _sections(medians) for move in _legs(section, _turns(section, threshold))]


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


def _legs(section: Sequence[Block], turns: Sequence[Block]) -> list[Move]:
    found = []
    for before, after in pairwise(turns):
        leg = [block for block in section if before.at <= block.at <= after.at]
        last_old = max((block for block in leg if abs(block.value - before.value) < NEAR), key=_at)
        first_new = min((b for b in leg if b.at > last_old.at and abs(b.value - after.value) < NEAR), key=_at)
        found.append(Move(Block(last_old.at, before.value), Block(first_new.at, after.value)))
    return found


def _value(block: Block) -> int:
    return block.value


def _at(block: Block) -> float:
    return block.at
