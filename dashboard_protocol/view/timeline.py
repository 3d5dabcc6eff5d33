"""Class values over time: one row a summary in flat arrays, read by the second. Bounded; NaN is not known."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from math import floor, isnan, nan

from dashboard_protocol.events import ClassSummary, Series, Withheld
from dashboard_protocol.vocabulary import DISPLAYED

COUNTS = ("present", "camera_on", "visible", "facing", "analysed")
LEVEL_SHARES = ("level_0", "level_1", "level_2", "level_3")
VALUES = ("mean", "q1", "q3", "level", *LEVEL_SHARES, "attentive", "coverage", *DISPLAYED, "valence", "arousal")
COLUMNS = (*COUNTS, *VALUES, "reads_per_s")
WITHHELD = (None, *Withheld)

CAPACITY = 12 * 3600
"""Rows that are kept: a link is good for twelve hours, and a summary comes once a second."""
_DROPPED = 3600
"""Rows that go at once when the capacity is reached, so that dropping stays rare."""
HELD_S = 2
"""Holes up to this long keep the value before them: summaries are means of 10 s and come about once a second."""


class Gap(IntEnum):
    """Why nothing is known at a time."""

    NONE = 0
    FEED = 1
    BOT = 2
    WITHHELD = 3
    SETTLING = 4


@dataclass(frozen=True, slots=True)
class Stretch:
    """Whole seconds [start, end) without values."""

    start: int
    end: int
    cause: Gap


def row_of(summary: ClassSummary) -> dict[str, float | None]:
    """Flatten a summary into one value a column."""
    row: dict[str, float | None] = {name: getattr(summary, name) for name in COUNTS}
    row |= {name: getattr(summary, name) for name in ("attentive", "coverage", "valence", "arousal", "reads_per_s")}
    if summary.engagement is not None:
        row |= {name: getattr(summary.engagement, name) for name in ("mean", "q1", "q3", "level")}
        row |= dict(zip(LEVEL_SHARES, summary.engagement.levels or (), strict=False))
    return row | dict(summary.expressions or {})


class Timeline:
    """The rows of one class, oldest first. At the capacity the oldest hour goes."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self.at = array("d")
        """Time of each row, growing."""
        self.as_of = array("d")
        self.withheld = bytearray()
        """Place in `WITHHELD` of each row."""
        self._holes = bytearray()
        self._causes = bytearray()
        self._columns = {name: array("f") for name in COLUMNS}

    def __len__(self) -> int:
        return len(self.at)

    def __getitem__(self, column: str) -> "array[float]":
        return self._columns[column]

    @property
    def first(self) -> int | None:
        """The whole second of the oldest row; None without rows."""
        return floor(self.at[0]) if self.at else None

    @property
    def last(self) -> int | None:
        """The whole second of the newest row; None without rows."""
        return floor(self.at[-1]) if self.at else None

    def add(
        self,
        at: float,
        row: Mapping[str, float | None],
        *,
        cause: Gap = Gap.NONE,
        hole: Gap = Gap.FEED,
        withheld: Withheld | None = None,
        as_of: float | None = None,
    ) -> bool:
        """Add a row. One that is not newer than the last fills a hole, or is left out; False is returned for both.

        Args:
            at: seconds on the room's clock.
            row: one value a column; what is missing or None becomes NaN.
            cause: why the row holds no class values.
            hole: why the seconds between the row before and this one are not known.
            withheld: what the summary said about its values.
            as_of: when its newest frame was decoded.
        """
        place = bisect_right(self.at, at)
        is_newest = place == len(self.at)
        if (is_newest and self.at and at == self.at[-1]) or (not is_newest and not self._is_hole(at)):
            return False
        self.at.insert(place, at)
        self.as_of.insert(place, nan if as_of is None else as_of)
        self.withheld.insert(place, WITHHELD.index(withheld))
        self._holes.insert(place, hole if is_newest else self._holes[place])
        self._causes.insert(place, cause)
        for name, column in self._columns.items():
            value = row.get(name)
            column.insert(place, nan if value is None else value)
        if len(self.at) > self._capacity:
            self._drop(min(_DROPPED, self._capacity // 2 or 1))
        return is_newest

    def _is_hole(self, at: float) -> bool:
        return at > self.at[0] and self.row_at(floor(at)) is None

    def _drop(self, rows: int) -> None:
        for column in (self.at, self.as_of, *self._columns.values()):
            del column[:rows]
        for marks in (self.withheld, self._holes, self._causes):
            del marks[:rows]

    def row_at(self, second: int) -> int | None:
        """Find the row that stands for a whole second: its own, or the one before a short hole."""
        found = bisect_left(self.at, second + 1) - 1
        if found < 0:
            return None
        own = floor(self.at[found])
        if own == second:
            return found
        if found + 1 < len(self.at) and floor(self.at[found + 1]) - own - 1 <= HELD_S:
            return found
        return None

    def series(self) -> Series:
        """Return every row, as a snapshot carries those of its last ten minutes."""
        columns = {
            name: tuple(_published(value, is_count=name in COUNTS) for value in self._columns[name])
            for name in Series.model_fields
            if name in self._columns
        }
        return Series.model_validate({"at": tuple(round(at, 3) for at in self.at), **columns})

    def get(self, column: str, second: int) -> float:
        """Read a column at a whole second; NaN where nothing is known."""
        row = self.row_at(second)
        return nan if row is None else self._columns[column][row]

    def cause(self, second: int) -> Gap:
        """Say why nothing is known at a second; NONE where something is, and outside the rows."""
        row = self.row_at(second)
        if row is not None:
            return Gap(self._causes[row])
        after = bisect_right(self.at, second)
        return Gap.NONE if after in (0, len(self.at)) else Gap(self._holes[after])

    def known(self, column: str, start: float, end: float) -> list[float]:
        """List what is known of a column in [start, end), one value a row."""
        first, last = bisect_left(self.at, start), bisect_left(self.at, end)
        return [value for value in self._columns[column][first:last] if not isnan(value)]

    def gaps(self, start: int, end: int, tail: Gap = Gap.NONE) -> list[Stretch]:
        """List the stretches of [start, end) without values; after the newest row `tail` says why."""
        found: list[Stretch] = []
        if self.first is None or self.last is None:
            return found
        for second in range(max(start, self.first), end):
            cause = tail if second > self.last else self.cause(second)
            if cause is Gap.NONE:
                continue
            if found and found[-1].end == second and found[-1].cause is cause:
                found[-1] = Stretch(found[-1].start, second + 1, cause)
            else:
                found.append(Stretch(second, second + 1, cause))
        return found


def _published(value: float, *, is_count: bool) -> float | int | None:
    """Undo what flat arrays make of a value: they know no null, and 32 bits of 0.65."""
    if isnan(value):
        return None
    return int(value) if is_count else round(value, 4)
