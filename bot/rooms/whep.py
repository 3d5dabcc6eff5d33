"""Streams of WHEP servers, `whep+http(s)://HOST/PATH`: each address is one participant, several make one meeting.

WHEP only receives: the bot cannot show itself there, so somebody has to have informed the people.
"""

import asyncio
import logging
import random
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx

from bot.errors import RoomError, RoomRefused, RoomUnreachable, SettingsRefused
from bot.ice_servers import NO_ICE, Ice
from bot.rooms.base import (
    Absence,
    Admitted,
    CameraOff,
    CameraOn,
    CameraUnreadable,
    Clock,
    Held,
    Joined,
    Left,
    Participant,
    RoomEvent,
)
from bot.rooms.notice import clean_name
from bot.rooms.remote_session import RemoteSession
from bot.rooms.tracks import MailboxTrack
from bot.rooms.webrtc.aiortc_patches import check_aiortc
from bot.rooms.webrtc.http_signaling import ServedLater, delete, endpoint, loopback_address, named_ice, post_offer
from bot.rooms.webrtc.ice import check_relay
from bot.rooms.webrtc.peer_connection import Peer
from bot.rooms.webrtc.video_stream import StreamLost, StreamUnreadable
from dashboard_protocol.backoff import Backoff
from dashboard_protocol.errors import RoomNotAllowed
from dashboard_protocol.room_urls import read_room

log = logging.getLogger(__name__)

NOT_YET = (404, 409, 425, 429)
"""What servers say of a stream that nobody sends just now."""
CONNECTING_S = 15.0
RETRY_AFTER_S = 2.0
LONGEST_RETRY_S = 30.0


@dataclass(frozen=True, slots=True)
class WhepAddress:
    """One stream."""

    url: httpx.URL
    """Without the token."""
    name: str
    token: str | None


def read_addresses(urls: str) -> list[WhepAddress]:
    """Read one address or several, with spaces between them; `?token=` is the bearer token.

    Raises:
        SettingsRefused: One of them is none.
    """
    try:
        places = read_room(urls).places
    except RoomNotAllowed as error:
        raise SettingsRefused("this is no WHEP stream: write whep+https://HOST/PATH") from error
    addresses = []
    for place in places:
        if place.scheme not in ("whep+http", "whep+https"):
            raise SettingsRefused(f"{place.bare} is no WHEP stream: write whep+https://HOST/PATH")
        url = endpoint(place.url.removeprefix("whep+"))
        name = place.segments[-1] if place.segments else place.host
        addresses.append(WhepAddress(url.copy_remove_param("token"), name, dict(place.query).get("token")))
    return addresses


class WhepRoom:
    """A meeting made of streams. A stream that ends is asked for again, until the room is left."""

    def __init__(self, urls: str, *, clock: Clock, notice_given: bool, ice: Ice = NO_ICE) -> None:
        """Describe the room; opens nothing.

        Args:
            urls: As `read_addresses` takes them.
            clock: The room's clock.
            notice_given: Whether the operator says that the people were informed.
            ice: Servers by which media finds its way; without any, those that a stream's server names.

        Raises:
            SettingsRefused: An address cannot be used, or nobody was informed.
        """
        if not notice_given:
            raise SettingsRefused(
                "a WHEP stream cannot show the bot to the people in it: tell them yourself, and then say --notice-given"
            )
        self._addresses = read_addresses(urls)
        self.name = "".join(c if c.isalnum() or c in "._-" else "-" for c in self._addresses[0].name)
        self._clock = clock
        self._ice = ice
        self._session_task = RemoteSession(self.name)
        self._is_in = False

    async def __aenter__(self) -> Self:
        await check_aiortc()
        await check_relay(self._ice)
        self._session_task, self._is_in = RemoteSession(self.name), False
        await self._session_task.begin(self._attend())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session_task.leave()

    def events(self) -> AsyncIterator[RoomEvent]:
        """Yield what happens; raises how the stay ended. One reader."""
        return self._session_task.events()

    async def _attend(self) -> None:
        ended: RoomError | None = None
        try:
            async with asyncio.TaskGroup() as streams:
                for address in self._addresses:
                    streams.create_task(self._follow(address), name=f"stream {address.name}")
        except* RoomError as group:
            ended = _gravest(group)
        if ended is not None:
            raise ended  # outside of the clause, which would wrap it

    async def _follow(self, address: WhepAddress) -> None:
        """Receive one stream whenever it is there."""
        backoff = Backoff(RETRY_AFTER_S, LONGEST_RETRY_S)
        ice: Ice | None = None
        while True:
            try:
                # What a server names is of use for a while only.
                ice = self._ice if self._ice.servers else ice or await named_ice(address.url, address.token)
                await self._receive(address, ice)
                pause_s, ice = RETRY_AFTER_S, None
                backoff.went_well()
            except ServedLater as error:
                pause_s = min(LONGEST_RETRY_S, error.after_s or RETRY_AFTER_S)
                if not self._is_in:
                    self._publish(Held("not_open"))
            except RoomUnreachable as error:
                if not self._session_task.is_answered:
                    raise
                pause_s = backoff.failed()
                log.info("%s: %s", address.name, error)
            await asyncio.sleep(pause_s * random.uniform(0.75, 1.0))

    async def _receive(self, address: WhepAddress, ice: Ice) -> None:
        """Receive one stream until it ends."""
        loopback = loopback_address(address.url.host)
        async with Peer(self._clock, [loopback] if loopback else None, ice) as peer:
            answer, resource = await post_offer(address.url, await peer.offer(), address.token, later=NOT_YET)
            try:
                await peer.accept(answer)
                await self._watch(address, peer)
            finally:
                if resource is not None:
                    await delete(resource, address.token)

    async def _watch(self, address: WhepAddress, peer: Peer) -> None:
        try:
            await peer.connected(CONNECTING_S)
        except StreamLost as error:
            raise RoomUnreachable(f"{address.url} answered, but no media path to it was found") from error
        if not self._is_in:
            self._is_in = True
            self._publish(Admitted())
        participant = Participant(secrets.token_hex(8), clean_name(address.name))
        self._publish(Joined(participant))
        absence = Absence.VANISHED
        try:
            while True:
                try:
                    mailbox = await peer.stream.camera_on()
                except StreamUnreadable as unreadable:
                    self._publish(CameraUnreadable(participant, unreadable.reason))
                    await peer.stream.unreadable_off()
                else:
                    self._publish(CameraOn(participant, MailboxTrack(participant, mailbox)))
                    await peer.stream.camera_off()
                self._publish(CameraOff(participant))
        except StreamLost as lost:
            absence = lost.absence
        finally:
            self._publish(Left(participant, absence))

    def _publish(self, event: RoomEvent) -> None:
        self._session_task.publish(event)


def _gravest(group: BaseExceptionGroup[RoomError]) -> RoomError:
    """Choose among the errors of several streams; a refusal is final, so it goes first."""
    found = [error for error in group.exceptions if isinstance(error, RoomError)]
    return min(found, key=lambda error: not isinstance(error, RoomRefused))
