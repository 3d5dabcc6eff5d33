"""A VideoRoom of a Janus server, `janus+ws(s)://HOST:PORT/ROOM`: the bot is a visible participant with a notice."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from types import TracebackType
from typing import Self

from bot.errors import RoomClosed, RoomError, RoomKicked, RoomRefused, RoomUnreachable
from bot.ice_servers import NO_ICE, Ice
from bot.rooms.base import Admitted, Clock, Held, Joined, Lost, RoomEvent
from bot.rooms.janus.address import read_address
from bot.rooms.janus.bot_feeds import BotFeeds
from bot.rooms.janus.data_channels import JanusText
from bot.rooms.janus.entry import HELD, enter
from bot.rooms.janus.participants import JanusPeople
from bot.rooms.janus.session import ENDED, MAX_WAITING_NOTICES, Handle, JanusError, JanusSession, Notice, open_session
from bot.rooms.janus.subscriber import JanusSubscriber
from bot.rooms.notice import Announcer, notice_text, visible_name
from bot.rooms.notice import Notice as RoomNotice
from bot.rooms.notice_picture import draw_notice
from bot.rooms.remote_session import RemoteSession, WayBack
from bot.rooms.webrtc.aiortc_patches import check_aiortc
from bot.rooms.webrtc.ice import check_relay
from bot.rooms.webrtc.sdp_video import CODECS

log = logging.getLogger(__name__)

KNOCK_EVERY_S = 2.0
"""A room that is not open yet, or full, is tried again so often."""
RENEW_AFTER_S = 2.0
"""A subscription that breaks again so soon is not mended alone: everything begins anew, with a pause."""
LONGEST_RETRY_S = 3.0
COUNT_EVERY_S = 1.5
"""A room that does not say who comes is asked so often who is there; with the second's beat that takes up to 3 s."""
COUNTING = "who is there"
RETURN_WITHIN_S = 10.0
"""People who are not back so long after the bot is were gone before it."""


class JanusRoom:
    """A room on a Janus server. It comes back by itself after a broken connection, until it is left or sent away."""

    def __init__(
        self,
        url: str,
        *,
        clock: Clock,
        notice: RoomNotice,
        addresses: Iterable[str] | None = None,
        ice: Ice = NO_ICE,
        mark: Callable[[str], str] | None = None,
    ) -> None:
        """Describe the room; opens nothing.

        Args:
            url: `janus+ws://HOST:PORT/ROOM` or `janus+wss://…`, with `?pin=` and `token=` where they are wanted.
            clock: The room's clock.
            notice: What the bot shows of itself.
            addresses: Where media listens; None for every address of this machine but loopback.
            ice: Servers by which media finds its way.
            mark: As of `BotFeeds`: what bots know each other by.

        Raises:
            SettingsRefused: `url` is no address of a Janus room.
        """
        self._address = read_address(url)
        self.name = self._address.room
        self._clock = clock
        self._notice = notice
        self._addresses = None if addresses is None or ice.relay_only else tuple(addresses)
        self._ice = ice
        self._session_task = RemoteSession(self.name)
        self._bots = BotFeeds(self._address.room, mark)
        self._people = self._nobody_yet()
        self._is_in = False
        self._announcer: Announcer | None = None
        self._session: JanusSession | None = None
        self._codec = CODECS[0]
        self._renewed_at = -RENEW_AFTER_S
        self._way_back = WayBack(LONGEST_RETRY_S)

    async def __aenter__(self) -> Self:
        await check_aiortc()
        await check_relay(self._ice)
        self._session_task, self._people = RemoteSession(self.name), self._nobody_yet()
        self._is_in, self._session = False, None
        await self._session_task.begin(self._attend())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session_task.leave()

    def _nobody_yet(self) -> JanusPeople:
        return JanusPeople(self._clock, self._publish, self._review, self._bots.is_bot)

    def events(self) -> AsyncIterator[RoomEvent]:
        """Yield what happens; raises how the stay ended. One reader."""
        return self._session_task.events()

    async def _attend(self) -> None:
        """Stay in the room, and come back whenever the connection breaks."""
        self._way_back.well()
        while True:
            try:
                await self._stay_in()
            except Exception as error:
                pause_s = self._judge(error)
            await asyncio.sleep(pause_s)

    def _judge(self, error: Exception) -> float:
        """Judge what the end of a stay means, and return how long to wait; raises what ends it for good."""
        was_in, self._is_in = self._is_in, False
        if isinstance(error, JanusError) and not was_in:
            if error.code not in HELD:
                raise RoomRefused(f"{self.name}: {error}") from error
            self._way_back.well()
            self._publish(Held(HELD[error.code]))
            return KNOCK_EVERY_S
        if not isinstance(error, RoomError):
            log.error("Janus said something that cannot be understood", exc_info=error)
            error = RoomUnreachable("Janus said something that cannot be understood")
        if not isinstance(error, RoomUnreachable | JanusError) or not self._session_task.is_answered:
            raise error
        if was_in:
            self._way_back.well()
        pause_s = self._way_back.pause_s(error)
        self._publish(Lost(str(error)))
        return pause_s

    def _publish(self, event: RoomEvent) -> None:
        self._session_task.publish(event)
        if isinstance(event, Joined) and self._announcer is not None:
            self._announcer.newcomer()

    def _review(self) -> None:
        """Have the subscription look at what is wanted now."""
        if self._session is not None:
            self._session.post(Notice(0, "wanted"))

    async def _stay_in(self) -> None:
        """Join, show the notice and follow the room; ends with the error that says why."""
        async with open_session(self._address.url, self._address.token) as session:
            if self._session is not None:
                await session.end(self._session)
            # Only now: had ending the old one failed, the next try would still have to end it.
            self._session = session
            name, picture = visible_name(self._notice.bot_name), draw_notice(self._notice)
            entry = await enter(
                session, self._address, name, picture, self._bots.new, (self._addresses, self._ice), self._codec
            )
            own, publisher, self._codec = entry.own, entry.publisher, entry.codec or self._codec
            announcer = self._announcer = Announcer(lambda: publisher.say(notice_text(self._notice)))
            if session.relays_text:
                publisher.when_open(announcer.newcomer)
            missing: asyncio.TimerHandle | None = None
            try:
                self._is_in = True
                self._publish(Admitted())
                missing = asyncio.get_running_loop().call_later(RETURN_WITHIN_S, self._people.give_up_missing)
                self._people.meet(entry.joined)
                await self._follow_all(session, own, names_newcomers="attendees" in entry.joined)
            finally:
                if missing is not None:
                    missing.cancel()
                announcer.close()
                self._people.interrupt()
                await publisher.close()

    async def _follow_all(self, session: JanusSession, own: Handle, *, names_newcomers: bool) -> None:
        """Follow the room, receive its videos and hear what is written, side by side: none of them waits for another.

        Ends with the error of the first that ends.
        """
        video, text = (asyncio.Queue[Notice](MAX_WAITING_NOTICES) for _ in range(2))
        works = {
            "janus room": self._hear(session, own, (video, text)),
            "janus video": self._receive(session, video),
            "janus text": self._listen(session, text),
        }
        if not names_newcomers:
            works[COUNTING] = self._count(own)
        tasks = [asyncio.create_task(work, name=name) for name, work in works.items()]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        # The first to end says why; of the others, which were cancelled, nothing is to be learned.
        done.pop().result()

    async def _hear(self, session: JanusSession, own: Handle, inboxes: Iterable[asyncio.Queue[Notice]]) -> None:
        """Follow what Janus says, and pass it on; waits for nothing else."""
        async for notice in session.notices():
            if notice.handle == own.id:
                self._follow(notice)
            try:
                for inbox in inboxes:
                    inbox.put_nowait(notice)
            except asyncio.QueueFull as error:
                raise RoomUnreachable("Janus says more than can be followed") from error

    async def _receive(self, session: JanusSession, inbox: asyncio.Queue[Notice]) -> None:
        """Receive the videos that are wanted."""
        subscriber = await self._subscriber(session)
        try:
            await subscriber.change()
            while True:
                notice = await inbox.get()
                if notice.handle == subscriber.id:
                    await subscriber.take(notice)
                if subscriber.is_broken or (subscriber.has_joined and not self._people.wanted):
                    subscriber = await self._renewed(session, subscriber)
                await subscriber.change()
        finally:
            await subscriber.close()

    async def _listen(self, session: JanusSession, inbox: asyncio.Queue[Notice]) -> None:
        """Hear what is written."""
        text = JanusText(session, self._address, self._people, self._addresses, self._ice)
        try:
            await text.change()
            while True:
                notice = await inbox.get()
                if notice.handle == text.id:
                    await text.take(notice)
                await text.change()
        finally:
            await text.close()

    async def _count(self, own: Handle) -> None:
        """Ask again and again who is there: this room does not say who comes (`notify_joining = false`).

        An answer that is late or never comes costs this one count; a broken line and a closed room show elsewhere.
        """
        everybody = {"request": "listparticipants", "room": self._address.room_id}
        while True:
            try:
                self._people.count((await own.request(everybody)).data.get("participants"))
            except RoomError as error:
                log.info("Nobody was counted: %s", error)
            await asyncio.sleep(COUNT_EVERY_S)

    async def _subscriber(self, session: JanusSession) -> JanusSubscriber:
        handle = await session.attach()
        return JanusSubscriber(
            handle,
            self._address,
            clock=self._clock,
            addresses=self._addresses,
            ice=self._ice,
            people=self._people,
            lost=lambda: session.post(Notice(handle.id, "hangup")),
        )

    async def _renewed(self, session: JanusSession, old: JanusSubscriber) -> JanusSubscriber:
        """Begin a subscription anew: it broke, or nobody sends any more and it is given back."""
        now = asyncio.get_running_loop().time()
        if old.is_broken and now - self._renewed_at < RENEW_AFTER_S:
            raise RoomUnreachable("Janus ended the media connection again and again")
        self._renewed_at = now if old.is_broken else self._renewed_at
        await old.give_back()
        return await self._subscriber(session)

    def _follow(self, notice: Notice) -> None:
        """Act on what Janus says to the bot as a participant."""
        data = notice.data
        if data.get("videoroom") == "destroyed":
            raise RoomClosed(f"{self.name} was closed")
        if data.get("leaving") == "ok" and data.get("reason") == "kicked":
            raise RoomKicked(f"The bot was sent out of {self.name}")
        if notice.kind in ENDED:
            raise RoomUnreachable("Janus ended the bot's connection")
        self._people.meet(data)
        if "unpublished" in data:
            self._people.stop(data["unpublished"])
        for gone in (data.get("leaving"), data.get("kicked")):
            if gone is not None:
                self._people.part(gone)
