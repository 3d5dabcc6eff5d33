"""What a reader in a terminal knows of a class, and how fresh it is. Pure; time comes from outside."""

from dataclasses import dataclass, field
from enum import Enum, auto

from dashboard_protocol.events import AlertAt, Event, State, Withheld
from dashboard_protocol.view.record import Record

SILENT_S = 5.0
"""Without a summary for this long the values are stale."""
LOST_S = 60.0
"""And for this long they are not shown as values any more."""
ALERT_OPEN_S = 300.0
LIVE_STATES = frozenset({"live", "leaving", "silent", "reconnecting"})


class Condition(Enum):
    """What the class values are worth."""

    FRESH = auto()
    STALE = auto()
    LOST = auto()
    WITHHELD = auto()
    SETTLING = auto()


@dataclass
class Watched:
    """A record of the class, and when its newest event came, in monotonic seconds; two clocks are never compared."""

    record: Record = field(default_factory=Record)
    _heard_s: float = 0.0

    def take(self, event: Event, now: float) -> None:
        """Take an event in that came at `now`, in monotonic seconds."""
        self.record.apply(event)
        self._heard_s = now

    def room_now(self, now: float) -> float:
        """The room's clock now, from the last event and the time since it came."""
        return 0.0 if self.record.at is None else self.record.at + now - self._heard_s

    def age_s(self, now: float) -> float:
        """For how long no summary has come."""
        at = self.record.summary_at
        return 0.0 if at is None else max(0.0, self.room_now(now) - at)

    def state(self, now: float) -> str:
        """The state as a key of `state` among the sentences."""
        bot = self.record.bot
        if self.record.bye is not None or (bot is not None and bot.state is State.ENDED):
            return "ended"
        if bot is None or self.record.hello is None:
            return "connecting"
        if bot.state is State.WAITING:
            return "not_open" if bot.reason == "not_open" else "lobby"
        if bot.state is State.LIVE and self.age_s(now) > SILENT_S:
            return "silent"
        return bot.state.value

    def condition(self, now: float) -> Condition:
        """What the class values are worth now."""
        summary = self.record.summary
        if summary is None:
            return Condition.SETTLING
        if self.state(now) in ("silent", "reconnecting"):
            return Condition.LOST if self.age_s(now) > LOST_S else Condition.STALE
        if self.record.is_presence:
            return Condition.FRESH
        if summary.withheld in (Withheld.BELOW_K, Withheld.WISHES_UNREACHABLE):
            return Condition.WITHHELD
        return Condition.SETTLING if summary.engagement is None else Condition.FRESH

    def open_alert(self, now: float) -> AlertAt | None:
        """The newest alert while it is not older than five minutes; none under `presence`."""
        if not self.record.alerts or self.record.is_presence:
            return None
        newest = self.record.alerts[-1]
        return newest if self.room_now(now) - newest.at < ALERT_OPEN_S else None
