"""The local room, `local://NAME`: publishers come to it by WHIP, from the join page, OBS or GStreamer."""

import asyncio
import logging
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Self

from bot.errors import RoomClosed, RoomRefused, SettingsRefused
from bot.ice_servers import NO_ICE, Ice
from bot.rooms.base import Absence, Admitted, Clock, OptedIn, Participant, RoomEvent
from bot.rooms.gallery.shared_window import SharedWindow
from bot.rooms.local.admission import Admission, GalleryRefused, RoomFull, RoomNotOpen
from bot.rooms.local.guests import Guest, Person, Shares
from bot.rooms.local.pending_offers import PLACES, PendingOffers
from bot.rooms.notice import Notice, clean_name
from bot.rooms.opt_out_words import asks_not_to_be_read
from bot.rooms.webrtc.aiortc_patches import check_aiortc
from bot.rooms.webrtc.ice import check_relay
from bot.rooms.webrtc.peer_connection import Peer
from bot.rooms.webrtc.video_stream import StreamLost, StreamUnreadable
from dashboard_protocol.auth.consent import Consents
from dashboard_protocol.http.proxies import is_loopback
from dashboard_protocol.room_urls import LOCAL_NAME

log = logging.getLogger(__name__)

MAX_PUBLISHERS = 64
"""Who is connected; whoever is about to be has a place of another kind."""
MAX_WAITING_EVENTS = 1024
"""So many unread, and newcomers are refused: nobody follows the room, and more events would only pile up."""
CONNECTING_S = 10.0
NOT_INFORMED = (
    "The people in a shared window cannot see the bot: inform them, and have whoever starts it confirm that "
    "(--notice-given)."
)
NO_IDENTITIES = (
    "In a shared window nobody has a name to agree under: choose the policy aggregate or presence, not individual."
)


class LocalRoom:
    """A room inside this process. `whip_endpoint` and `join_page` serve it; enter it to let publishers in."""

    def __init__(  # noqa: PLR0913  one parameter a part
        self,
        name: str,
        *,
        clock: Clock,
        notice: Notice,
        host: str = "127.0.0.1",
        token: str | None = None,
        ice: Ice = NO_ICE,
        consents: Consents | None = None,
        key: str | None = None,
        notice_given: bool = False,
    ) -> None:
        """Describe the room; opens nothing.

        Args:
            name: Letters, digits, `.`, `_` and `-`; at most 64.
            clock: The room's clock.
            notice: What people may know before they join.
            host: Address that media listens on; `0.0.0.0` or `::` for every address of this machine but loopback.
            token: What publishers present as bearer token; None lets everybody in.
            ice: Servers by which media finds its way.
            consents: Checks signed consents; None takes none.
            key: The meeting's, which consents name; None for the room's own name.
            notice_given: Whether the operator says that people were informed who cannot see the bot: those in a window
                that somebody shares.

        Raises:
            SettingsRefused: The name cannot stand in a link.
        """
        if not LOCAL_NAME.fullmatch(name):
            raise SettingsRefused(f"local://{name} is no room name: use letters, digits, '.', '_' and '-', at most 64")
        self.name = name
        self.notice = notice
        self.token = token
        self._clock = clock
        self._ice = ice
        self._addresses = None if host in ("0.0.0.0", "::") else (host,)
        self._consents = consents
        self._key = key or name
        self._notice_given = notice_given
        self._peers: dict[str, Peer] = {}
        self._people: dict[str, Participant] = {}
        self._connected: set[str] = set()
        self._pending = PendingOffers(self.dismiss)
        self._events: asyncio.Queue[RoomEvent | None] = asyncio.Queue()
        self._visits: asyncio.TaskGroup | None = None
        self._shares = Shares(self._publish, self.dismiss)

    @property
    def gallery_obstacle(self) -> str | None:
        """Why no window that shows many people can be shared with the room; None where one can."""
        if self.notice.offers_individual:
            return NO_IDENTITIES
        return None if self._notice_given else NOT_INFORMED

    @property
    def is_on_loopback(self) -> bool:
        """Whether nobody's video finds its way here from another machine."""
        return self._ice.relay is None and all(map(is_loopback, self._addresses or ("",)))

    @property
    def is_open(self) -> bool:
        """Whether the bot is in the room."""
        return self._visits is not None

    async def __aenter__(self) -> Self:
        await check_aiortc()
        await check_relay(self._ice)
        for address in self._addresses or ():
            _check_address(address)
        self._events, self._shares = asyncio.Queue(), Shares(self._publish, self.dismiss)
        self._events.put_nowait(Admitted())
        self._visits = await asyncio.TaskGroup().__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        visits, self._visits = self._visits, None
        for peer in self._peers.values():
            peer.leave()
        if visits is not None:
            # The visits end by themselves now; an error of the caller is not theirs, and would come back as a group.
            await visits.__aexit__(None, None, None)
        await self._shares.close()
        self._events.put_nowait(None)

    async def events(self) -> AsyncIterator[RoomEvent]:
        """Yield what happens to publishers; ends with RoomClosed once the room was left. One reader."""
        while (event := await self._events.get()) is not None:
            yield event
        raise RoomClosed(f"The bot has left local://{self.name}")

    async def admit(
        self, offer: str, name: str, *, asker: str = "", wants_individual: bool = False, consent: str | None = None
    ) -> Admission:
        """Answer a publisher's offer; it becomes a participant once it is connected.

        Args:
            offer: SDP.
            name: The display name the person chose, as it came.
            asker: The address they come from.
            wants_individual: Whether the person agreed to be read individually.
            consent: The token by which they agreed, if they did so by one; ignored where nobody is asked to agree.

        Raises:
            RoomNotOpen: The bot is not in the room.
            ConsentRefused: The consent does not hold for this name in this room.
            RoomFull: Too many publishers, or too many joins for the bot to keep up with.
            OfferMalformed: The offer cannot be parsed.
            OfferUnsupported: The offer has no video that can be received.
        """
        self._check_room()
        shown = clean_name(name)
        may_agree = self.notice.offers_individual and not asks_not_to_be_read(name)
        agreed = self._consents.check(self._key, shown, consent) if may_agree and consent and self._consents else None
        opted_in = may_agree and (wants_individual or agreed is not None)
        participant = Participant(secrets.token_hex(8), shown, opted_in, agreed)

        def guest(resource: str) -> Guest:
            self._people[resource] = participant
            if agreed is not None:  # said now: whatever is asked before they are connected is newer
                self._publish(OptedIn(participant))
            return Person(participant, self._publish)

        return await self._let_in(offer, asker, guest)

    async def admit_gallery(self, offer: str, *, asker: str = "", asks_first: bool = False) -> Admission:
        """Answer the offer of a window that shows many people, each of whom becomes a participant.

        Args:
            offer: SDP.
            asker: The address it comes from.
            asks_first: Whether nobody is read until whoever shares it has said who is to be left out.

        Raises:
            GalleryRefused: No gallery may be shared here.
            RoomNotOpen, RoomFull, OfferMalformed, OfferUnsupported: See `admit`.
        """
        if (obstacle := self.gallery_obstacle) is not None:
            raise GalleryRefused(obstacle)
        self._check_room()
        return await self._let_in(
            offer, asker, lambda resource: self._shares.guest(resource, asks_first=asks_first), is_window=True
        )

    async def _let_in(
        self, offer: str, asker: str, guest: Callable[[str], Guest], *, is_window: bool = False
    ) -> Admission:
        """Answer an offer, and begin the visit of the guest that its stay is."""
        resource = secrets.token_urlsafe(24)
        await self._pending.take(resource, asker)
        try:
            self._check_room()  # again: it took a while
            peer = self._peers[resource] = Peer(self._clock, self._addresses, self._ice)
        except BaseException:
            self._pending.free(resource)
            raise
        try:
            answer = await peer.answer(offer, in_bursts=is_window)
            if self._visits is None:
                raise RoomNotOpen(f"The bot has just left {self.name}")
            self._visits.create_task(self._visit(resource, peer, guest(resource)), name=f"visit {resource[:8]}")
        except BaseException:
            del self._peers[resource]
            self._pending.free(resource)
            await peer.close()
            raise
        return Admission(resource, answer)

    def shared_window(self, resource: str) -> SharedWindow | None:
        """Return what whoever shares a window by this stay may see of it; None for anybody else."""
        return self._shares.window(resource)

    def was_replaced(self, resource: str) -> bool:
        """Whether another window took the place of the one that was shared by this stay."""
        return self._shares.was_replaced(resource)

    def is_coming(self, resource: str) -> bool:
        """Whether a stay of that name has no place yet: its connection is being made."""
        return resource in self._peers and resource not in self._connected

    def participant(self, resource: str) -> Participant | None:
        """Return whose stay an unguessable name means; None for nobody's."""
        return self._people.get(resource)

    def dismiss(self, resource: str) -> bool:
        """Let a publisher go.

        Returns:
            Whether there was such a publisher.
        """
        peer = self._peers.get(resource)
        if peer is not None:
            peer.leave()
        return peer is not None

    def _check_room(self) -> None:
        if self._visits is None:
            raise RoomNotOpen(f"The bot is not in {self.name} yet: try again in a moment")
        # What was dropped takes a moment to close, and must not pile up.
        is_piled = len(self._peers) >= MAX_PUBLISHERS + 2 * PLACES
        if len(self._connected) >= MAX_PUBLISHERS or is_piled or self._events.qsize() >= MAX_WAITING_EVENTS:
            raise RoomFull(f"{self.name} is full: try again in a moment")

    def _seat(self, resource: str) -> None:
        """Give somebody who is connected their place."""
        self._pending.free(resource)
        if len(self._connected) >= MAX_PUBLISHERS:  # they and the last one came together
            raise StreamLost(Absence.VANISHED)
        self._connected.add(resource)

    async def _visit(self, resource: str, peer: Peer, guest: Guest) -> None:
        """Stay with one publisher until it is gone; whatever goes wrong ends this visit and no other."""
        absence: Absence | None = None
        try:
            async with peer:
                await peer.connected(CONNECTING_S)
                self._seat(resource)
                absence = Absence.VANISHED
                guest.enter()
                while True:
                    try:
                        mailbox = await peer.stream.camera_on()
                    except StreamUnreadable as unreadable:
                        guest.show_unreadable(unreadable.reason)
                        await peer.stream.unreadable_off()
                    else:
                        guest.show(mailbox)
                        await peer.stream.camera_off()
                    guest.show_nothing()
        except StreamLost as lost:
            absence = absence and lost.absence
        except Exception:
            log.exception("Lost a publisher to an error")
        finally:
            del self._peers[resource]
            self._people.pop(resource, None)
            self._connected.discard(resource)
            self._pending.free(resource)
            if absence is not None:
                guest.leave(absence)

    def _publish(self, event: RoomEvent) -> None:
        self._events.put_nowait(event)


def _check_address(address: str) -> None:
    """Raise RoomRefused unless media can listen on this address."""
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(address, 0, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.bind(where)
    except OSError as error:
        raise RoomRefused(f"{address} is no address of this machine to receive video on ({error})") from error
