"""The figures of a class as a whole, each from published values only. Pure."""

from dataclasses import dataclass
from itertools import pairwise
from math import isnan
from statistics import median_low

from dashboard_protocol.events import Withheld
from dashboard_protocol.report.turning_points import SHORT_SPAN_S, SPAN_S, Block, Move, blocks, moves
from dashboard_protocol.view.record import Record
from dashboard_protocol.view.timeline import COUNTS, HELD_S, WITHHELD, Gap, Stretch
from dashboard_protocol.vocabulary import DISPLAYED

LONG_GAP_S = 5
SHORT_S = 600
"""Classes up to this long are timed to the second."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Lowest, middle and highest median of a share, in points, and when the highest was."""

    low: int
    median: int
    high: int
    high_at: float


@dataclass(frozen=True, slots=True)
class Digest:
    """What a report says in numbers."""

    start: float
    end: float
    is_presence: bool
    """Whether there are counts only."""
    measured_s: float
    """Time with class values, or with counts where there are only these."""
    withheld_s: dict[Withheld, float]
    gaps: tuple[Stretch, ...]
    """Stretches without class values, or without anything."""
    level_s: tuple[float, float, float, float]
    """Time at each level of the class index, lowest first."""
    index: Spread | None
    attentive: Spread | None
    expressions: dict[str, Spread]
    moves: tuple[Move, ...]
    medians: dict[str, float]
    """Lower medians of the counts and of coverage; a name without values is missing."""
    present_max: int

    @property
    def away(self) -> list[Stretch]:
        """Stretches of five seconds and more in which nothing came."""
        return [gap for gap in self.gaps if gap.cause < Gap.WITHHELD and gap.end - gap.start >= LONG_GAP_S]

    @property
    def duration_s(self) -> float:
        """Length of the class."""
        return self.end - self.start


def digest(record: Record) -> Digest:
    """Work the figures out."""
    timeline = record.timeline
    start, end = _bounds(record)
    span_s = SHORT_SPAN_S if end - start <= SHORT_S else SPAN_S
    seconds = _seconds(record)
    index = blocks(timeline, "mean", span_s)
    is_presence = not index and record.is_presence
    known = {name: [value for value in timeline[name] if not isnan(value)] for name in (*COUNTS, "coverage")}
    levels = [0.0] * 4
    withheld = dict.fromkeys(Withheld, 0.0)
    measured_s = 0.0
    for row, lasted_s in enumerate(seconds):
        level, reason = timeline["level"][row], WITHHELD[timeline.withheld[row]]
        if not isnan(level):
            levels[int(level)] += lasted_s
        if reason is not None:
            withheld[reason] += lasted_s
        if is_presence or not isnan(timeline["mean"][row]):
            measured_s += lasted_s
    return Digest(
        start=start,
        end=end,
        is_presence=is_presence,
        measured_s=measured_s,
        withheld_s={reason: lasted_s for reason, lasted_s in withheld.items() if lasted_s},
        gaps=tuple(timeline.gaps(int(start), int(end), Gap.BOT)),
        level_s=(levels[0], levels[1], levels[2], levels[3]),
        index=_spread(index),
        attentive=_spread(blocks(timeline, "attentive", span_s)),
        expressions={name: found for name in DISPLAYED if (found := _spread(blocks(timeline, name, span_s)))},
        moves=tuple(moves(index)),
        medians={name: median_low(values) for name, values in known.items() if values},
        present_max=int(max(known["present"], default=0)),
    )


def _bounds(record: Record) -> tuple[float, float]:
    """From when the bot was live until it left, or as far as is known."""
    at = record.timeline.at
    states = [state.since for state in record.states]
    start = record.live_since or (at[0] if at else states[0] if states else 0.0)
    end = record.ended_at or (at[-1] + 1 if at else states[-1] if states else start)
    return min(start, at[0] if at else start), max(end, start, at[-1] + 1 if at else start)


def _seconds(record: Record) -> list[float]:
    """For how long each row stands: until the next one, but no longer than a short hole."""
    at = record.timeline.at
    lasts = [min(after - before, HELD_S + 1.0) for before, after in pairwise(at)]
    return [*lasts, 1.0] if at else []


def _spread(medians: list[Block]) -> Spread | None:
    if not medians:
        return None
    values = [block.value for block in medians]
    highest = max(medians, key=lambda block: block.value)
    return Spread(min(values), median_low(values), highest.value, highest.at)
