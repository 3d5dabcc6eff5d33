"""Did a value change: median of the last 30 s against that of the 30 s centred 5 min ago. As `trend.js`."""

from dataclasses import dataclass
from math import ceil, floor, isnan, nan
from typing import Literal

from dashboard_protocol.view.timeline import Timeline

APART_S = 300
POINTS = 15
"""Moves of class values are reported from this many points on."""
_SPAN_S = 30
_NEEDED_S = APART_S + _SPAN_S // 2
STEADY_AT_MOST_S = 600
_STEP_S = 30


@dataclass(frozen=True, slots=True)
class Trend:
    """What became of a value in five minutes."""

    kind: Literal["move", "steady", "short", "none"]
    by: int = 0
    """Points or people of a move."""
    s: float = 0.0
    """For how long it has been steady, or measured at all; above `STEADY_AT_MOST_S` means longer than that."""

    @property
    def arrow(self) -> str:
        """A sign for the direction; empty where there is none."""
        if self.kind == "move":
            return "↘" if self.by < 0 else "↗"
        return "→" if self.kind == "steady" else ""


def median(timeline: Timeline, column: str, start: int, end: int) -> float:
    """Give the upper median of the seconds [start, end]; NaN unless half of them are known."""
    values = [timeline.get(column, second) for second in range(start, end + 1)]
    known = sorted(value for value in values if not isnan(value))
    return nan if len(known) * 2 < len(values) else known[len(known) // 2]


def earlier(timeline: Timeline, column: str, second: int) -> float:
    """Give the value of five minutes ago: the median of the 30 s centred then."""
    middle = second - APART_S
    return median(timeline, column, middle - _SPAN_S // 2, middle + _SPAN_S // 2 - 1)


def trend(timeline: Timeline, column: str, second: int, *, scale: int = 100, threshold: int = POINTS) -> Trend:
    """Return the trend of a column at a second.

    Args:
        timeline: the class so far.
        column: its column.
        second: now, on the room's clock.
        scale: turns the column's unit into the reported one: 100 for shares, 1 for counts.
        threshold: smallest change that is a move, in the reported unit.
    """
    if timeline.first is None:
        return Trend("none")
    measured = second - timeline.first
    if measured < _NEEDED_S:
        return Trend("short", s=measured)
    by = _change(timeline, column, second, scale)
    if by is None:
        return Trend("none")
    if abs(by) >= threshold:
        return Trend("move", by=by)
    for back in range(_STEP_S, STEADY_AT_MOST_S + 1, _STEP_S):
        if measured - back < _NEEDED_S:
            return Trend("steady", s=min(measured, STEADY_AT_MOST_S + 1))
        moved = _change(timeline, column, second - back, scale)
        if moved is not None and abs(moved) >= threshold:
            return Trend("steady", s=back)
    return Trend("steady", s=STEADY_AT_MOST_S + 1)


def count_threshold(present: int) -> int:
    """Smallest change of a count that is a move: a tenth of the people present, and two at least."""
    return max(2, ceil(present / 10))


def _change(timeline: Timeline, column: str, second: int, scale: int) -> int | None:
    now = median(timeline, column, second - _SPAN_S + 1, second)
    then = earlier(timeline, column, second)
    if isnan(now) or isnan(then):
        return None
    return floor(now * scale + 0.5) - floor(then * scale + 0.5)
