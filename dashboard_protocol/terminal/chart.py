"""Ten minutes of a column as block characters, with what stands beside and below them. Pure."""

from math import floor, isnan
from statistics import median_low

from rich.console import Group, RenderableType
from rich.text import Text

from dashboard_protocol.terminal.frame import ALERT, COUNT, GOOD, INDEX, NOTE, STRONG, Moment
from dashboard_protocol.terminal.state import Condition
from dashboard_protocol.view import text as words
from dashboard_protocol.view.sentences import say
from dashboard_protocol.view.timeline import Gap, Timeline

WINDOW_S = 600
ROWS = 4
MOST_CELLS = 60
"""One cell for each 10 s: class values are means of 10 s."""
_EIGHTHS = " ▁▂▃▄▅▆▇█"
_HATCH = "╱"
_LABEL_CELLS = 4
_LEVEL_CELLS = 16


def cells(timeline: Timeline, column: str, second: int, number: int, tail: Gap) -> list[float | Gap | None]:
    """Cut the last ten minutes into cells, oldest first.

    Args:
        timeline: the class.
        column: its column.
        second: the newest second, on the room's clock.
        number: how many cells.
        tail: why nothing is known after the newest row.

    Returns:
        The lower median of each cell, or why nothing is known, or None before the class.
    """
    found: list[float | Gap | None] = []
    for cell in range(number):
        start = second + 1 - WINDOW_S + cell * WINDOW_S // number
        end = max(start + 1, second + 1 - WINDOW_S + (cell + 1) * WINDOW_S // number)
        known = [value for at in range(start, end) if not isnan(value := timeline.get(column, at))]
        causes = [cause for at in range(start, end) if (cause := _cause(timeline, at, tail)) is not Gap.NONE]
        found.append(median_low(known) if known else causes[-1] if causes else None)
    return found


def _cause(timeline: Timeline, second: int, tail: Gap) -> Gap:
    return tail if timeline.last is not None and second > timeline.last else timeline.cause(second)


def chart_rows(values: list[float | Gap | None], most: float, style: str) -> list[Text]:
    """Draw cells as rows of blocks, highest first; gaps are hatched and never bridged."""
    rows = []
    for row in range(ROWS - 1, -1, -1):
        line = Text()
        for value in values:
            if isinstance(value, Gap):
                line.append(_HATCH, style=NOTE)
            elif value is None:
                line.append(" ")
            else:
                line.append(_block(value / most, row, is_lowest=row == 0), style=style)
        rows.append(line)
    return rows


def _block(share: float, row: int, *, is_lowest: bool) -> str:
    eighths = floor(share * ROWS * 8 + 0.5) - row * 8
    return _EIGHTHS[min(8, max(1 if is_lowest else 0, eighths))]  # a value of 0 is not a gap


def chart(moment: Moment) -> RenderableType:
    """Draw the index with the levels' shares beside it, or the people who face the camera."""
    record, is_presence = moment.record, moment.record.is_presence
    beside = None if is_presence or not moment.is_wide else _level_rows(moment)
    number = max(10, min(MOST_CELLS, moment.width - _LABEL_CELLS - (_LEVEL_CELLS if beside else 0)))
    second = moment.second if moment.tail is Gap.NONE else int(moment.room_now)
    column, most, style = "mean", 1.0, INDEX
    if is_presence:
        column, style = "facing", COUNT
        most = max([1.0, *record.timeline.known("present", second - WINDOW_S, second + 1)])
    drawn = chart_rows(cells(record.timeline, column, second, number, moment.tail), most, style)
    labels = [f"{most:.0f}" if is_presence else "100", "", "", "0"]
    rows = [Text(f"{label:>3} ", style=NOTE).append_text(line) for label, line in zip(labels, drawn, strict=True)]
    if beside is not None:
        rows = [row.append_text(level) for row, level in zip(rows, beside, strict=True)]
    above = [Text(f"    {say('terminal.facing')}", style=NOTE)] if is_presence else []
    return Group(*above, *rows, Text(" " * _LABEL_CELLS).append_text(_axis(moment, second, number)))


def _level_rows(moment: Moment) -> list[Text]:
    """The four levels, highest first, each with its share of people."""
    summary, hello = moment.record.summary, moment.record.hello
    engagement = summary.engagement if summary and moment.condition is not Condition.LOST else None
    shares = engagement.levels if engagement else None
    rows = []
    for level in range(ROWS - 1, -1, -1):
        name = words.level_name(hello, level) if hello else ""
        is_now = engagement is not None and engagement.level == level and not moment.is_old
        share = words.percent(shares[level] if shares else None, hello)
        rows.append(Text(f" {name:<9} {share:>5}", style=STRONG if is_now else NOTE))
    return rows


def _axis(moment: Moment, second: int, number: int) -> Text:
    """Label the time under the cells: clock, alert marks, now."""
    first, line = moment.record.timeline.first, [" "] * number
    alerts = () if moment.record.is_presence else moment.record.alerts
    marks = {floor((known.at - second + WINDOW_S) / WINDOW_S * number): known.alert.kind for known in alerts}
    for minutes in (10, 5):
        at = second - minutes * 60
        if first is not None and at >= first - 60:
            _put(line, number * (10 - minutes) // 10, words.clock(at, moment.zone), set(marks))
    now = say("value.now")
    _put(line, number - len(now), now, set(marks))
    said = Text("".join(line), style=NOTE)
    for mark, kind in marks.items():
        if mark in range(number):
            head = Text("↗", style=GOOD) if kind == "rise" else Text("▲", style=ALERT)
            said = said[:mark] + head + said[mark + 1 :]
    return said


def _put(line: list[str], place: int, word: str, marks: set[int]) -> None:
    """Write a word over the line, unless a mark would stand in it."""
    if marks.isdisjoint(range(place, place + len(word))):
        line[place : place + len(word)] = word
