"""`redis://` and `rediss://`: the bus of many processes.

Live events travel by pub/sub, those of people by nothing else; the newest hello and snapshot are keys that expire;
each room has a capped stream of class events. A publisher whose Redis is away goes on: it remembers (`recall`) and
delivers in order once Redis is back, whatever Redis still holds then.
"""

import asyncio
import logging
import math
import time
from bisect import bisect_left
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from dashboard_protocol.backoff import Backoff
from dashboard_protocol.bus import decoding
from dashboard_protocol.bus.base import HOLD_S, RETENTION_S, Retained, epoch_over, taken, without_people
from dashboard_protocol.bus.recall import Letter, Recall, letter
from dashboard_protocol.bus.redis_client import connect, place
from dashboard_protocol.bus.redis_link import Need, Subscription, examine, told_plainly
from dashboard_protocol.bus.scripts import ERASE_EVENTS, EVERY_ROOM, HOLD, OPEN, PUBLISH, SWEEP, Keys
from dashboard_protocol.errors import BusError, BusRefused, BusUnreadable, EpochOver
from dashboard_protocol.events import Event, Snapshot

HISTORY_EVENTS = 12_000
"""Class events a room keeps: three hours of summaries, and some."""
SNAPSHOT_S = 12 * 3600
"""A class that ended can be looked at for as long as its link holds."""
SUBSCRIBER_EVENTS = 1024
RETRY_S = 0.25
LONGEST_RETRY_S = 2.0
REFUSED_S = 600.0
"""A bot whose events are refused for so long is heard by nobody and must leave."""
PAGE = 64
"""Events fetched and folded in one go, some 5 ms: between two pages the readers of this process get their turn."""

log = logging.getLogger(__name__)


class _Sender:
    """One room and epoch, from this process."""

    def __init__(self, room: str, epoch: int) -> None:
        self.keys = Keys(room)
        self.epoch = epoch
        self.recall = Recall()
        self.snapshot: Letter | None = None
        self.last = ""
        self.is_over = False
        self.turn = asyncio.Lock()

    def take(self, event: Event) -> None:
        if isinstance(event.body, Snapshot):
            self.snapshot = letter(without_people(event))
        else:
            self.recall.add(event)

    def rewind(self, last: str) -> None:
        """Redis says where its streams end: what it lacks is due again."""
        epoch, seq = decoding.place(last, "as the end of a room's events")
        self.recall.rewind(seq if epoch == self.epoch else -1)
        self.last = last


class RedisBus:
    """Any number of processes share it; a bot publishes only while its epoch is the room's newest.

    Args:
        url: `redis://[[USER]:PASSWORD@]HOST[:PORT][/DB]`, `rediss://` for TLS, or
            `redis+sentinel://[[USER]:PASSWORD@]HOST[:PORT],HOST[:PORT]/SERVICE[/DB]`.
        history_events: class events that a room keeps.
        subscriber_events: events that may wait for a subscriber; with one more it is cut off.
        retention_s: how long an event is kept.

    Raises:
        BusError: The URL is none of a Redis.
    """

    def __init__(
        self,
        url: str,
        *,
        history_events: int = HISTORY_EVENTS,
        subscriber_events: int = SUBSCRIBER_EVENTS,
        retention_s: float = RETENTION_S,
    ) -> None:
        self._redis = connect(url)
        self._where = place(url)
        self._open, self._hold = map(self._redis.register_script, (OPEN, HOLD))
        self._publish = self._redis.register_script(PUBLISH)
        self._sweep = self._redis.register_script(SWEEP)
        self._erase = self._redis.register_script(ERASE_EVENTS)
        self._keep_s = max(1, round(retention_s))
        self._history_events = history_events
        self._subscriber_events = subscriber_events
        self._senders: dict[str, _Sender] = {}
        self._recovering: asyncio.Task[None] | None = None
        self._trouble: tuple[BusError, float] | None = None
        """Why Redis does not take events, and since when it refuses them, on the loop's clock; None while it does."""
        self._met: set[Need] = set()
        self._subscriptions: set[Subscription] = set()
        self._closed = False

    async def open_epoch(self, room: str, holder: str = "", *, take_over: bool = False) -> int:
        """Return the room's next epoch, from 1, unless another bot holds the room."""
        await self._meet(Need.PUBLISH)
        with told_plainly(self._where):
            asked = [holder, "1" if take_over else "", HOLD_S]
            epoch = int(await self._open(keys=[Keys(room)["meta"]], args=asked))
        if epoch == 0:
            raise taken(room)
        return epoch

    async def hold(self, room: str, epoch: int, holder: str = "") -> None:
        """Hold the room for a while longer."""
        self._check_open()
        with told_plainly(self._where):
            is_newest = await self._hold(keys=[Keys(room)["meta"]], args=[epoch, holder])
        if not is_newest:
            raise epoch_over(room)

    async def publish(self, event: Event) -> None:
        """Deliver the event; while Redis is away, keep it and return, and deliver it in order once Redis is back.

        Raises:
            EpochOver: A newer bot serves the room; this one must leave it.
            BusRefused, BusUnreadable: Redis answered and took nothing for `REFUSED_S`.
        """
        self._check_open()
        sender = self._senders.get(event.room)
        if sender is None or sender.epoch != event.epoch:
            sender = self._senders[event.room] = _Sender(event.room, event.epoch)
        sender.take(event)
        if sender.is_over:
            raise epoch_over(event.room)
        if self._recovering is not None:
            self._give_up_late()
            return
        try:
            await self._deliver(sender)
        except EpochOver:
            raise
        except BusError as error:
            self._note(error)
            if self._recovering is None:
                self._recovering = asyncio.create_task(self._recover(), name="deliver once Redis is back")

    @asynccontextmanager
    async def subscribe(self, room: str) -> AsyncIterator[AsyncIterator[Event]]:
        """Receive the room's events from entering on."""
        self._check_open()
        subscription = Subscription(self._redis, room, self._where, self._subscriber_events)
        async with subscription.open():
            self._subscriptions.add(subscription)
            try:
                yield subscription.events()
            finally:
                self._subscriptions.discard(subscription)

    async def snapshot(self, room: str) -> Retained | None:
        """Return the newest `hello` and `snapshot`; None before the first bot."""
        self._check_open()
        keys = Keys(room)
        with told_plainly(self._where):
            texts: list[Any] = await self._redis.mget(keys["hello"], keys["snapshot"])
        hello, snapshot = texts
        return decoding.retained(hello, snapshot, room)

    async def history(self, room: str, epoch: int, since: int) -> list[Event] | None:
        """Return the events after seq `since`; None where they are not all held."""
        self._check_open()
        keys = Keys(room)
        first, last = f"{epoch}-{since + 1}", str(epoch)
        with told_plainly(self._where):
            async with self._redis.pipeline(transaction=True) as asking:
                asking.hmget(keys["meta"], "hello", "lost")
                asking.xrange(keys["events"], first, last)
                (hello, lost), events = await asking.execute()
        if hello != str(epoch) or since < decoding.count(lost, f"as what the room {room!r} lost"):
            return None
        return list(decoding.events((fields.get("event") for _, fields in events), room))

    async def archive(self, room: str) -> AsyncIterator[Event]:
        """Yield all class events that are kept, of all epochs, and each `hello` where it was published."""
        self._check_open()
        keys = Keys(room)
        with told_plainly(self._where):
            known: Any = await self._redis.hgetall(keys["hellos"])
        hellos = deque(sorted(_placed(known)))
        since, is_first = "-", True
        while True:
            with told_plainly(self._where):
                page: Any = await self._redis.xrange(keys["events"], since, "+", count=PAGE)
            for id_, fields in page:
                if _is_older(fields, time.time() - self._keep_s):
                    continue
                here = decoding.place(id_, "as an entry's id")
                before = [text for _, text in (hellos.popleft() for _ in range(bisect_left(hellos, (here, ""))))]
                for event in decoding.events([*(before[-1:] if is_first else before), fields.get("event")], room):
                    yield event
                is_first = False
            if len(page) < PAGE:
                break
            since = f"({page[-1][0]}"
        for event in decoding.events((text for _, text in hellos), room):
            yield event

    async def erase(self, room: str) -> None:
        """Delete all that is kept of the room, but for the number of its last epoch."""
        self._check_open()
        with told_plainly(self._where):
            await self._erase(keys=Keys(room).kept())

    async def sweep(self) -> None:
        """Delete what is older than the retention, in all rooms."""
        self._check_open()
        with told_plainly(self._where):
            keys = [key async for key in self._redis.scan_iter(EVERY_ROOM)]
        for key in keys:
            try:
                with told_plainly(self._where):
                    await self._sweep(keys=Keys.of_events(key).kept(), args=[self._keep_s])
            except BusUnreadable as error:
                log.warning("%s The rooms behind it are swept all the same.", error)

    async def ping(self) -> None:
        """Return when Redis answers, and is one that can be used."""
        await self._meet(Need.LISTEN)
        with told_plainly(self._where):
            await self._redis.ping()

    async def close(self) -> None:
        """Try once more to deliver what is kept, end every subscription, and disconnect."""
        if self._closed:
            return
        self._closed = True
        if self._recovering is not None:
            self._recovering.cancel()
            await asyncio.wait([self._recovering])
            try:
                await self._deliver_all()
            except BusError as error:
                log.error("%s The last events of this process are lost.", error)
        for subscription in tuple(self._subscriptions):
            subscription.cut_off("The bus is closed.")
        await self._redis.aclose()

    def _check_open(self) -> None:
        if self._closed:
            raise BusError("The bus is closed.")

    async def _meet(self, need: Need) -> None:
        self._check_open()
        if need not in self._met:
            await examine(self._redis, self._where, need)
            self._met.add(need)

    def _note(self, error: BusError) -> None:
        """Remember why events wait, and say so once."""
        now = asyncio.get_running_loop().time()
        known, since = self._trouble or (None, math.inf)
        if type(error) is not type(known):
            log.warning("%s Events are kept until it takes them.", error)
        is_refusal = isinstance(error, BusRefused | BusUnreadable)
        self._trouble = error, min(since, now) if is_refusal else math.inf

    def _give_up_late(self) -> None:
        if self._trouble is not None:
            error, since = self._trouble
            if asyncio.get_running_loop().time() - since >= REFUSED_S:
                raise type(error)(f"The bus refuses, for {REFUSED_S / 60:.0f} min: {error}")

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
        async with sender.turn:
            while not await self._deliver_due(sender):
                pass
            if sender.snapshot is not None:
                await self._send(sender, sender.snapshot)
                sender.snapshot = None

    async def _deliver_due(self, sender: _Sender) -> bool:
        for due in sender.recall.due():
            status, last = await self._send(sender, due)
            if status == "elsewhere":
                # Empty, or older than we left it, or the answer to a delivery was lost.
                sender.rewind(last)
                return False
            sender.last = last
        return True

    async def _send(self, sender: _Sender, due: Letter) -> tuple[str, str]:
        with told_plainly(self._where):
            status, last = await self._publish(
                keys=sender.keys.for_publishing(),
                args=[
                    sender.epoch, due.seq, due.kind, due.text, sender.last, sender.recall.lost,
                    self._history_events, self._keep_s, min(SNAPSHOT_S, self._keep_s),
                ],
            )  # fmt: skip
        if status == "over":
            sender.is_over = True
            raise epoch_over(sender.keys.room)
        return status, last


def _placed(hellos: dict[str, str]) -> Iterator[tuple[tuple[int, int], str]]:
    for id_, text in hellos.items():
        with suppress(BusUnreadable):
            yield decoding.place(id_, "as the place of a hello"), text


def _is_older(fields: dict[str, str], at: float) -> bool:
    try:
        return "at" in fields and decoding.moment(fields["at"], "as an event's time") <= at
    except BusUnreadable:
        return True
