"""What happened, in sentences for somebody who was not there. Rules on numbers, no judgement. Pure."""

from collections.abc import Iterator, Sequence
from datetime import tzinfo

from dashboard_protocol.events import Withheld
from dashboard_protocol.report.totals import SHORT_S, Digest, Spread
from dashboard_protocol.report.turning_points import NEAR, Move
from dashboard_protocol.view import text as words
from dashboard_protocol.view.record import Record
from dashboard_protocol.view.text import points
from dashboard_protocol.view.timeline import Gap
from dashboard_protocol.view.trend import POINTS

MOVES_TOLD = 3
ALERTS_TOLD = 3


class Clock:
    """Times of day as this report tells them."""

    def __init__(self, figures: Digest, zone: tzinfo | None) -> None:
        self._zone = zone
        self._exact = figures.duration_s <= SHORT_S

    def __call__(self, at: float) -> str:
        """Show a time."""
        return words.clock(at, self._zone, exact=self._exact)

    def span(self, seconds: float) -> str:
        """Tell a length of time."""
        return words.span(seconds, exact=self._exact)


def story(record: Record, figures: Digest, zone: tzinfo | None = None) -> list[str]:
    """Tell the class in a few sentences, one paragraph each.

    Args:
        record: the class.
        figures: its figures.
        zone: where its times are told; this machine's zone by default.
    """
    clock = Clock(figures, zone)
    told = [_presence(record, figures, clock)]
    if figures.is_presence:
        told.append(_counts(figures))
    elif figures.index is not None and record.hello is not None:
        told += [_index(record, figures, figures.index, clock), _attentive(record, figures)]
        told += [_expressions(record, figures, clock), _alerts(record, clock)]
    told.append(_missing(record, figures, clock))
    return [sentence for sentence in told if sentence]


def _presence(record: Record, figures: Digest, clock: Clock) -> str:
    title = record.hello.title if record.hello else record.room
    if not len(record.timeline):
        return f"The bot was invited to {title} and never read a face there."
    most, usual = figures.present_max, int(figures.medians["present"])
    there = f"{words.people(most)} {'was' if most == 1 else 'were'} present"
    if min(record.timeline["present"]) == most:
        how_many = f"{there}."
    else:
        how_many = f"{there} for most of it." if usual == most else f"At most {there}, {usual} as the median."
    return (
        f"From {clock(figures.start)} to {clock(figures.end)} the bot was in {title} for "
        f"{clock.span(figures.duration_s)}. {how_many}"
    )


def _counts(figures: Digest) -> str:
    present, camera_on, visible, facing = (
        words.count(figures.medians.get(name)) for name in ("present", "camera_on", "visible", "facing")
    )
    return (
        f"As the median, {camera_on} of {present} had a camera on, {visible} had a face in view and {facing} faced the "
        "camera, counted in pairs. This is head direction, nothing more."
    )


def _index(record: Record, figures: Digest, found: Spread, clock: Clock) -> str:
    assert record.hello is not None
    total_s = sum(figures.level_s)
    moved = " ".join(_moves(figures.moves, clock)) or _steady(found)
    if not total_s:
        # A reader who came late has ten minutes of values without their levels.
        return f"The median of the engagement index was {found.median}. {moved}"
    level = max(range(4), key=lambda number: figures.level_s[number])
    name = f"{words.level_name(record.hello, level)} ({record.hello.levels[level].means})"
    share = figures.level_s[level] / total_s
    how_long = (
        "all of the measured time"
        if share > 0.995
        else f"{clock.span(figures.level_s[level])} of {clock.span(total_s)}"
    )
    often = "" if share > 0.995 else "most of the measured time: " if share > 0.5 else "longer than any other level: "
    return f"The engagement index of the class was {name} for {often}{how_long}; its median was {found.median}. {moved}"


def _steady(found: Spread) -> str:
    if found.low == found.high:
        return "It did not move."
    return f"It moved by less than {points(POINTS)} at a time and stayed between {found.low} and {found.high}."


def _moves(found: Sequence[Move], clock: Clock) -> Iterator[str]:
    """Tell the largest moves in order of time; a move and its way back are one sentence."""
    told = sorted(sorted(found, key=lambda move: -move.size)[:MOVES_TOLD], key=lambda move: move.start.at)
    skip: Move | None = None
    named = len(told)
    for move in told:
        if move is skip:
            continue
        sentence = (
            f"It {'fell' if move.by < 0 else 'rose'} by {points(move.size)}, from {move.start.value} to "
            f"{move.end.value}, {_when(move, clock)}"
        )
        back = next((other for other in found if other.start.at >= move.end.at and other.by * move.by < 0), None)
        if back is not None and abs(back.end.value - move.start.value) <= NEAR:
            named += back not in told
            skip = back
            sentence += f", and was back at {back.end.value} at {clock(back.end.at)}"
        yield f"{sentence}."
    more = len(found) - named
    if more > 0:
        yield f"{more} more {'move' if more == 1 else 'moves'} of {points(POINTS)} or more can be seen in the chart."


def _when(move: Move, clock: Clock) -> str:
    start, end = clock(move.start.at), clock(move.end.at)
    return f"at {start}" if start == end else f"between {start} and {end}"


def _attentive(record: Record, figures: Digest) -> str:
    found = figures.attentive
    if found is None:
        return ""
    low, middle, high = (words.percent(value / 100, record.hello) for value in (found.low, found.median, found.high))
    about = f"As the median, {middle} of the people analysed were attentive ({words.ATTENTIVE})"
    return f"{about}." if low == high else f"{about}: {low} at the lowest, {high} at the highest."


def _expressions(record: Record, figures: Digest, clock: Clock) -> str:
    if not figures.expressions:
        return ""
    shown = {name: found for name, found in figures.expressions.items() if name != "unclear"}
    if not shown:
        return ""
    unclear = figures.expressions.get("unclear")
    most = max(shown, key=lambda name: shown[name].median)
    peaks = [
        f"{words.EXPRESSION[name]} reached {words.percent(found.high / 100, record.hello)} at {clock(found.high_at)}"
        for name, found in shown.items()
        if name != "neutral" and found.high - found.median >= POINTS
    ]
    sentence = (
        f"Of the displayed expressions, {words.EXPRESSION[most]} was that of most people "
        f"({words.percent(shown[most].median / 100, record.hello)} as the median)"
    )
    if unclear is not None and unclear.median > shown[most].median:
        sentence += f"; in {words.percent(unclear.median / 100, record.hello)} of the faces none stood out"
    return "; ".join([sentence, *peaks]) + "."


def _alerts(record: Record, clock: Clock) -> str:
    number = len(record.alerts)
    if number == 0:
        return "No alert was raised."
    if number > ALERTS_TOLD:
        return f"{number} alerts were raised; they stand below."
    told = "; ".join(f"{words.alert_title(known.alert)}, at {clock(known.at)}" for known in record.alerts)
    return f"{'One alert was' if number == 1 else f'{number} alerts were'} raised: {told}."


def _missing(record: Record, figures: Digest, clock: Clock) -> str:
    said = []
    if (lasted_s := figures.withheld_s.get(Withheld.BELOW_K)) and record.hello:
        starts = [change.at for change in record.changes if change.kind == "withheld" and change.by > 0]
        said.append(
            f"Class values were withheld for {clock.span(lasted_s)}, while fewer than {record.hello.policy.k} people "
            f"were analysed{_times(starts, clock)}."
        )
    if lasted_s := figures.withheld_s.get(Withheld.WISHES_UNREACHABLE):
        said.append(
            f"Nothing was measurable for {clock.span(lasted_s)}: who asked not to be read could not be heard, "
            "and no pictures were taken."
        )
    for cause, what in ((Gap.BOT, "while the bot was away"), (Gap.FEED, "while the feed was interrupted")):
        stretches = [gap for gap in figures.away if gap.cause is cause]
        if stretches:
            whole = clock.span(sum(gap.end - gap.start for gap in stretches))
            said.append(f"Nothing is known for {whole} {what}{_times([gap.start for gap in stretches], clock)}.")
    return " ".join(said)


def _times(starts: Sequence[float], clock: Clock) -> str:
    told = ", ".join(clock(at) for at in starts[:MOVES_TOLD])
    more = " and later" if len(starts) > MOVES_TOLD else ""
    return f" (from {told}{more})" if told else ""
