"""The one subscription to a Janus VideoRoom: everybody's video over one connection, renegotiated as people change.

Janus offers, we answer. A video section (`mid`) whose sender left is used again for the next one.
"""

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aiortc import RTCPeerConnection, RTCRtpTransceiver, RTCSessionDescription

from bot.errors import RoomError, RoomUnreachable
from bot.ice_servers import NO_ICE, Ice
from bot.rooms.base import Absence, Clock
from bot.rooms.janus.address import JanusAddress
from bot.rooms.janus.participants import JanusPeople
from bot.rooms.janus.publisher import close_undisturbed, connected, credentials
from bot.rooms.janus.session import ENDED, Handle, Json, Notice
from bot.rooms.roster import Feed
from bot.rooms.webrtc.aiortc_patches import (
    accept_video,
    ask_for_keyframe,
    attend_sockets,
    listen_on,
    patch_receiver,
    skip_gap,
)
from bot.rooms.webrtc.decoding import CodedPicture
from bot.rooms.webrtc.ice import new_connection
from bot.rooms.webrtc.sdp import shown_to_aiortc
from bot.rooms.webrtc.sdp_answer import misfits
from bot.rooms.webrtc.traffic import Traffic, join_decoders
from bot.rooms.webrtc.video_stream import Stream

log = logging.getLogger(__name__)

CONNECTING_S = 15.0


@dataclass(slots=True)
class _Section:
    """One video section of the connection."""

    transceiver: RTCRtpTransceiver
    traffic: Traffic = field(default_factory=Traffic)
    feed: Feed | None = None
    stream: Stream | None = None

    def take(self, picture: CodedPicture) -> None:
        if self.stream is not None:
            self.stream.take(picture)

    async def recover(self) -> None:
        await ask_for_keyframe([self.transceiver], self.traffic)


class JanusSubscriber:
    """Subscribes to feeds and says when a stream begins; `close` it, always."""

    def __init__(
        self,
        handle: Handle,
        address: JanusAddress,
        *,
        clock: Clock,
        addresses: Iterable[str] | None,
        ice: Ice = NO_ICE,
        people: JanusPeople,
        lost: Callable[[], object],
    ) -> None:
        """Prepare; opens no socket.

        Args:
            handle: A handle of its own.
            address: The room.
            clock: The room's clock.
            addresses: Where media listens; None for every address of this machine but loopback.
            ice: Servers by which media finds its way.
            people: Takes every stream that begins to be received, and its size.
            lost: Called when the connection has failed or was closed by Janus.
        """
        self._handle = handle
        self._address = address
        self._clock = clock
        self._addresses = addresses
        self._ice = ice
        self._people = people
        self._lost = lost
        self._peer: RTCPeerConnection | None = None
        self._wire = Traffic()
        self._sections: dict[str, _Section] = {}
        self._wanted: dict[Feed, str] = {}
        self._asked: dict[Feed, int] = {}
        self.id = handle.id
        """Which notices are for it."""
        self.has_joined = False
        """Whether it receives anybody, or did."""
        self.is_broken = False
        """Whether Janus refused or ended it, so that only a new one helps."""

    async def change(self) -> None:
        """Receive exactly the videos that are wanted of people, in the wanted sizes; what is new comes with a notice.

        Raises:
            JanusError: Janus did not take the request.
            RoomUnreachable: The connection broke.
        """
        wanted, before = self._people.wanted, self._wanted
        added = [self._stream(feed, wanted[feed]) for feed in wanted if wanted[feed] != before.get(feed)]
        removed = [{"feed": feed, "mid": before[feed]} for feed in before if before[feed] != wanted.get(feed)]
        # Noted before it is asked for: a notice that comes meanwhile leads here again, and must not ask twice.
        self._wanted = dict(wanted)
        for feed in before.keys() - wanted.keys():
            self._asked.pop(feed, None)
        if self.has_joined:
            update = {"subscribe": added, "unsubscribe": removed}
            if added or removed:
                await self._handle.send(
                    {"request": "update"} | {name: value for name, value in update.items() if value}
                )
            await self._resize()
        elif added:
            self.has_joined = True
            body: dict[str, Any] = {"request": "join", "ptype": "subscriber", "room": self._address.room_id}
            await self._handle.send(body | {"streams": added} | credentials(self._address))

    def _stream(self, feed: Feed, mid: str) -> Json:
        stream: dict[str, Any] = {"feed": feed, "mid": mid}
        if choice := self._people.layers.get(feed):
            self._asked[feed] = stream["substream"] = choice.asked
        return stream

    async def _resize(self) -> None:
        """Ask for other sizes of what is received already."""
        streams = []
        for mid, section in self._sections.items():
            choice = self._people.layers.get(section.feed) if section.feed is not None else None
            if section.feed is not None and choice is not None and choice.asked != self._asked.get(section.feed):
                self._asked[section.feed] = choice.asked
                streams.append({"mid": mid, "substream": choice.asked})
        if streams:
            await self._handle.send({"request": "configure", "streams": streams})

    async def take(self, notice: Notice) -> None:
        """Take a notice of this subscription's handle.

        A feed whose sender has just left is refused, and the whole request with it: that breaks the subscription.

        Raises:
            JanusError: Janus did not take the answer.
            RoomUnreachable: The connection broke, or no media path was found within 15 s.
        """
        if notice.kind in ENDED or "error_code" in notice.data:
            log.info("The subscription broke: %s %s", notice.kind, notice.data.get("error", ""))
            self.is_broken = True
        elif notice.jsep is not None:
            await self._answer(notice.jsep["sdp"])
        if "substream" in notice.data:
            self._note_size(str(notice.data.get("mid")), notice.data["substream"])
        if "streams" in notice.data:
            await self._assign(notice.data["streams"])

    def _note_size(self, mid: str, layer: object) -> None:
        section = self._sections.get(mid)
        if section is not None and section.feed is not None and isinstance(layer, int):
            self._people.relayed(section.feed, layer)

    async def give_back(self) -> None:
        """Close it and let Janus forget it."""
        await self.close()
        with suppress(RoomError):
            await self._handle.detach()

    async def close(self) -> None:
        """End all streams and free the socket and the decoders."""
        for section in self._sections.values():
            if section.stream is not None:
                section.stream.lose(Absence.VANISHED)
        if self._peer is not None:
            self._peer.remove_all_listeners()
            await close_undisturbed(self._peer.close)
        await join_decoders(*(section.traffic for section in self._sections.values()))

    async def _answer(self, offer: str) -> None:
        is_first = self._peer is None
        peer = self._peer = self._peer or new_connection(self._ice)
        try:
            shown, videos = shown_to_aiortc(offer)
            await peer.setRemoteDescription(RTCSessionDescription(shown, "offer"))
        except Exception as error:  # aiortc's parser asserts, unpacks and looks up what the text lacks
            raise RoomUnreachable(f"Janus sent an offer that cannot be used ({error})") from error
        for transceiver in peer.getTransceivers():
            if (video := videos.get(transceiver.mid)) is not None:
                accept_video(transceiver, video)
            if transceiver.mid is not None and transceiver.mid not in self._sections:
                section = self._sections[transceiver.mid] = _Section(transceiver)
                patch_receiver(peer, transceiver, section.take, section.traffic)
        if is_first and self._addresses is not None:
            listen_on(peer, self._addresses)
        await peer.setLocalDescription(await peer.createAnswer())
        if is_first:
            attend_sockets(peer, self._wire)
        answer = {"type": "answer", "sdp": peer.localDescription.sdp}
        if wrong := misfits(offer, answer["sdp"]):
            raise RoomUnreachable(f"Janus' offer cannot be answered: {', '.join(wrong)[:200]}")
        await self._handle.send({"request": "start"}, answer)
        if is_first:
            # Renegotiating a connection that is still being made would confuse aiortc.
            await connected(peer, CONNECTING_S)
            peer.on("connectionstatechange", self._on_state)

    def _on_state(self) -> None:
        if self._peer is not None and self._peer.connectionState in ("failed", "closed"):
            self._lost()

    async def _assign(self, streams: Iterable[Json]) -> None:
        """Follow whose video each section carries now."""
        carried = {
            str(s["mid"]): s.get("feed_id") for s in streams if s.get("type") == "video" and s.get("active", True)
        }
        for mid, section in self._sections.items():
            feed = carried.get(mid)
            if feed == section.feed:
                continue
            if section.stream is not None:
                section.stream.lose(Absence.LEFT)
            section.feed, section.stream = feed, None
            if feed is not None:
                section.stream = Stream(self._clock, section.traffic, section.recover, owns_connection=False)
                # What the section carried before is no beginning of this stream.
                await skip_gap([section.transceiver], section.traffic)
                self._people.begin(feed, section.stream)
