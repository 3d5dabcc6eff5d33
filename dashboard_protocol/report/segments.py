"""What the class was like between the instructor's marks: means of what was published, rounded as it was. Pure."""

from dataclasses import dataclass
from itertools import pairwise
from math import floor
from statistics import fmean, median_low

from dashboard_protocol.report.story import Clock
from dashboard_protocol.report.totals import Digest
from dashboard_protocol.view import text as words
from dashboard_protocol.view.record import Record
from dashboard_protocol.view.sentences import say

LEAST_SHARE = 0.5
"""Of a segment's seconds that must be known; of fewer there is no mean."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of class from one mark to the next; values in points, None where too little is known."""

    start: float
    end: float
    label: str
    index: int | None
    attentive: int | None
    facing: int | None
    """People, lower median; where there are only counts."""


def segments(record: Record, figures: Digest) -> list[Segment]:
    """Cut the class at its marks; empty where none was set."""
    marks = [known for known in record.marks if figures.start <= known.at < figures.end]
    if not marks:
        return []
    cuts = [(figures.start, say("report.beginning")), *((known.at, words.mark(known.mark)) for known in marks)]
    ends = [*cuts, (figures.end, "")]
    return [_segment(record, start, end, label) for (start, label), (end, _) in pairwise(ends) if end > start]


def _segment(record: Record, start: float, end: float, label: str) -> Segment:
    facing = record.timeline.known("facing", start, end)
    index, attentive = (_mean(record, name, start, end) for name in ("mean", "attentive"))
    return Segment(start, end, label, index, attentive, int(median_low(facing)) if facing else None)


def _mean(record: Record, column: str, start: float, end: float) -> int | None:
    """Average published values and round the mean as each of them was: a finer one would refine them."""
    assert record.hello is not None
    known = record.timeline.known(column, start, end)
    if len(known) < LEAST_SHARE * (end - start):
        return None
    step = max(1, record.hello.policy.rounding_points)
    return step * floor(fmean(known) * 100 / step + 0.5)


def mark_rows(record: Record, figures: Digest, clock: Clock) -> list[list[str]]:
    """When, what, for how long, the values, and by how much they differ from those before it."""
    found = segments(record, figures)
    before: Segment | None = None
    rows = []
    for each in found:
        head = [clock(each.start), each.label, clock.span(each.end - each.start)]
        if figures.is_presence:
            rows.append(
                [*head, words.count(each.facing), _change(each.facing, None if before is None else before.facing)]
            )
        else:
            share = words.DASH if each.attentive is None else words.percent(each.attentive / 100, record.hello)
            index = words.DASH if each.index is None else f"{each.index}"
            moved = _change(each.index, None if before is None else before.index)
            attentive = None if before is None else before.attentive
            rows.append([*head, index, moved, share, _change(each.attentive, attentive)])
        before = each
    return rows


def _change(now: int | None, before: int | None) -> str:
    if now is None or before is None:
        return words.DASH
    return f"{now - before:+d}".replace("-", "−") if now != before else "0"
