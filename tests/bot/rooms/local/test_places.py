"""Who gets into a local room when many come, and when somebody only pretends to come."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from bot.rooms.base import Joined
from bot.rooms.local import pending_offers
from bot.rooms.local import room as local_room
from bot.rooms.local.admission import RoomFull
from bot.rooms.local.pending_offers import PLACES, PendingOffers
from bot.rooms.local.room import LocalRoom
from bot.rooms.webrtc.aiortc_patches import listen_on
from tests.bot.rooms.conftest import NOTICE
from tests.contracts.rooms import expect, until

if TYPE_CHECKING:
    from tests.bot.rooms.conftest import WhipStage

CLASS = 60
SDP = {"Content-Type": "application/sdp"}


class Student:
    """Somebody whose camera shows nothing yet: only their connection counts."""

    def __init__(self) -> None:
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.peer.addTransceiver("video", direction="sendonly")
        self._connected = asyncio.Event()
        self.peer.on("connectionstatechange", self._note)

    def _note(self) -> None:
        if self.peer.connectionState == "connected":
            self._connected.set()

    async def offer(self) -> str:
        listen_on(self.peer, ["127.0.0.1"])
        await self.peer.setLocalDescription(await self.peer.createOffer())
        return str(self.peer.localDescription.sdp)

    async def join(self, http: httpx.AsyncClient, offer: str) -> None:
        answer = await http.post("/whip/demo", content=offer, headers=SDP)
        assert answer.status_code == 201, answer.text
        await self.peer.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
        await self._connected.wait()


@asynccontextmanager
async def students(number: int) -> AsyncIterator[list[Student]]:
    everybody = [Student() for _ in range(number)]
    try:
        yield everybody
    finally:
        await asyncio.gather(*(student.peer.close() for student in everybody))


class TestAFlood:
    """Offers that nobody follows up."""

    @pytest.fixture
    def room(self, monkeypatch: pytest.MonkeyPatch) -> LocalRoom:
        monkeypatch.setattr(pending_offers, "OWN_SAFE_S", 0.2)  # so that the test is short
        return LocalRoom("demo", clock=time.monotonic, notice=NOTICE)

    async def test_offers_without_media_keep_nobody_out(self, stage: "WhipStage") -> None:
        async with stage.room as room, students(1) as [ghost], asyncio.timeout(30):
            offer = await ghost.offer()
            flood = [
                asyncio.create_task(stage.http.post("/whip/demo", content=offer, headers=SDP, timeout=30))
                for _ in range(64)
            ]
            await asyncio.wait(flood, return_when=asyncio.FIRST_COMPLETED)
            guest = await stage.guest("Eve")
            assert (await expect(room.events(), Joined)).participant.name == "Eve"
            await guest.leave()
            await asyncio.wait(flood)
            assert {task.result().status_code for task in flood} <= {201, 503}


class TestAClass:
    """Sixty people behind one address, on a machine that may be slow: however long a handshake takes, all get in."""

    @pytest.fixture
    def room(self, monkeypatch: pytest.MonkeyPatch) -> LocalRoom:
        monkeypatch.setattr(pending_offers, "OWN_SAFE_S", 60.0)
        monkeypatch.setattr(pending_offers, "LONGEST_WAIT_S", 120.0)
        monkeypatch.setattr(local_room, "CONNECTING_S", 60.0)
        return LocalRoom("demo", clock=time.monotonic, notice=NOTICE)

    async def test_class_that_joins_at_once_gets_in(self, stage: "WhipStage") -> None:
        async with stage.room as room, students(CLASS) as everybody:
            offers = [await student.offer() for student in everybody]
            limits = httpx.Limits(max_connections=CLASS)
            async with httpx.AsyncClient(base_url=stage.http.base_url, limits=limits, timeout=120) as http:
                joining = zip(everybody, offers, strict=True)
                await asyncio.gather(*(student.join(http, offer) for student, offer in joining))
            events = room.events()
            names = [(await expect(events, Joined)).participant.name for _ in everybody]
            assert names == ["Guest"] * CLASS


async def test_place_is_free_again_when_its_offer_has_not_connected_in_time(
    stage: "WhipStage", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_room, "CONNECTING_S", 0.1)
    async with stage.room as room, students(1) as [ghost]:
        await stage.http.post("/whip/demo", content=await ghost.offer(), headers=SDP)
        await until(lambda: not room._peers)
        assert len(room._pending._offers) == 0


async def test_limit_comes_before_the_offer_is_parsed(room: LocalRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending_offers, "WAITING_OF_ONE", 0)
    async with room:
        with pytest.raises(RoomFull):
            await room.admit("this is no SDP at all", "Eve")


async def test_one_address_that_floods_keeps_no_other_address_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending_offers, "SAFE_S", 0.0)
    dropped: list[str] = []
    offers = PendingOffers(dropped.append)
    for number in range(PLACES):
        await offers.take(f"flood {number}", "192.0.2.1")
    waiting = asyncio.create_task(offers.take("more", "192.0.2.1"))
    await offers.take("eve", "192.0.2.2")
    assert dropped == ["flood 0"]
    offers.free("eve")
    await waiting
    assert dropped == ["flood 0"]


async def test_whoever_waits_in_vain_learns_that_the_room_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending_offers, "LONGEST_WAIT_S", 0.01)
    offers = PendingOffers(lambda _: None)
    for number in range(PLACES):
        await offers.take(str(number), "192.0.2.1")
    with pytest.raises(RoomFull):
        await offers.take("one more", "192.0.2.1")


async def test_cancelled_wait_leaves_nothing_behind() -> None:
    offers = PendingOffers(lambda _: None)
    for number in range(PLACES):
        await offers.take(str(number), "192.0.2.1")
    waiting = asyncio.create_task(offers.take("one more", "192.0.2.1"))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert not offers._waiting
