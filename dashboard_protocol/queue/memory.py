"""`memory://`: the queue of one process."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from dashboard_protocol.queue.base import ASKED, CLAIM_S, LOST, BotRecord, Invitation, Moment, Order
from dashboard_protocol.vocabulary import State

MAX_BOTS = 1000


@dataclass
class _Entry:
    record: BotRecord
    beat_at: float | None = None
    """When its worker was last heard; None while nobody has it."""
    leaves: bool = False

    def move(self, moment: Moment, **changes: object) -> None:
        changes |= {"now": moment, "states": (*self.record.states, moment)}
        self.record = self.record.model_copy(update=changes)

    @property
    def is_over(self) -> bool:
        return self.record.now.state is State.ENDED


class MemoryQueue:
    """Nothing survives the process.

    Args:
        claim_s: a worker silent for so long is dead.
        clock: Unix seconds.
    """

    def __init__(self, *, claim_s: float = CLAIM_S, clock: Callable[[], float] = time.time) -> None:
        self._entries: dict[str, _Entry] = {}
        self._keys: dict[str, str] = {}
        self._claim_s = claim_s
        self._clock = clock

    async def submit(self, invitation: Invitation, idempotency: str | None = None) -> BotRecord:
        """Add an invitation, or return the first one of its key."""
        if idempotency is not None:
            known = self._entries.get(self._keys.setdefault(idempotency, invitation.id))
            if known is not None:
                return known.record
        moment = Moment(state=State.REQUESTED, since=invitation.requested_at)
        entry = _Entry(BotRecord(invitation=invitation, now=moment, states=(moment,)))
        self._entries[invitation.id] = entry
        while len(self._entries) > MAX_BOTS:
            del self._entries[next(iter(self._entries))]
        return entry.record

    async def submitted(self, idempotency: str) -> BotRecord | None:
        """Return what was submitted under a key."""
        return await self.bot(self._keys.get(idempotency, ""))

    async def claim(self, worker: str) -> BotRecord | None:
        """Take the next invitation that is due, those of dead workers first."""
        now = self._clock()
        waiting = [entry for entry in self._entries.values() if not entry.is_over]
        for entry in waiting:
            if entry.beat_at is not None and entry.beat_at <= now - self._claim_s:
                return self._take(entry, worker, now)
        for entry in waiting:
            if entry.beat_at is None and (entry.record.invitation.join_at or 0) <= now:
                return self._take(entry, worker, now)
        return None

    def _take(self, entry: _Entry, worker: str, now: float) -> BotRecord:
        if entry.beat_at:
            entry.move(Moment(state=State.RECONNECTING, since=now, reason=LOST))
        entry.beat_at = now
        entry.record = entry.record.model_copy(update={"worker": worker})
        return entry.record

    async def beat(self, worker: str, ids: list[str]) -> dict[str, Order]:
        """Say that the worker lives; learn what to do with each of its bots."""
        orders = {}
        for bot in ids:
            if bot not in self._entries:
                orders[bot] = Order.UNKNOWN
            elif (entry := self._owned(worker, bot)) is None:
                orders[bot] = Order.LOST
            else:
                entry.beat_at = self._clock()
                orders[bot] = Order.LEAVE if entry.leaves else Order.STAY
        return orders

    async def restore(self, worker: str, record: BotRecord) -> None:
        """Take over what a worker knows of its bot."""
        mine = record.model_copy(update={"worker": worker})
        self._entries.setdefault(record.invitation.id, _Entry(mine, beat_at=self._clock()))

    async def report(self, worker: str, bot: str, moment: Moment, join: str | None = None) -> bool:
        """Note a state of the worker's bot."""
        if (entry := self._owned(worker, bot)) is None:
            return False
        entry.move(moment, **({"join": join} if join else {}))
        return True

    async def release(self, worker: str, bot: str) -> None:
        """Give an invitation back."""
        if entry := self._owned(worker, bot):
            entry.beat_at = None

    async def bot(self, bot: str) -> BotRecord | None:
        """Return one bot."""
        return entry.record if (entry := self._entries.get(bot)) else None

    async def bots(self) -> list[BotRecord]:
        """Return the bots, newest first."""
        return [entry.record for entry in reversed(self._entries.values())]

    async def ask_to_leave(self, bot: str) -> BotRecord | None:
        """Make a bot leave; one that nobody runs ends at once."""
        if (entry := self._entries.get(bot)) is None:
            return None
        entry.leaves = True
        if entry.beat_at is None and not entry.is_over:
            entry.move(Moment(state=State.ENDED, since=self._clock(), reason=ASKED))
        return entry.record

    async def ping(self) -> None:
        """Return at once."""

    async def close(self) -> None:
        """Forget everything."""
        self._entries.clear()

    def _owned(self, worker: str, bot: str) -> _Entry | None:
        entry = self._entries.get(bot)
        is_owned = entry is not None and not entry.is_over and entry.beat_at is not None
        return entry if entry and is_owned and entry.record.worker == worker else None
