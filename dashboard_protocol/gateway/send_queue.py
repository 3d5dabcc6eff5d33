"""One connected dashboard as a pure state machine: what it still has to get, and when it is too slow to keep.

    HELLO ──open──▶ WATCHING ──full, close──▶ CLOSED

It never reads a clock and never waits; `connection` does.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from itertools import count

from dashboard_protocol.codec import with_prev
from dashboard_protocol.events import Event, Forget, Hello, ParticipantUpdate, Snapshot

QUEUE_EVENTS = 64
"""Events a reader must not lose that may wait for it; one more, and it is given up."""
REPLACEABLE_EVENTS = 1024
"""Replaceable events that may wait, one for each participant and one summary; beyond, the oldest is dropped."""
LATE_EVENTS = 1024
"""Events that the bus held up and that may wait one by one."""


class Phase(Enum):
    """Where a dashboard is."""

    HELLO = auto()
    """Connected, not yet authenticated."""
    WATCHING = auto()
    CLOSED = auto()


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An event and its text, encoded once for all readers."""

    event: Event
    text: str

    @property
    def key(self) -> str | None:
        """What a newer event of the same key replaces; None for events that are never dropped."""
        match self.event.body:
            case ParticipantUpdate(participant=participant):
                return f"participant {participant}"
            case body if body.type == "class_summary":
                return "class_summary"
        return None


class SendQueue:
    """The bounded queue of one dashboard.

    What says how things are now (the class, one person) is replaced by what says it later: a reader who is slow for a
    while is then shown the present at once, not the past in order, and however slow it is, what waits for it is no more
    than one value of each kind. What happened once (an alert, a state, somebody to forget, the end) is never replaced;
    a reader who lets 64 of these wait is given up, and gets a snapshot when it comes back.

    Attributes:
        phase: where the dashboard is; CLOSED by itself when its queue is full.
        replaced: events replaced by newer ones before they could be sent.
    """

    def __init__(self, queue_events: int = QUEUE_EVENTS) -> None:
        self.phase = Phase.HELLO
        self.replaced = 0
        self._limit = queue_events
        self._first: deque[Outgoing] = deque()
        self._queue: dict[str | int, Outgoing | str] = {}  # what is replaceable has a word for key, the rest a number
        self._kept = 0
        self._newest_kept = -1
        self._numbers = count()
        self._epoch = 0
        self._known = 0
        self._prev = 0
        self._period_s = 0.0
        self._opens_at = 0.0
        self._burst: set[str | int] = set()

    def __len__(self) -> int:
        return len(self._first) + len(self._queue)

    def open(self, first: Iterable[Outgoing], epoch: int, seq: int) -> None:
        """Start over with `first`, then what is offered; events that wait are dropped, answers are not.

        Args:
            first: `hello` and `snapshot`, or `hello` and the events missed; they do not count towards the limit.
            epoch: the present epoch.
            seq: what the reader holds once it has them: the snapshot's seq, or where it resumes.
        """
        if self.phase is Phase.CLOSED:
            return
        self.phase = Phase.WATCHING
        self._first = deque(first)
        self._queue = {key: item for key, item in self._queue.items() if isinstance(item, str)}
        self._kept, self._newest_kept = len(self._queue), -1
        self._epoch, self._prev = epoch, seq
        self._known = max([seq, *(item.event.seq for item in self._first)])

    def offer(self, item: Outgoing) -> None:
        """Take a live event; it replaces an older one where it may, and closes the viewer when its queue is full."""
        if self.phase is not Phase.WATCHING or item.event.epoch != self._epoch:
            return
        if item.event.seq <= self._known and not isinstance(item.event.body, Hello):
            return
        # What waits of somebody goes before the word that they are forgotten is queued: nothing may be sent after it.
        if isinstance(item.event.body, Forget):
            self._drop(f"participant {item.event.body.participant}")
        if item.key is None:
            self._newest_kept = item.event.seq
            self._keep(item)
        else:
            self._replace(item.key, item)

    def supply(self, item: Outgoing) -> None:
        """Take an event that comes late, in a burst: every one is sent, unless the reader is behind or wants fewer."""
        if self._queue or self._period_s or len(self._first) >= LATE_EVENTS or item.event.seq <= self._known:
            self.offer(item)
        elif self.phase is Phase.WATCHING and item.event.epoch == self._epoch:
            if isinstance(item.event.body, Forget):
                self._drop(f"participant {item.event.body.participant}")
            self._first.append(item)

    def notify(self, text: str) -> None:
        """Queue an answer to this reader alone; it has no seq and is never dropped."""
        if self.phase is not Phase.CLOSED:
            self._keep(text)

    def limit(self, rate_hz: float | None) -> None:
        """Send replaceable events in bursts, at most `rate_hz` a second; from 1 Hz on, or with None, as they come."""
        self._period_s = 1 / rate_hz if rate_hz is not None and rate_hz < 1 else 0.0
        self._opens_at = 0.0
        self._burst.clear()

    def take(self, now: float) -> str | None:
        """Return the next text to send; None when nothing is due at `now` (seconds, monotonic)."""
        if self._first:
            return self._sent(self._first.popleft())
        if self._period_s and now >= self._opens_at:
            # What waits now goes; what comes meanwhile waits for the next burst, or updates would hold the door open.
            self._burst = {key for key in self._queue if isinstance(key, str)}
            self._opens_at = now + self._period_s if self._burst else 0.0
        for key, item in self._queue.items():
            if isinstance(key, int) or not self._period_s or key in self._burst:
                del self._queue[key]
                self._burst.discard(key)
                self._kept -= isinstance(key, int)
                return self._sent(item)
        return None

    def due(self, now: float) -> float | None:
        """Return in how many seconds what waits for the rate may go; None when nothing does."""
        return max(0.0, self._opens_at - now) if self._queue else None

    def close(self) -> None:
        """Drop everything; nothing is taken any more."""
        self.phase = Phase.CLOSED
        self._first.clear()
        self._queue.clear()

    def _sent(self, item: Outgoing | str) -> str:
        if isinstance(item, str):
            return item
        if isinstance(item.event.body, Hello | Snapshot):
            return item.text
        text = with_prev(item.text, self._prev)
        self._prev = item.event.seq
        return text

    def _keep(self, item: Outgoing | str) -> None:
        if self._kept >= self._limit:
            self.close()
            return
        self._kept += 1
        self._queue[next(self._numbers)] = item

    def _replace(self, key: str, item: Outgoing) -> None:
        older = self._queue.get(key)
        # A newer value keeps the older one's place: else who changes often would wait longest behind everybody else.
        if isinstance(older, Outgoing):
            self.replaced += 1
            # In its old place it would overtake an event that cannot be got again by resuming after this one.
            if older.event.seq < self._newest_kept:
                del self._queue[key]
        elif len(self._queue) - self._kept >= REPLACEABLE_EVENTS:
            self._drop(next(place for place in self._queue if isinstance(place, str)))
        self._queue[key] = item

    def _drop(self, key: str) -> None:
        self._first = deque(item for item in self._first if item.key != key)
        if self._queue.pop(key, None) is not None:
            self.replaced += 1
