"""How the bot enters a Janus VideoRoom: it joins, and publishes its notice in a codec that the room takes."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bot.ice_servers import Ice
from bot.rooms.janus.address import JanusAddress
from bot.rooms.janus.publisher import JanusPublisher, join
from bot.rooms.janus.session import Handle, JanusError, JanusSession, Json
from bot.rooms.notice_picture import NoticeTrack
from bot.rooms.webrtc.sdp_video import CODECS
from engine.readings import Image

log = logging.getLogger(__name__)

HELD = {426: "not_open", 432: "full"}
"""Codes of the VideoRoom that mean: later, perhaps."""
NOT_SHOWN = (
    "%s takes no video of ours: the bot's notice is not seen there, only its name says what it does, and nobody can be "
    f"read there. Allow {' or '.join(CODECS)} in the room's videocodec."
)


@dataclass(frozen=True, slots=True)
class Entry:
    """The bot in the room."""

    own: Handle
    joined: Json
    """Janus' answer to the join."""
    publisher: JanusPublisher
    """Shows the notice; close it, always."""
    codec: str | None
    """What the room took; None for nothing but text."""


async def enter(
    session: JanusSession,
    address: JanusAddress,
    display: str,
    notice: Image,
    new_feed: Callable[[], int | None],
    media: tuple[Iterable[str] | None, Ice],
    first: str,
) -> Entry:
    """Join, and publish the notice as the room takes it; where it takes none, the bot's name says what it does.

    Janus looks at an offer before it says that it does not want the codec, and then takes no other of this handle: each
    try is a join of its own.

    Args:
        session: With Janus.
        address: The room.
        display: The bot's name.
        notice: Its picture.
        new_feed: Chooses the bot's number.
        media: Where media listens, and the servers by which it finds its way.
        first: The codec to try first.

    Raises:
        JanusError: The room does not let the bot in.
        RoomUnreachable: Janus does not answer, or no media path was found.
    """
    for codec in sorted((*CODECS, None), key=lambda codec: codec != first):
        own = await session.attach()
        joined = await join(own, address, display, new_feed())
        publisher = JanusPublisher(own, NoticeTrack(notice), *media)
        if session.relays_text:
            publisher.open_channel()
        try:
            if codec is not None or session.relays_text:
                await publisher.publish(codec)
        except JanusError as error:
            await publisher.close()
            if error.code in HELD:
                raise
            log.info("%s does not take %s: %s", address.room, codec or "text alone", error)
            if codec is not None:
                await own.detach()
                continue
        except BaseException:
            await publisher.close()
            raise
        if codec is None:
            log.warning(NOT_SHOWN, address.room)
        return Entry(own, joined, publisher, codec)
    raise AssertionError("the last try ends the loop")
