"""`redis://` and `rediss://`: the bus of many processes.

Live events travel by pub/sub, those of people by nothing else; the newest hello and snapshot are keys that expire;
each room has a capped stream of class events. A publisher whose Redis is away goes on: it remembers (`replay_buffer`)
and delivers in order once Redis is back, whatever Redis still holds then.
"""

import logging
from bisect import bisect_left
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

from dashboard_protocol.bus import decoding
from dashboard_protocol.bus.base import HOLD_S, RETENTION_S, Retained, epoch_over, taken
from dashboard_protocol.bus.redis_client import connect, place
from dashboard_protocol.bus.redis_link import Need, Subscription, examine, see_that_it_works, translate_errors
from dashboard_protocol.bus.redis_publisher import Sending
from dashboard_protocol.bus.redis_scripts import ERASE_EVENTS, EVERY_ROOM, HOLD, OPEN, SWEEP, Keys
from dashboard_protocol.codec import encode
from dashboard_protocol.errors import BusError, BusUnreadable
from dashboard_protocol.events import Event

HISTORY_EVENTS = 12_000
"""Class events a room keeps: three hours of summaries, and some."""
SUBSCRIBER_EVENTS = 1024
"""As of the memory bus: who is further behind begins anew from a snapshot."""
PAGE = 64
"""Events fetched and folded in one go, some 5 ms: between two pages the readers of this process get their turn."""

log = logging.getLogger(__name__)


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
        self._sweep = self._redis.register_script(SWEEP)
        self._erase = self._redis.register_script(ERASE_EVENTS)
        self._keep_s = max(1, round(retention_s))
        self._sending = Sending(self._redis, self._where, keep_s=self._keep_s, history_events=history_events)
        self._subscriber_events = subscriber_events
        self._met: set[Need] = set()
        self._subscriptions: set[Subscription] = set()
        self._closed = False

    async def open_epoch(self, room: str, holder: str = "", *, take_over: bool = False) -> int:
        """Return the room's next epoch, from 1, unless another bot holds the room."""
        await self._meet(Need.PUBLISH)
        with translate_errors(self._where):
            asked = [holder, "1" if take_over else "", HOLD_S]
            epoch = int(await self._open(keys=[Keys(room)["meta"]], args=asked))
        if epoch == 0:
            raise taken(room)
        return epoch

    async def hold(self, room: str, epoch: int, holder: str = "") -> None:
        """Hold the room for a while longer."""
        self._check_open()
        with translate_errors(self._where):
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
        await self._sending.publish(event)

    def subscribe(self, room: str) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        """Receive the room's events from entering on."""
        return self._listening(room, "live")

    async def ask(self, event: Event) -> bool:
        """Hand an event to the bot of its room, by a channel of its own; only what the bot says is kept."""
        self._check_open()
        with translate_errors(self._where):
            return bool(await self._redis.publish(Keys(event.room)["asked"], encode(event)))

    def asked(self, room: str) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        """Receive what is asked of the room's bot."""
        return self._listening(room, "asked")

    @asynccontextmanager
    async def _listening(self, room: str, channel: str) -> AsyncIterator[AsyncIterator[Event]]:
        self._check_open()
        subscription = Subscription(self._redis, room, self._where, self._subscriber_events, channel)
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
        with translate_errors(self._where):
            texts: list[Any] = await self._redis.mget(keys["hello"], keys["snapshot"])
        hello, snapshot = texts
        return decoding.retained(hello, snapshot, room)

    async def history(self, room: str, epoch: int, since: int) -> list[Event] | None:
        """Return the events after seq `since`; None where they are not all held."""
        self._check_open()
        keys = Keys(room)
        first, last = f"{epoch}-{since + 1}", str(epoch)
        with translate_errors(self._where):
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
        with translate_errors(self._where):
            now_s, _ = await self._redis.time()  # events are stamped by its clock
            known: Any = await self._redis.hgetall(keys["hellos"])
        hellos = deque(sorted(_placed(known)))
        since, is_first = "-", True
        while True:
            with translate_errors(self._where):
                page: Any = await self._redis.xrange(keys["events"], since, "+", count=PAGE)
            for id_, fields in page:
                if _is_older(fields, now_s - self._keep_s):
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
        with translate_errors(self._where):
            await self._erase(keys=Keys(room).kept())

    async def sweep(self) -> None:
        """Delete what is older than the retention, in all rooms."""
        self._check_open()
        with translate_errors(self._where):
            keys = [key async for key in self._redis.scan_iter(EVERY_ROOM)]
        for key in keys:
            try:
                with translate_errors(self._where):
                    await self._sweep(keys=Keys.of_events(key).kept(), args=[self._keep_s])
            except BusUnreadable as error:
                log.warning("%s The rooms behind it are swept all the same.", error)

    async def ping(self) -> None:
        """Return when Redis answers, takes writes, and is one that can be used."""
        await self._meet(Need.LISTEN)
        with translate_errors(self._where):
            await see_that_it_works(self._redis)

    def obstacle(self) -> str | None:
        """Say that Redis has answered and refused what is published for `UNHEARD_S`."""
        return self._sending.obstacle()

    async def close(self) -> None:
        """Try once more to deliver what is kept, end every subscription, and disconnect."""
        if self._closed:
            return
        self._closed = True
        await self._sending.close()
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


def _placed(hellos: dict[str, str]) -> Iterator[tuple[tuple[int, int], str]]:
    for id_, text in hellos.items():
        with suppress(BusUnreadable):
            yield decoding.place(id_, "as the place of a hello"), text


def _is_older(fields: dict[str, str], at: float) -> bool:
    try:
        return "at" in fields and decoding.moment(fields["at"], "as an event's time") <= at
    except BusUnreadable:
        return True
