"""Ten minutes of a column as block characters. Pure."""

from datetime import tzinfo
from math import floor, isnan
from statistics import median_low

from rich.text import Text

from dashboard_protocol import words
from dashboard_protocol.record import Record
from dashboard_protocol.timeline import Gap, Timeline

WINDOW_S = 600
ROWS = 4
MOST_CELLS = 60
"""One cell for each 10 s: class values are means of 10 s."""
_EIGHTHS = " ▁▂▃▄▅▆▇█"
_HATCH = "╱"


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
                line.append(_HATCH, style="bright_black")
            elif value is None:
                line.append(" ")
            else:
                line.append(_block(value / most, row, is_lowest=row == 0), style=style)
        rows.append(line)
    return rows


def _block(share: float, row: int, *, is_lowest: bool) -> str:
    eighths = floor(share * ROWS * 8 + 0.5) - row * 8
    return _EIGHTHS[min(8, max(1 if is_lowest else 0, eighths))]  # a value of 0 is not a gap


def axis(record: Record, second: int, number: int, zone: tzinfo | None) -> Text:
    """Label the time under the cells: clock, alert marks, now."""
    line = [" "] * number
    for minutes in (10, 5):
        at = second - minutes * 60
        if record.timeline.first is not None and at >= record.timeline.first - 60:
            _put(line, number * (10 - minutes) // 10, words.clock(at, zone))
    _put(line, number - 3, "now")
    said = Text("".join(line), style="bright_black")
    for known in record.alerts:
        cell = floor((known.at - second + WINDOW_S) / WINDOW_S * number)
        if 0 <= cell < number and not record.is_presence:
            said = said[:cell] + Text("▲", style="bold dark_orange3") + said[cell + 1 :]
    return said


def _put(line: list[str], place: int, word: str) -> None:
    if place + len(word) <= len(line):
        line[place : place + len(word)] = word
