"""One claimed invitation in a worker's hands: what comes next, in whatever order things happen. Pure; no clock."""

import logging
from collections import deque
from enum import StrEnum, auto

from dashboard_protocol.backoff import Backoff
from dashboard_protocol.vocabulary import EndReason, State

MAX_RESTARTS = 8
RESTARTS_S = 120.0
"""More restarts of one bot in this time, and it has failed."""
LONGEST_PAUSE_S = 8.0
PAUSES = Backoff(1.0, LONGEST_PAUSE_S)
"""Between restarts; the first one is at once."""
YIELD_S = 5.0
"""A bot that was outrun waits for so long: where another worker has the meeting by right, the queue says so before."""
SHUT_OUT_S = 14.0
"""A room that another bot holds is tried for so long: one that died without a word holds it for ten seconds."""
SHUT_OUT_PAUSE_S = 3.0

log = logging.getLogger(__name__)


class Phase(StrEnum):
    """Where a worker is with one invitation."""

    PAUSED = auto()
    """No process serves it; one is started when the pause is over."""
    STARTING = auto()
    """A process is being started."""
    SERVING = auto()
    ENDING = auto()
    """The bot said that its stay is over; its process is about to end."""
    LEAVING = auto()
    """Somebody asked the bot to leave: its process was asked to."""
    HANDING_OVER = auto()
    """Another worker is to go on: the process was asked to leave."""
    YIELDING = auto()
    """A newer bot has the room; the process ends by itself."""
    SHUT_OUT = auto()
    """A bot that is not this one holds the room; the process ends by itself, and is started again for a while."""
    UNHEARD = auto()
    """The bus refuses all that the bot says, which has left; its process is about to end."""
    DROPPING = auto()
    """The meeting is another worker's: the process was killed."""

    ENDED = auto()
    """Over, as the bot reported itself."""
    DISMISSED = auto()
    """Over, asked to leave, and the bot did not report it."""
    FAILED = auto()
    """Over: it broke too often."""
    REFUSED = auto()
    """Over: the bus refused what it said for too long."""
    TAKEN = auto()
    """Over: the room is somebody else's."""
    RELEASED = auto()
    """Not ours any more: given back."""
    LOST = auto()
    """Not ours any more: taken."""


class Happening(StrEnum):
    """What can happen to it."""

    DUE = auto()
    """The pause is over."""
    STARTED = auto()
    NOT_STARTED = auto()
    """This machine has no process for it."""
    REPORTED_END = auto()
    """The bot said that its stay is over and the room left."""
    OUTRUN = auto()
    """The bot said that a newer bot has its room."""
    ROOM_TAKEN = auto()
    """The bot said that another bot holds its room."""
    BUS_REFUSED = auto()
    """The bot reported that the bus has refused what it says for too long."""
    GONE = auto()
    """The process is no more."""
    WORN_OUT = auto()
    """The process is no more, once too often."""
    LEAVE = auto()
    """Somebody asked the bot to leave."""
    HAND_OVER = auto()
    """The worker is about to end."""
    LOST = auto()
    """The queue gave the invitation to another worker, or it is over."""
    BROKE = auto()
    """What looks after it has a bug, or its settings cannot be used; the process is no more."""


OVER = frozenset({Phase.ENDED, Phase.DISMISSED, Phase.FAILED, Phase.REFUSED, Phase.TAKEN, Phase.RELEASED, Phase.LOST})

TRANSITIONS: dict[tuple[Phase, Happening], Phase] = {
    (Phase.PAUSED, Happening.DUE): Phase.STARTING,
    (Phase.PAUSED, Happening.LEAVE): Phase.DISMISSED,
    (Phase.PAUSED, Happening.HAND_OVER): Phase.RELEASED,
    (Phase.PAUSED, Happening.LOST): Phase.LOST,
    (Phase.STARTING, Happening.STARTED): Phase.SERVING,
    (Phase.STARTING, Happening.NOT_STARTED): Phase.RELEASED,
    (Phase.STARTING, Happening.LEAVE): Phase.LEAVING,
    (Phase.STARTING, Happening.HAND_OVER): Phase.HANDING_OVER,
    (Phase.STARTING, Happening.LOST): Phase.DROPPING,
    (Phase.SERVING, Happening.REPORTED_END): Phase.ENDING,
    (Phase.SERVING, Happening.OUTRUN): Phase.YIELDING,
    (Phase.SERVING, Happening.ROOM_TAKEN): Phase.SHUT_OUT,
    (Phase.SERVING, Happening.BUS_REFUSED): Phase.UNHEARD,
    (Phase.SERVING, Happening.GONE): Phase.PAUSED,
    (Phase.SERVING, Happening.WORN_OUT): Phase.FAILED,
    (Phase.SERVING, Happening.LEAVE): Phase.LEAVING,
    (Phase.SERVING, Happening.HAND_OVER): Phase.HANDING_OVER,
    (Phase.SERVING, Happening.LOST): Phase.DROPPING,
    (Phase.ENDING, Happening.GONE): Phase.ENDED,
    (Phase.ENDING, Happening.LEAVE): Phase.ENDING,
    (Phase.ENDING, Happening.HAND_OVER): Phase.ENDING,
    (Phase.ENDING, Happening.LOST): Phase.ENDING,  # the queue knows that it is over: its last words are on their way
    (Phase.LEAVING, Happening.STARTED): Phase.LEAVING,
    (Phase.LEAVING, Happening.NOT_STARTED): Phase.DISMISSED,
    (Phase.LEAVING, Happening.REPORTED_END): Phase.ENDING,
    (Phase.LEAVING, Happening.OUTRUN): Phase.LEAVING,
    (Phase.LEAVING, Happening.ROOM_TAKEN): Phase.LEAVING,
    (Phase.LEAVING, Happening.BUS_REFUSED): Phase.LEAVING,
    (Phase.LEAVING, Happening.GONE): Phase.DISMISSED,
    (Phase.LEAVING, Happening.LEAVE): Phase.LEAVING,
    (Phase.LEAVING, Happening.HAND_OVER): Phase.LEAVING,
    (Phase.LEAVING, Happening.LOST): Phase.DROPPING,
    (Phase.HANDING_OVER, Happening.STARTED): Phase.HANDING_OVER,
    (Phase.HANDING_OVER, Happening.NOT_STARTED): Phase.RELEASED,
    (Phase.HANDING_OVER, Happening.REPORTED_END): Phase.HANDING_OVER,
    (Phase.HANDING_OVER, Happening.OUTRUN): Phase.HANDING_OVER,
    (Phase.HANDING_OVER, Happening.ROOM_TAKEN): Phase.HANDING_OVER,
    (Phase.HANDING_OVER, Happening.BUS_REFUSED): Phase.HANDING_OVER,
    (Phase.HANDING_OVER, Happening.GONE): Phase.RELEASED,
    (Phase.HANDING_OVER, Happening.LEAVE): Phase.LEAVING,
    (Phase.HANDING_OVER, Happening.HAND_OVER): Phase.HANDING_OVER,
    (Phase.HANDING_OVER, Happening.LOST): Phase.DROPPING,
    (Phase.YIELDING, Happening.GONE): Phase.PAUSED,
    (Phase.YIELDING, Happening.WORN_OUT): Phase.FAILED,
    (Phase.YIELDING, Happening.LEAVE): Phase.LEAVING,
    (Phase.YIELDING, Happening.HAND_OVER): Phase.HANDING_OVER,
    (Phase.YIELDING, Happening.LOST): Phase.DROPPING,
    (Phase.SHUT_OUT, Happening.GONE): Phase.PAUSED,
    (Phase.SHUT_OUT, Happening.WORN_OUT): Phase.TAKEN,
    (Phase.SHUT_OUT, Happening.LEAVE): Phase.LEAVING,
    (Phase.SHUT_OUT, Happening.HAND_OVER): Phase.HANDING_OVER,
    (Phase.SHUT_OUT, Happening.LOST): Phase.DROPPING,
    (Phase.UNHEARD, Happening.GONE): Phase.REFUSED,
    (Phase.UNHEARD, Happening.LEAVE): Phase.LEAVING,
    (Phase.UNHEARD, Happening.HAND_OVER): Phase.UNHEARD,  # others would be refused by the same bus
    (Phase.UNHEARD, Happening.LOST): Phase.DROPPING,
    (Phase.DROPPING, Happening.STARTED): Phase.DROPPING,
    (Phase.DROPPING, Happening.NOT_STARTED): Phase.LOST,
    (Phase.DROPPING, Happening.REPORTED_END): Phase.DROPPING,
    (Phase.DROPPING, Happening.OUTRUN): Phase.DROPPING,
    (Phase.DROPPING, Happening.ROOM_TAKEN): Phase.DROPPING,
    (Phase.DROPPING, Happening.BUS_REFUSED): Phase.DROPPING,
    (Phase.DROPPING, Happening.GONE): Phase.LOST,
    (Phase.DROPPING, Happening.LEAVE): Phase.DROPPING,
    (Phase.DROPPING, Happening.HAND_OVER): Phase.DROPPING,
    (Phase.DROPPING, Happening.LOST): Phase.DROPPING,
}
"""Every move. What others ask (LEAVE, HAND_OVER, LOST) may come in any phase; another pair that is missing is a bug."""
TRANSITIONS |= {(phase, Happening.BROKE): Phase.FAILED for phase in Phase if phase not in OVER}
TRANSITIONS |= {
    (phase, order): phase
    for phase in Phase
    for order in (Happening.LEAVE, Happening.HAND_OVER, Happening.LOST)
    if phase in OVER
}

LAST_WORDS: dict[Phase, tuple[State, str]] = {
    Phase.DISMISSED: (State.ENDED, EndReason.ASKED_TO_LEAVE),
    Phase.FAILED: (State.ENDED, EndReason.FAILED),
    Phase.REFUSED: (State.ENDED, "failed: bus refuses"),
    Phase.TAKEN: (State.ENDED, "room_taken"),
    Phase.RELEASED: (State.RECONNECTING, "handed_over"),
}
"""What the worker says of a bot that cannot speak for itself, by how its assignment ended."""
SPEAKS = frozenset({Phase.SERVING, Phase.ENDING, Phase.LEAVING})
"""In these phases the bot's own word on its state is passed on; in others the bot goes on elsewhere."""


class Assignment:
    """Keeps one invitation's phase.

    Args:
        bot: its id, for the log.
    """

    def __init__(self, bot: str) -> None:
        self._bot = bot
        self._phase = Phase.PAUSED
        self._restarts: deque[float] = deque()
        self._shut_out_at: float | None = None
        self.pause_s = 0.0
        """While paused: for how long."""

    @property
    def phase(self) -> Phase:
        """The present phase."""
        return self._phase

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is left in this worker's hands, but for what is still to be reported."""
        return self._phase in OVER

    def happen(self, happening: Happening) -> Phase:
        """Take what happened; return the phase that it led to."""
        phase = TRANSITIONS[self._phase, happening]
        if phase is not self._phase:
            log.info("bot %s: %s, and so it is %s", self._bot, happening, phase)
        self._phase = phase
        return phase

    def process_gone(self, at: float) -> Phase:
        """Take it that the process is no more, and see how long to pause before the next.

        Args:
            at: now, in seconds of any steady clock.
        """
        if self._phase is Phase.SHUT_OUT:
            self._shut_out_at = at if self._shut_out_at is None else self._shut_out_at
            self.pause_s = SHUT_OUT_PAUSE_S
            return self.happen(Happening.GONE if at - self._shut_out_at < SHUT_OUT_S else Happening.WORN_OUT)
        self._shut_out_at = None
        if self._phase not in (Phase.SERVING, Phase.YIELDING):
            return self.happen(Happening.GONE)
        was_outrun = self._phase is Phase.YIELDING
        self._restarts.append(at)
        while self._restarts[0] < at - RESTARTS_S:
            self._restarts.popleft()
        tries = len(self._restarts)
        self.pause_s = YIELD_S if was_outrun else PAUSES.after(tries - 1)
        return self.happen(Happening.GONE if tries <= MAX_RESTARTS else Happening.WORN_OUT)
