"""`memory://`: the queue of one process."""

import asyncio
import secrets
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from dashboard_protocol.bus.base import Bus
from dashboard_protocol.errors import RoomTaken
from dashboard_protocol.queue.base import ASKED, CLAIM_S, LOST, RETENTION_S, HeartbeatReply, too_many
from dashboard_protocol.queue.records import (
    Attempt,
    BotRecord,
    Delivery,
    Due,
    Invitation,
    Moment,
    Notification,
    ledger,
    notified_at,
)
from dashboard_protocol.room_urls import is_page
from dashboard_protocol.vocabulary import State

MOMENT_S = 0.2
"""Between two looks of whoever waits; in one process a look costs next to nothing."""

MAX_BOTS = 1000


@dataclass
class _Entry:
    record: BotRecord
    beat_at: float | None = None
    """When its worker was last heard, by the steady clock; None while nobody has it."""
    leaves: bool = False
    first: int = 0
    """Number of the first notification of the webhook."""
    delivered: int = 0
    """Number of the first one that is neither delivered nor given up."""
    due_at: float = 0.0
    """When it is due, or when the lease of whoever sends it ends."""
    lease: str = ""
    attempts: list[Attempt] = field(default_factory=list)

    def add(self, notification: Notification, **changes: object) -> None:
        changes["notifications"] = (*self.record.notifications, notification)
        if isinstance(notification, Moment):
            changes["now"] = notification
        self.record = self.record.model_copy(update=changes)

    @property
    def waits_since(self) -> float:
        """Since when the first notification that is not delivered waits, or when it is due again."""
        return self.due_at or notified_at(self.record.notifications[self.delivered])

    @property
    def is_over(self) -> bool:
        return self.record.now.state is State.ENDED

    @property
    def is_delivered(self) -> bool:
        return self.record.invitation.webhook is None or self.delivered >= len(self.record.notifications)


class MemoryQueue:
    """Nothing survives the process.

    Args:
        claim_s: a worker silent for so long is dead.
        retention_s: how long a bot's states are kept after it has ended.
        clock: Unix seconds.
        steady: seconds that no setting of the clock changes: silence is measured by it.
    """

    def __init__(
        self,
        *,
        claim_s: float = CLAIM_S,
        retention_s: float = RETENTION_S,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._entries: dict[str, _Entry] = {}
        self._keys: dict[str, str] = {}
        self._claim_s = claim_s
        self._retention_s = retention_s
        self._clock = clock
        self._steady = steady

    async def submit(
        self, invitation: Invitation, idempotency: str | None = None, most: int | None = None
    ) -> BotRecord:
        """Add an invitation, or return the first one of its key."""
        self._drop_old()
        if idempotency is not None and (known := self._entries.get(self._keys.get(idempotency, ""))):
            return known.record
        if await self.serving(invitation.room) is not None:
            raise RoomTaken(f"A bot serves {invitation.room!r} or is about to: ask it to leave first.")
        held = [entry for entry in self._entries.values() if entry.record.invitation.owner == invitation.owner]
        if most is not None and sum(not entry.is_over for entry in held) >= most:
            raise too_many(most)
        if idempotency is not None:
            self._keys[idempotency] = invitation.id
        moment = Moment(state=State.REQUESTED, since=invitation.requested_at)
        entry = _Entry(BotRecord(invitation=invitation, now=moment, notifications=(moment,)))
        self._entries[invitation.id] = entry
        return entry.record

    async def claim(self, worker: str, serving: Collection[str] = (), *, pages: bool = True) -> BotRecord | None:
        """Take the next invitation that is due, those of dead workers first."""
        now = self._clock()
        silent = self._steady() - self._claim_s
        waiting = [
            entry
            for id_, entry in self._entries.items()
            if not entry.is_over and id_ not in serving and (pages or not is_page(entry.record.invitation.room_url))
        ]
        for entry in waiting:
            if entry.beat_at is not None and entry.beat_at <= silent:
                return self._take(entry, worker, now)
        for entry in waiting:
            if entry.beat_at is None and (entry.record.invitation.join_at or 0) <= now:
                return self._take(entry, worker, now)
        return None

    def _take(self, entry: _Entry, worker: str, now: float) -> BotRecord:
        if entry.beat_at is not None:
            entry.add(Moment(state=State.RECONNECTING, since=now, reason=LOST))
        entry.beat_at = self._steady()
        entry.record = entry.record.model_copy(update={"worker": worker})
        return entry.record

    async def wait_for_invitation(self, within_s: float) -> None:
        """Return a moment later."""
        await asyncio.sleep(min(within_s, MOMENT_S))

    async def beat(self, worker: str, ids: list[str]) -> dict[str, HeartbeatReply]:
        """Say that the worker lives; learn what to do with each of its bots."""
        orders = {}
        for bot in ids:
            if bot not in self._entries:
                orders[bot] = HeartbeatReply.UNKNOWN
            elif (entry := self._owned(worker, bot)) is None:
                orders[bot] = HeartbeatReply.LOST
            else:
                entry.beat_at = self._steady()
                orders[bot] = HeartbeatReply.LEAVE if entry.leaves else HeartbeatReply.STAY
        return orders

    async def restore(self, worker: str, record: BotRecord) -> None:
        """Take over what a worker knows of its bot; its webhook is notified of the present state."""
        mine = record.model_copy(update={"worker": worker})
        newest = record.newest_state
        entry = _Entry(mine, beat_at=self._steady(), first=newest, delivered=newest)
        self._entries.setdefault(record.invitation.id, entry)

    async def report(self, worker: str, bot: str, notification: Notification, join: str | None = None) -> bool:
        """Note a state of the worker's bot, or an alert of its class."""
        if (entry := self._owned(worker, bot)) is None:
            return False
        entry.add(notification, **({"join": join} if join else {}))
        return True

    async def release(self, worker: str, bot: str) -> None:
        """Give an invitation back."""
        if entry := self._owned(worker, bot):
            entry.beat_at = None

    async def bot(self, bot: str) -> BotRecord | None:
        """Return one bot."""
        self._drop_old()
        return entry.record if (entry := self._entries.get(bot)) else None

    async def bots(self) -> list[BotRecord]:
        """Return the bots, newest first."""
        self._drop_old()
        return [entry.record for entry in reversed(self._entries.values())]

    async def serving(self, room: str) -> str | None:
        """Return the bot that is in a room or about to come."""
        here = (id_ for id_, entry in self._entries.items() if entry.record.invitation.room == room)
        return next((id_ for id_ in here if not self._entries[id_].is_over), None)

    async def ask_to_leave(self, bot: str) -> BotRecord | None:
        """Make a bot leave; one that nobody runs ends at once."""
        if (entry := self._entries.get(bot)) is None:
            return None
        entry.leaves = True
        if entry.beat_at is None and not entry.is_over:
            entry.add(Moment(state=State.ENDED, since=self._clock(), reason=ASKED))
        return entry.record

    async def wait_for_delivery(self, within_s: float) -> None:
        """Return a moment later."""
        await asyncio.sleep(min(within_s, MOMENT_S))

    async def take_delivery(self, lease_s: float) -> Due | None:
        """Lease the notification that a webhook has waited for longest."""
        now = self._clock()
        waiting = [entry for entry in self._entries.values() if not entry.is_delivered and entry.due_at <= now]
        if not waiting:
            return None
        entry = min(waiting, key=lambda entry: entry.waits_since)
        entry.due_at, entry.lease = now + lease_s, secrets.token_hex(8)
        tries = sum(attempt.number == entry.delivered for attempt in entry.attempts)
        return Due(record=entry.record, number=entry.delivered, tries=tries, lease=entry.lease)

    async def settle_delivery(self, due: Due, attempt: Attempt, retry_s: float | None) -> bool:
        """Note how a leased notification went."""
        entry = self._entries.get(due.record.invitation.id)
        if entry is None or entry.lease != due.lease:
            return False
        entry.lease = ""
        entry.attempts.append(attempt)
        if retry_s is None:
            entry.delivered, entry.due_at = due.number + 1, 0.0
        else:
            entry.due_at = self._clock() + retry_s
        return True

    async def deliveries(self, bot: str) -> list[Delivery]:
        """Return what became of each notification of a bot's webhook."""
        entry = self._entries.get(bot)
        if entry is None or entry.record.invitation.webhook is None:
            return []
        next_at = None if entry.is_delivered else entry.waits_since
        return ledger(entry.record, entry.attempts, first=entry.first, delivered=entry.delivered, next_at=next_at)

    async def erase(self, room: str, bus: Bus) -> bool:
        """Delete all that is kept of a room."""
        if await self.serving(room) is not None:
            return False
        await bus.erase(room)
        self._keep(lambda entry: entry.record.invitation.room != room)
        return True

    async def ping(self) -> None:
        """Return at once."""

    async def close(self) -> None:
        """Forget everything."""
        self._entries.clear()

    def _owned(self, worker: str, bot: str) -> _Entry | None:
        entry = self._entries.get(bot)
        is_owned = entry is not None and not entry.is_over and entry.beat_at is not None
        return entry if entry and is_owned and entry.record.worker == worker else None

    def _drop_old(self) -> None:
        until = self._clock() - self._retention_s
        self._keep(lambda entry: not (entry.is_over and entry.record.now.since <= until))
        while len(self._entries) > MAX_BOTS:
            del self._entries[next(iter(self._entries))]

    def _keep(self, wanted: Callable[[_Entry], bool]) -> None:
        self._entries = {id_: entry for id_, entry in self._entries.items() if wanted(entry)}
        self._keys = {key: id_ for key, id_ in self._keys.items() if id_ in self._entries}
