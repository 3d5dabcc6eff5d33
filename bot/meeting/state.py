"""The life of a bot in its room: which state it is in, since when, and why. Pure; never reads a clock."""

import logging
import math
from enum import Enum, auto

from bot.rooms.base import Admitted, Held, Lost
from dashboard_protocol.events import BotState, EndReason, State

SLEPT_S = 60.0
"""Whoever was not asked for so long, and is asked every second, was suspended."""

log = logging.getLogger(__name__)


class Trigger(Enum):
    """What can happen to a bot."""

    STARTED = auto()
    """It begins to join."""
    HELD = auto()
    """The room lets it wait: lobby, or not open yet."""
    ADMITTED = auto()
    """The room confirmed the join."""
    LOST = auto()
    """The connection to the room broke."""
    FINISHED = auto()
    """Its stay is over; it begins to leave."""
    GONE = auto()
    """It has left the room."""


TRANSITIONS: dict[tuple[State, Trigger], State] = {
    (State.REQUESTED, Trigger.STARTED): State.JOINING,
    (State.REQUESTED, Trigger.FINISHED): State.LEAVING,
    (State.JOINING, Trigger.HELD): State.WAITING,
    (State.JOINING, Trigger.ADMITTED): State.LIVE,
    (State.JOINING, Trigger.LOST): State.JOINING,
    (State.JOINING, Trigger.FINISHED): State.LEAVING,
    (State.WAITING, Trigger.HELD): State.WAITING,
    (State.WAITING, Trigger.ADMITTED): State.LIVE,
    (State.WAITING, Trigger.LOST): State.JOINING,
    (State.WAITING, Trigger.FINISHED): State.LEAVING,
    (State.LIVE, Trigger.LOST): State.RECONNECTING,
    (State.LIVE, Trigger.FINISHED): State.LEAVING,
    (State.RECONNECTING, Trigger.LOST): State.RECONNECTING,
    (State.RECONNECTING, Trigger.HELD): State.WAITING,
    (State.RECONNECTING, Trigger.ADMITTED): State.LIVE,
    (State.RECONNECTING, Trigger.FINISHED): State.LEAVING,
    (State.LEAVING, Trigger.FINISHED): State.LEAVING,
    (State.LEAVING, Trigger.LOST): State.LEAVING,
    (State.LEAVING, Trigger.GONE): State.ENDED,
}
"""Every move a bot can make. A pair that is missing is a bug of the caller."""


class StateMachine:
    """Keeps a bot's state. The first reason for leaving stands, whatever happens while it leaves."""

    def __init__(self, at: float) -> None:
        self._state = State.REQUESTED
        self._since = at
        self._reason: str | None = None
        self._attempts = 0
        self._end_reason: EndReason | None = None
        self._live_since: float | None = None
        self._alone_since: float | None = None
        self._alone_seen_at = -math.inf

    @property
    def state(self) -> State:
        """The present state."""
        return self._state

    @property
    def live_since(self) -> float | None:
        """When the bot was first live, in seconds on the room's clock; None before."""
        return self._live_since

    @property
    def end_reason(self) -> EndReason | None:
        """Why the stay ended; None while it goes on."""
        return self._end_reason

    def start(self, at: float) -> BotState:
        """Begin to join."""
        return self._move(Trigger.STARTED, at, None)

    def hold(self, at: float, reason: str) -> BotState:
        """The room lets the bot wait; `reason` is `lobby` or `not_open`."""
        return self._move(Trigger.HELD, at, reason)

    def admit(self, at: float) -> BotState:
        """The room confirmed the join: only this makes a bot live."""
        return self._move(Trigger.ADMITTED, at, None)

    def lose(self, at: float, reason: str) -> BotState:
        """The connection broke, or a try to mend it failed; each call counts one attempt."""
        return self._move(Trigger.LOST, at, reason)

    def follow(self, at: float, event: Admitted | Held | Lost) -> BotState:
        """Take what the room said of the bot itself."""
        match event:
            case Admitted():
                return self.admit(at)
            case Held(reason=reason):
                return self.hold(at, reason)
            case Lost(reason=reason):
                return self.lose(at, reason)

    def alone_s(self, at: float, present: int) -> float:
        """Say for how long nobody but the bot has been in the room; call it regularly.

        A room whose connection is broken, or which is not open yet, may be full of people: that time does not count.
        Nor does the time for which the bot itself slept, as with the lid of its machine.

        Args:
            at: Now, in seconds on the room's clock.
            present: How many people are in the room, bots not counted.
        """
        if present or self._state is not State.LIVE:
            self._alone_since = None
            return 0.0
        if self._alone_since is None or at - self._alone_seen_at > SLEPT_S:
            self._alone_since = at
        self._alone_seen_at = at
        return at - self._alone_since

    def finish(self, at: float, reason: EndReason) -> BotState:
        """Begin to leave."""
        self._end_reason = self._end_reason or reason
        return self._move(Trigger.FINISHED, at, self._end_reason)

    def gone(self, at: float) -> BotState:
        """The bot has left the room: nothing of it is there any more."""
        return self._move(Trigger.GONE, at, self._end_reason)

    def _move(self, trigger: Trigger, at: float, reason: str | None) -> BotState:
        state = TRANSITIONS[self._state, trigger]
        self._attempts = self._attempts + 1 if trigger is Trigger.LOST else 0
        if state is not self._state:
            log.info("bot is %s%s", state, f" ({reason})" if reason else "")
            self._since = at
        self._state, self._reason = state, reason
        if state is State.LIVE and self._live_since is None:
            self._live_since = at
        return self.as_event()

    def as_event(self) -> BotState:
        """The present state as an event."""
        return BotState(state=self._state, since=self._since, reason=self._reason, attempts=self._attempts)
