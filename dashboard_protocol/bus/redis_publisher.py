"""A publisher's end of the Redis bus: what Redis does not take now is kept, and delivered in order once it does."""

import asyncio
import logging
import math

from redis.asyncio import Redis

from dashboard_protocol.backoff import Backoff
from dashboard_protocol.bus import decoding
from dashboard_protocol.bus.base import UNHEARD_S, epoch_over, without_people
from dashboard_protocol.bus.redis_link import translate_errors
from dashboard_protocol.bus.redis_scripts import PUBLISH, Keys
from dashboard_protocol.bus.replay_buffer import EncodedEvent, ReplayBuffer, encoded_event
from dashboard_protocol.errors import BusError, BusGivenUp, BusRefused, BusUnreadable, EpochOver
from dashboard_protocol.events import Event, Snapshot

SNAPSHOT_S = 12 * 3600
"""A class that ended can be looked at for as long as its link holds."""
RETRY_S = 0.25
LONGEST_RETRY_S = 2.0
REFUSED_S = 600.0
"""A bot whose events are refused for so long is heard by nobody and must leave."""

log = logging.getLogger(__name__)


class _Sender:
    """One room and epoch, from this process."""

    def __init__(self, room: str, epoch: int) -> None:
        self.keys = Keys(room)
        self.epoch = epoch
        self.replay_buffer = ReplayBuffer()
        self.snapshot: EncodedEvent | None = None
        self.last = ""
        self.is_over = False
        self.turn = asyncio.Lock()

    def take(self, event: Event) -> None:
        if isinstance(event.body, Snapshot):
            self.snapshot = encoded_event(without_people(event))
        else:
            self.replay_buffer.add(event)

    def rewind(self, last: str) -> None:
        """Redis says where its streams end: what it lacks is due again."""
        epoch, seq = decoding.place(last, "as the end of a room's events")
        self.replay_buffer.rewind(seq if epoch == self.epoch else -1)
        self.last = last


class Sending:
    """What one process publishes on one Redis, of any rooms.

    Args:
        redis: the client; stays the caller's to close.
        where: how people know it.
        keep_s: how long an event is kept.
        history_events: class events that a room keeps.
    """

    def __init__(self, redis: Redis, where: str, *, keep_s: int, history_events: int) -> None:
        self._redis = redis
        self._where = where
        self._script = redis.register_script(PUBLISH)
        self._keep_s = keep_s
        self._history_events = history_events
        self._senders: dict[str, _Sender] = {}
        self._recovering: asyncio.Task[None] | None = None
        self._trouble: tuple[BusError, float] | None = None
        """Why Redis does not take events, and since when it refuses them, on the loop's clock; None while it does."""

    async def publish(self, event: Event) -> None:
        """Deliver the event, or keep it until Redis takes it.

        Raises:
            EpochOver: A newer bot serves the room; this one must leave it.
            BusGivenUp: Redis answered and took nothing for `REFUSED_S`.
        """
        sender = self._senders.get(event.room)
        if sender is None or sender.epoch != event.epoch:
            sender = self._senders[event.room] = _Sender(event.room, event.epoch)
        sender.take(event)
        if sender.is_over:
            raise epoch_over(event.room)
        # What is kept goes first: a reader may wait, but must never see two events in the wrong order.
        if self._recovering is not None:
            if error := self._refused(REFUSED_S):
                raise BusGivenUp(f"The bus refuses, for {REFUSED_S / 60:.0f} min now. {error}")
            return
        try:
            await self._deliver(sender)
        except EpochOver:
            raise
        except BusError as error:
            self._note(error)
            if self._recovering is None:
                self._recovering = asyncio.create_task(self._recover(), name="deliver once Redis is back")

    def obstacle(self) -> str | None:
        """Say that Redis has refused what is published for `UNHEARD_S`."""
        error = self._refused(UNHEARD_S)
        return None if error is None else str(error)

    async def close(self) -> None:
        """Try once more to deliver what is kept."""
        if self._recovering is None:
            return
        self._recovering.cancel()
        await asyncio.wait([self._recovering])
        try:
            await self._deliver_all()
        except BusError as error:
            log.error("%s The last events of this process are lost.", error)

    def _note(self, error: BusError) -> None:
        """Remember why events wait, and say so once."""
        now = asyncio.get_running_loop().time()
        known, since = self._trouble or (None, math.inf)
        if type(error) is not type(known):
            log.warning("%s Events are kept until it takes them.", error)
        is_refusal = isinstance(error, BusRefused | BusUnreadable)
        self._trouble = error, min(since, now) if is_refusal else math.inf

    def _refused(self, for_s: float) -> BusError | None:
        """Return why Redis has answered and taken nothing for so long; None where it takes events, or is away."""
        error, since = self._trouble or (None, math.inf)
        return error if asyncio.get_running_loop().time() - since >= for_s else None

    async def _recover(self) -> None:
        backoff = Backoff(RETRY_S, LONGEST_RETRY_S)
        while True:
            await asyncio.sleep(backoff.failed())
            try:
                await self._deliver_all()
            except BusError as error:
                self._note(error)
                # Whoever answered may be the wrong one, or know this process under rights that were changed since.
                await self._redis.connection_pool.disconnect(inuse_connections=False)
                continue
            break
        self._recovering = self._trouble = None
        log.warning("Redis at %s takes events again; what was kept is delivered.", self._where)

    async def _deliver_all(self) -> None:
        """Deliver for every room what can be; raises BusError for one that could not."""
        failure: BusError | None = None
        for sender in tuple(self._senders.values()):
            try:
                await self._deliver(sender)
            except EpochOver as error:
                log.warning("%s", error)
            except BusError as error:
                failure = error
        if failure is not None:
            raise failure

    async def _deliver(self, sender: _Sender) -> None:
        # One at a time: two would find the same event due, and the second would take its own for somebody else's.
        async with sender.turn:
            while not await self._deliver_due(sender):
                pass
            # After the events that it contains: who is given it goes on from its seq, and they must be held by then.
            if sender.snapshot is not None:
                await self._send(sender, sender.snapshot)
                sender.snapshot = None

    async def _deliver_due(self, sender: _Sender) -> bool:
        for due in sender.replay_buffer.due():
            status, last = await self._send(sender, due)
            if status == "elsewhere":
                # Empty, or older than we left it, or the answer to a delivery was lost.
                sender.rewind(last)
                return False
            sender.last = last
        return True

    async def _send(self, sender: _Sender, due: EncodedEvent) -> tuple[str, str]:
        with translate_errors(self._where):
            status, last = await self._script(
                keys=sender.keys.for_publishing(),
                args=[
                    sender.epoch, due.seq, due.kind, due.text, sender.last, sender.replay_buffer.lost,
                    self._history_events, self._keep_s, min(SNAPSHOT_S, self._keep_s),
                ],
            )  # fmt: skip
        if status == "over":
            sender.is_over = True
            raise epoch_over(sender.keys.room)
        return status, last
