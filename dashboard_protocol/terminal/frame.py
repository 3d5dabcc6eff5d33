"""One moment of a watched class, in one place for everything that draws it. Pure."""

from dataclasses import dataclass
from datetime import tzinfo

from dashboard_protocol.terminal.state import Condition, Watched
from dashboard_protocol.view import text as words
from dashboard_protocol.view.record import Record
from dashboard_protocol.view.timeline import Gap

WIDE = 72
"""From this many columns on things stand beside each other."""
INDEX, COUNT, ALERT, GOOD, NOTE, PLAIN, STRONG = (
    "#2a8fd0", "#7b8796", "bold #d0762b", "#1a9c78", "bright_black", "default", "bold default",
)  # fmt: skip
"""Hue names the quantity, as on the page; middle tones that are read on dark and on light."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What is drawn, when, and how wide."""

    watched: Watched
    width: int
    now: float
    """Monotonic seconds."""
    zone: tzinfo | None = None

    @property
    def record(self) -> Record:
        """What is known of the class."""
        return self.watched.record

    @property
    def state(self) -> str:
        """A key of `state` among the sentences."""
        return self.watched.state(self.now)

    @property
    def condition(self) -> Condition:
        """What the class values are worth."""
        return self.watched.condition(self.now)

    @property
    def is_old(self) -> bool:
        """Whether values are grey."""
        return self.condition in (Condition.STALE, Condition.LOST)

    @property
    def is_wide(self) -> bool:
        """Whether there is room for two columns."""
        return self.width >= WIDE

    @property
    def room_now(self) -> float:
        """The room's clock."""
        return self.watched.room_now(self.now)

    @property
    def second(self) -> int:
        """The newest second with a summary."""
        at = self.record.summary_at
        return int(self.room_now if at is None else at)

    @property
    def tail(self) -> Gap:
        """Why nothing is known after the newest summary."""
        return {"silent": Gap.FEED, "reconnecting": Gap.BOT}.get(self.state, Gap.NONE)

    def clock(self, at: float | None) -> str:
        """A time with seconds, for values that are old."""
        return words.DASH if at is None else words.clock(at, self.zone, exact=True)
