"""What happened, in sentences for somebody who was not there. Rules on numbers, no judgement. Pure."""

from collections.abc import Iterator, Sequence
from datetime import tzinfo

from dashboard_protocol.events import Withheld
from dashboard_protocol.report.totals import SHORT_S, Digest, Spread
from dashboard_protocol.report.turning_points import NEAR, Move
from dashboard_protocol.view import text as words
from dashboard_protocol.view.record import Record
from dashboard_protocol.view.sentences import say
from dashboard_protocol.view.text import points
from dashboard_protocol.view.timeline import Gap
from dashboard_protocol.view.trend import POINTS

MOVES_NAMED = 3
ALERTS_NAMED = 3
SETTLING_SAID_S = 5.0
"""Shorter waits for values are not worth a sentence."""


class Clock:
    """Times of day as this report writes them."""

    def __init__(self, figures: Digest, zone: tzinfo | None) -> None:
        self._zone = zone
        self._exact = figures.duration_s <= SHORT_S

    def __call__(self, at: float) -> str:
        """Show a time."""
        return words.clock(at, self._zone, exact=self._exact)

    def minute(self, at: float) -> str:
        """Show a time for somebody who reads it aloud."""
        return words.clock(at, self._zone)

    def span(self, seconds: float) -> str:
        """Write a length of time."""
        return words.span(seconds, exact=self._exact)


def story(record: Record, figures: Digest, zone: tzinfo | None = None) -> list[str]:
    """Describe the class in a few sentences, one paragraph each.

    Args:
        record: the class.
        figures: its figures.
        zone: where its times are shown; this machine's zone by default.
    """
    clock = Clock(figures, zone)
    sentences = [_presence(record, figures, clock)]
    if figures.is_presence:
        sentences.append(counts(figures))
    elif len(record.timeline):
        sentences[0] += " " + say("report.cameras", camera_on=words.count(figures.medians.get("camera_on")))
    if not figures.is_presence and figures.index is not None and record.hello is not None:
        sentences += [_index(record, figures, figures.index, clock), attentive(record, figures)]
        sentences += [_expressions(record, figures, clock), _alerts(record, clock)]
    sentences.append(missing(record, figures, clock))
    return [sentence for sentence in sentences if sentence]


def _presence(record: Record, figures: Digest, clock: Clock) -> str:
    title = record.hello.title if record.hello else record.room
    if not len(record.timeline):
        return say("report.never_read", title=title)
    most, usual = figures.present_max, int(figures.medians["present"])
    there = say("report.were_present", n=most, people=words.people(most))
    if min(record.timeline["present"]) == most:
        how_many = say("report.present_all", present=there)
    elif usual == most:
        how_many = say("report.present_most", present=there)
    else:
        how_many = say("report.present_up_to", present=there, usual=usual)
    return say(
        "report.stay",
        start=clock(figures.start),
        end=clock(figures.end),
        title=title,
        span=clock.span(figures.duration_s),
        present=how_many,
    )


def counts(figures: Digest) -> str:
    """Say how many were there, had their camera on and faced it."""
    present, camera_on, visible, facing = (
        words.count(figures.medians.get(name)) for name in ("present", "camera_on", "visible", "facing")
    )
    return say("report.counts", present=present, camera_on=camera_on, visible=visible, facing=facing)


def _index(record: Record, figures: Digest, found: Spread, clock: Clock) -> str:
    assert record.hello is not None
    total_s = sum(figures.level_s)
    moved = " ".join(_moves(figures.moves, clock)) or _steady(found)
    if not total_s:
        # A reader who came late has ten minutes of values without their levels.
        return say("report.index_median", median=found.median, moved=moved)
    level = max(range(4), key=lambda number: figures.level_s[number])
    name, means = words.level_name(record.hello, level), words.level_means(record.hello, level)
    share = figures.level_s[level] / total_s
    how_long = say("report.level_all")
    if share <= 0.995:
        part, whole = clock.span(figures.level_s[level]), clock.span(total_s)
        how_long = say("report.level_most" if share > 0.5 else "report.level_longest", part=part, whole=whole)
    return say("report.index", level=name, means=means, how_long=how_long, median=found.median, moved=moved)


def _steady(found: Spread) -> str:
    if found.low == found.high:
        return say("report.unmoved")
    return say("report.steady", points=points(POINTS), low=found.low, high=found.high)


def _moves(found: Sequence[Move], clock: Clock) -> Iterator[str]:
    """Describe the largest moves in order of time; a move and its way back are one sentence."""
    listed = sorted(sorted(found, key=lambda move: -move.size)[:MOVES_NAMED], key=lambda move: move.start.at)
    skip: Move | None = None
    named = len(listed)
    for move in listed:
        if move is skip:
            continue
        skip = way_back(move, found)
        named += skip is not None and skip not in listed
        yield move_in_words(move, skip, clock)
    more = len(found) - named
    if more > 0:
        yield say("report.more_moves", n=more, points=points(POINTS))


def move_in_words(move: Move, back: Move | None, clock: Clock, group: str = "report") -> str:
    """Describe a move, and in the same sentence its way back.

    Args:
        move: where the index went.
        back: what undid it; None where nothing did.
        clock: writes times.
        group: in which the sentences stand.
    """
    is_fall = move.by < 0
    values: dict[str, str | float] = {"before": move.start.value, "after": move.end.value}
    moved: dict[str, str | float] = {"points": points(move.size), "when": _when(move, clock)}
    if back is None:
        return say(f"{group}.fell" if is_fall else f"{group}.rose", **values, **moved)
    returned: dict[str, str | float] = {"back": back.end.value, "at": clock(back.end.at)}
    return say(f"{group}.fell_back" if is_fall else f"{group}.rose_back", **returned, **values, **moved)


def way_back(move: Move, found: Sequence[Move]) -> Move | None:
    """Return the move that undid another one; None where the values stayed."""
    back = next((other for other in found if other.start.at >= move.end.at and other.by * move.by < 0), None)
    return back if back is not None and abs(back.end.value - move.start.value) <= NEAR else None


def _when(move: Move, clock: Clock) -> str:
    start, end = clock(move.start.at), clock(move.end.at)
    return say("report.at", at=start) if start == end else say("report.between", start=start, end=end)


def attentive(record: Record, figures: Digest) -> str:
    """Say which share was attentive; empty where it was not measured."""
    found = figures.attentive
    if found is None:
        return ""
    low, middle, high = (words.percent(value / 100, record.hello) for value in (found.low, found.median, found.high))
    means = say("value.attentive")
    if low == high:
        return say("report.attentive", share=middle, means=means)
    return say("report.attentive_range", share=middle, means=means, low=low, high=high)


def _expressions(record: Record, figures: Digest, clock: Clock) -> str:
    if not figures.expressions:
        return ""
    shown = {name: found for name, found in figures.expressions.items() if name != "unclear"}
    if not shown:
        return ""
    unclear = figures.expressions.get("unclear")
    most = max(shown, key=lambda name: shown[name].median)
    peaks = [
        say(
            "report.reached",
            name=words.expression(name),
            share=words.percent(found.high / 100, record.hello),
            at=clock(found.high_at),
        )
        for name, found in peaks_of(figures)
    ]
    share = words.percent(shown[most].median / 100, record.hello)
    said = [say("report.most_shown", name=words.expression(most), share=share)]
    if unclear is not None and unclear.median > shown[most].median:
        said.append(say("report.none_stood_out", share=words.percent(unclear.median / 100, record.hello)))
    return "; ".join([*said, *peaks]) + "."


def peaks_of(figures: Digest) -> list[tuple[str, Spread]]:
    """List the expressions that for a while were displayed by clearly more people than usual, in the engine's order."""
    return [
        (name, found)
        for name, found in figures.expressions.items()
        if name not in ("neutral", "unclear") and found.high - found.median >= POINTS
    ]


def _alerts(record: Record, clock: Clock) -> str:
    number = len(record.alerts)
    if number == 0:
        return say("report.no_alert")
    if number > ALERTS_NAMED:
        return say("report.many_alerts", n=number)
    listed = [
        say("report.alert_at", title=words.alert_title(known.alert), at=clock(known.at)) for known in record.alerts
    ]
    return say("report.some_alerts", n=number, listed="; ".join(listed))


def missing(record: Record, figures: Digest, clock: Clock) -> str:
    """Say for how long nothing was measured, and why; empty where everything was."""
    said = []
    if (lasted_s := figures.withheld_s.get(Withheld.BELOW_K)) and record.hello:
        starts = [change.at for change in record.changes if change.kind == "withheld" and change.by > 0]
        k, times = record.hello.policy.k, _times(starts, clock)
        said.append(say("report.withheld", span=clock.span(lasted_s), k=k, times=times))
    if (lasted_s := figures.withheld_s.get(Withheld.SETTLING, 0.0)) >= SETTLING_SAID_S:
        said.append(say("report.settling", span=clock.span(lasted_s)))
    if lasted_s := figures.withheld_s.get(Withheld.WISHES_UNREACHABLE):
        said.append(say("report.unheard", span=clock.span(lasted_s)))
    for cause, key in ((Gap.BOT, "report.away_bot"), (Gap.FEED, "report.away_feed")):
        stretches = [gap for gap in figures.away if gap.cause is cause]
        if stretches:
            whole = clock.span(sum(gap.end - gap.start for gap in stretches))
            said.append(say(key, span=whole, times=_times([gap.start for gap in stretches], clock)))
    return " ".join(said)


def _times(starts: Sequence[float], clock: Clock) -> str:
    listed = ", ".join(clock(at) for at in starts[:MOVES_NAMED])
    if not listed:
        return ""
    return say("report.times_more" if len(starts) > MOVES_NAMED else "report.times", times=listed)
