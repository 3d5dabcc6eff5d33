"""What is said of an alert as it is now, as the page's `alerts.js` says it. Pure."""

from dataclasses import dataclass
from datetime import tzinfo
from math import floor

from dashboard_protocol.events import Alert
from dashboard_protocol.view import text as words
from dashboard_protocol.view.sentences import say

BACK_POINTS = 10
"""Nearer than this to where it was the index is back."""


@dataclass(frozen=True, slots=True)
class AlertNow:
    """An alert in words."""

    title: str
    ground: str
    tip: str
    """A likely reason without blame and one thing to try; empty where there is nothing to do."""
    is_good: bool
    """Whether it is no alarm: the index rose, or is back."""


def alert_now(raised: Alert, mean: float | None = None, zone: tzinfo | None = None) -> AlertNow:
    """Say what is true of an alert now.

    Args:
        raised: the alert.
        mean: of the class; None while it is not known.
        zone: where times are shown.
    """
    before, after = raised.from_, raised.to if mean is None else mean
    moved = floor(after * 100 + 0.5) - floor(before * 100 + 0.5)
    is_fall = raised.kind == "fall"
    is_over = moved > -BACK_POINTS if is_fall else moved < BACK_POINTS
    values = {
        "before": words.index(before),
        "after": words.index(after),
        "points": words.points(abs(moved)),
        "at": words.clock(raised.window.start, zone),
    }
    return AlertNow(
        title=say(f"alert.{'back' if is_over else raised.kind}", **values),
        ground=say("alert.part", people=words.people(raised.people), why=words.alert_why(raised)),
        tip=say(f"tip.{raised.why}") if is_fall and not is_over else "",
        is_good=is_over or not is_fall,
    )
