"""Rows of the report's tables, and the CSV file. Pure."""

import csv
import io
from bisect import bisect_left
from datetime import UTC, datetime
from math import isnan, nan
from statistics import median_low

from dashboard_protocol.events import BotState, EndReason, State
from dashboard_protocol.language import Language, speaking
from dashboard_protocol.report.story import Clock
from dashboard_protocol.report.totals import Digest
from dashboard_protocol.view import text as words
from dashboard_protocol.view.plain_text import shown
from dashboard_protocol.view.record import Record
from dashboard_protocol.view.sentences import say
from dashboard_protocol.view.timeline import COLUMNS, COUNTS, WITHHELD

MAX_PERIODS = 20
_SEEN = ("present", "camera_on", "visible", "facing")
_STEPS_S = (10, 30, 60, 120, 300, 600, 900, 1800, 3600)
_CSV_NAMES = {"mean": "index_mean", "q1": "index_q1", "q3": "index_q3"} | {
    f"level_{number}": f"share_level_{number}" for number in range(4)
}
CSV_HEAD = ("time_utc", "at", *(_CSV_NAMES.get(name, name) for name in COLUMNS), "as_of", "withheld", "mark")
"""Columns of the CSV file; an empty cell was withheld or not measurable."""


def render_csv(record: Record) -> str:
    """Write one row a summary: UTC time, seconds on the room's clock, all counts and values; English, for programs."""
    timeline = record.timeline
    columns = [(timeline[name], name in COUNTS or name == "level") for name in COLUMNS]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_HEAD)
    with speaking(Language.EN):
        marks = _marks_by_row(record)
    for row, at in enumerate(timeline.at):
        time = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        values = (_cell(column[row], is_whole=is_whole) for column, is_whole in columns)
        as_of = timeline.as_of[row]
        seen = "" if isnan(as_of) else f"{as_of:.3f}"
        withheld = WITHHELD[timeline.withheld[row]] or ""
        writer.writerow((time, f"{at:.3f}", *values, seen, withheld, marks.get(row, "")))
    return text.getvalue()


def _marks_by_row(record: Record) -> dict[int, str]:
    """Place each mark in the row of its second, or the next one; nothing in it is a formula to a spreadsheet."""
    found: dict[int, str] = {}
    for known in record.marks:
        row = min(bisect_left(record.timeline.at, known.at), len(record.timeline) - 1)
        text = shown(words.mark(known.mark)).replace("\n", " ")
        found[row] = f"{found[row]}; {text}" if row in found else text
    return {row: f"'{text}" if text.startswith(("=", "+", "-", "@", "\t")) else text for row, text in found.items()}


def _cell(value: float, *, is_whole: bool) -> str:
    if isnan(value):
        return ""
    return f"{value:.0f}" if is_whole else f"{round(value, 4):g}"


def alert_rows(record: Record, clock: Clock) -> list[list[str]]:
    """Time, what, from which values in which window, largest part and people of each alert."""
    rows = []
    for known in record.alerts:
        alert = known.alert
        # Arrows are not mirrored where text runs from right to left.
        arrow = "←" if say("direction") == "rtl" else "→"
        values = f"{words.index(alert.from_)} {arrow} {words.index(alert.to)}".replace(" ", words.NB)
        start, end = (clock(at) for at in (alert.window.start, alert.window.end))
        what = say("report.alert_values", title=words.alert_title(alert), values=values, when=words.when(start, end))
        rows.append([clock(known.at), what, words.alert_why(alert), f"{alert.people}"])
    return rows


def change_rows(record: Record, clock: Clock) -> list[list[str]]:
    """What happened, in order of time: the bot's states and all but alerts and marks, which have their own tables."""
    reported = {state.since for state in record.states}
    changes = [change for change in record.changes if change.kind not in ("alert", "mark")]
    lines = [(change.at, str(change)) for change in changes if change.kind != "rejoined" or change.at not in reported]
    lines += [(state.since, said) for state in record.states if (said := _state(state))]
    return [[clock(at), said] for at, said in sorted(lines, key=lambda line: line[0])]


def _state(state: BotState) -> str | None:
    match state.state:
        case State.WAITING:
            return say("report.state.not_open" if state.reason == "not_open" else "report.state.lobby")
        case State.JOINING | State.LIVE | State.RECONNECTING:
            return say(f"report.state.{state.state.value}")
        case State.ENDED:
            reason = state.reason if state.reason in set(EndReason) else "unknown"
            return say("report.left", why=say(f"report.left_why.{reason}"))
    return None


def period_table(record: Record, figures: Digest, clock: Clock) -> tuple[list[str], list[list[str]], int]:
    """Medians of the published values over equal periods: head, rows, and the length of a period in seconds."""
    step_s = next((size for size in _STEPS_S if figures.duration_s / size <= MAX_PERIODS), _STEPS_S[-1])
    start, end = int(figures.start), int(figures.end)
    rows = [
        [clock(at), *_period(record, figures, at, at + step_s)] for at in range(start - start % step_s, end, step_s)
    ]
    if figures.is_presence:
        return [say(f"name.{name}") for name in ("time", *_SEEN)], rows, step_s
    named = [say(f"name.{name}") for name in ("attentive", "present", "analysed", "coverage", "valence", "arousal")]
    return [say("name.time"), say("report.fact_index"), say("report.level"), *named], rows, step_s


def _period(record: Record, figures: Digest, start: int, end: int) -> list[str]:
    def usual(column: str) -> float:
        known = record.timeline.known(column, start, end)
        return median_low(known) if known else nan

    if figures.is_presence:
        return [words.count(usual(column)) for column in _SEEN]
    level, hello = usual("level"), record.hello
    assert hello is not None
    named = words.DASH if isnan(level) else words.level_name(hello, int(level))
    affect = [words.signed(usual(column)) for column in ("valence", "arousal")]
    return [
        words.index(usual("mean")), named, words.percent(usual("attentive"), hello), words.count(usual("present")),
        words.count(usual("analysed")), words.percent(usual("coverage"), hello), *affect,
    ]  # fmt: skip
