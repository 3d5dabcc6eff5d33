"""What each strip of the report's charts shows."""

from collections.abc import Callable
from dataclasses import dataclass

from dashboard_protocol.view import text as words
from dashboard_protocol.vocabulary import DISPLAYED


@dataclass(frozen=True, slots=True)
class Line:
    """One column as steps."""

    column: str
    label: Callable[[float], str] | None = None
    """Says the last value at the right end of the line."""
    is_filled: bool = False


@dataclass(frozen=True, slots=True)
class Strip:
    """One of the strips of a chart."""

    height: int
    lines: tuple[Line, ...]
    title: str = ""
    note: str = ""
    short_note: str = ""
    is_share: bool = True
    has_band: bool = False
    ticks: tuple[float, ...] = ()


AGGREGATE = (
    Strip(216, (Line("mean"),), has_band=True, ticks=(0, 0.5, 1)),
    Strip(
        70,
        (Line("attentive", is_filled=True),),
        "Attentive",
        "% of people analysed, facing the screen with gaze on it",
        "% of people analysed",
        ticks=(0, 1),
    ),
    Strip(
        52,
        (
            Line("analysed", lambda value: f"{words.count(value)} analysed", True),
            Line("present", lambda value: f"{words.count(value)} present"),
        ),
        "People",
        "solid: analysed · dashed: present",
        "analysed (solid), present (dashed)",
        is_share=False,
    ),
)
COUNTS = (
    Strip(
        220,
        (
            Line("facing", lambda value: f"{words.count(value)} facing", True),
            Line("visible", lambda value: f"{words.count(value)} face in view"),
            Line("camera_on", lambda value: f"{words.count(value)} camera on"),
            Line("present", lambda value: f"{words.count(value)} present"),
        ),
        is_share=False,
    ),
)
SHOWN = tuple(Strip(24, (Line(name, is_filled=True),), words.EXPRESSION[name]) for name in DISPLAYED)
