"""What each strip of the report's charts shows."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from dashboard_protocol.view import text as words
from dashboard_protocol.view.sentences import say
from dashboard_protocol.vocabulary import DISPLAYED

Words = Callable[[], str]
"""Says something in the language that is spoken when it is drawn; empty for nothing."""


@dataclass(frozen=True, slots=True)
class Line:
    """One column as steps.

    Attributes:
        column: of the timeline.
        is_filled: whether the area below it is.
        is_reported: whether its last value stands at its right end.
    """

    column: str
    is_filled: bool = False
    is_reported: bool = False

    def label(self, value: float) -> str:
        """Say the last value."""
        return say(f"end_label.{self.column}", n=words.count(value))


@dataclass(frozen=True, slots=True)
class Strip:
    """One of the strips of a chart."""

    height: int
    lines: tuple[Line, ...]
    title: Words = str
    note: Words = str
    short_note: Words = str
    is_share: bool = True
    has_band: bool = False
    ticks: tuple[float, ...] = ()


AGGREGATE = (
    Strip(216, (Line("mean"),), has_band=True, ticks=(0, 0.5, 1)),
    Strip(
        70,
        (Line("attentive", is_filled=True),),
        lambda: say("name.attentive"),
        lambda: say("report.strip_attentive"),
        lambda: say("report.strip_attentive_short"),
        ticks=(0, 1),
    ),
    Strip(
        52,
        (Line("analysed", is_filled=True, is_reported=True), Line("present", is_reported=True)),
        lambda: say("name.people"),
        lambda: say("report.strip_people"),
        lambda: say("report.strip_people_short"),
        is_share=False,
    ),
)
COUNTS = (
    Strip(
        220,
        (
            Line("facing", is_filled=True, is_reported=True),
            *(Line(column, is_reported=True) for column in ("visible", "camera_on", "present")),
        ),
        is_share=False,
    ),
)
SHOWN = tuple(Strip(24, (Line(name, is_filled=True),), partial(words.expression, name)) for name in DISPLAYED)
