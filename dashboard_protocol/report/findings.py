"""What a report opens with: one sentence to read aloud, and what stood out, three things at most. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo
from itertools import islice

from dashboard_protocol.events import AlertAt
from dashboard_protocol.report.story import Clock, attentive, counts, missing, move_in_words, peaks_of, way_back
from dashboard_protocol.report.totals import Digest, digest
from dashboard_protocol.report.turning_points import Move
from dashboard_protocol.view import text as words
from dashboard_protocol.view.record import Record
from dashboard_protocol.view.sentences import say
from dashboard_protocol.view.text import points
from dashboard_protocol.view.trend import POINTS

AT_MOST = 3
MOVES_AT_MOST = 2
LAG_S = 20.0
"""An alert goes by unrounded values; published ones wait and are held, and so may follow it by as much."""
MISSING_FROM = 0.10
"""From this share of the class on it is worth a finding that nothing was measured."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a class comes to, for somebody who reads four sentences."""

    headline: str
    findings: tuple[str, ...]


def found(record: Record, figures: Digest | None = None, zone: tzinfo | None = None) -> Found:
    """Say what a class comes to.

    Args:
        record: the class; needs its `hello`.
        figures: its figures; None to work them out.
        zone: where its times are shown; this machine's zone by default.
    """
    known = digest(record) if figures is None else figures
    clock = Clock(known, zone)
    listed = islice((sentence for sentence in _findings(record, known, clock) if sentence), AT_MOST)
    return Found(_headline(record, known, clock), tuple(listed))


def _headline(record: Record, figures: Digest, clock: Clock) -> str:
    assert record.hello is not None
    if not len(record.timeline):
        return say("report.never_read", title=record.hello.title)
    span = clock.span(figures.duration_s)
    if figures.is_presence:
        seen = {name: words.count(figures.medians.get(name)) for name in ("present", "camera_on", "facing")}
        return say("headline.counts" if "facing" in figures.medians else "headline.cameras", span=span, **seen)
    if figures.index is None:
        return say("headline.unmeasured", span=span, people=words.people(record.hello.policy.k))
    means = _means(record, figures)
    if not figures.moves:
        return say("headline.steady", span=span, means=means, points=points(POINTS))
    return _moved(figures.moves, clock, means)


def _moved(moves: tuple[Move, ...], clock: Clock, means: str) -> str:
    first, back = moves[0], way_back(moves[0], moves)
    if len(moves) == 2 and back is not None:
        away = {"means": means, "at": clock.minute(first.start.at), "span": clock.span(back.end.at - first.start.at)}
        return say("headline.fell_back", **away) if first.by < 0 else say("headline.rose_back", **away)
    largest = max(moves, key=lambda move: move.size)
    at = clock.minute(largest.start.at)
    if len(moves) == 1:
        known: dict[str, str | float] = {"at": at, "points": points(first.size), "value": first.end.value}
        return say("headline.fell", **known) if first.by < 0 else say("headline.rose", **known)
    return say("headline.moved", n=len(moves), points=points(POINTS), at=at, means=means)


def _means(record: Record, figures: Digest) -> str:
    """Say in the level's own words where the class was for the longest time."""
    assert record.hello is not None
    assert figures.index is not None
    levels = record.hello.levels
    if sum(figures.level_s):
        most = max(range(len(levels)), key=lambda number: figures.level_s[number])
    else:
        most = max(number for number, level in enumerate(levels) if level.from_ * 100 <= figures.index.median)
    return words.level_means(record.hello, most)


def _findings(record: Record, figures: Digest, clock: Clock) -> Iterator[str]:
    """Yield what stood out, the weightiest first."""
    if not len(record.timeline):
        return
    if figures.is_presence:
        yield counts(figures)
        yield missing(record, figures, clock)
        return
    yield from _with_causes(record, figures, clock)
    is_gappy = figures.measured_s < (1 - MISSING_FROM) * figures.duration_s
    said = missing(record, figures, clock)
    if is_gappy:
        yield said
    for name, peak in sorted(peaks_of(figures), key=lambda each: each[1].median - each[1].high)[:1]:
        high, usual = (words.percent(value / 100, record.hello) for value in (peak.high, peak.median))
        yield say("found.peak", name=words.expression(name), share=high, at=clock(peak.high_at), usual=usual)
    yield attentive(record, figures)
    if not is_gappy:
        yield said


def _with_causes(record: Record, figures: Digest, clock: Clock) -> Iterator[str]:
    """Yield the largest moves, each with what an alert named as its largest part."""
    listed = sorted(sorted(figures.moves, key=lambda move: -move.size)[:MOVES_AT_MOST], key=lambda move: move.start.at)
    skip: Move | None = None
    for move in listed:
        if move is skip:
            continue
        skip = way_back(move, figures.moves)
        moved = move_in_words(move, skip, clock, group="found")
        alert = _alert_of(move, record)
        yield f"{moved} {say('found.part', why=words.alert_why(alert.alert))}" if alert else moved


def _alert_of(move: Move, record: Record) -> AlertAt | None:
    """Find the alert that a move raised: of its direction, with a window that touches it."""
    kind = "fall" if move.by < 0 else "rise"
    near = (
        known
        for known in record.alerts
        if known.alert.kind == kind
        and known.alert.window.start <= move.end.at + known.alert.window.end - known.alert.window.start
        and known.alert.window.end >= move.start.at - LAG_S
    )
    return next(near, None)
