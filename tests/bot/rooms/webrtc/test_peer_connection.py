"""One connection, from the first word to the last."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from bot.errors import RoomRefused, RoomUnreachable
from bot.ice_servers import read_ice
from bot.rooms.publishing.camera import ClipCamera
from bot.rooms.publishing.encoded_clip import read_clip
from bot.rooms.webrtc import peer_connection as peers
from bot.rooms.webrtc.aiortc_patches import listen_on
from bot.rooms.webrtc.peer_connection import Peer
from bot.rooms.webrtc.sdp import OfferMalformed, OfferUnsupported
from bot.samples.story import clip_path

LOOPBACK = ["127.0.0.1"]


@pytest.fixture
async def guest() -> AsyncIterator[RTCPeerConnection]:
    guest = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    camera = ClipCamera(read_clip(clip_path("yuki", "calm")))
    guest.addTransceiver(camera, direction="sendonly")
    listen_on(guest, LOOPBACK)
    await guest.setLocalDescription(await guest.createOffer())
    yield guest
    camera.stop()
    await guest.close()


async def test_goodbye_in_the_middle_of_the_handshake_is_heard(guest: RTCPeerConnection) -> None:
    """The guest's side of the handshake is done first: if the bot leaves just then, the guest has to be notified."""
    bot, stood, closed, closing = Peer(time.time, LOOPBACK), asyncio.Event(), asyncio.Event(), asyncio.Event()

    def note() -> None:
        if guest.connectionState == "connected":
            assert bot._connection.connectionState == "connecting", "it is too late for this test"
            stood.set()
        elif guest.connectionState == "closed":
            closed.set()

    async def leave() -> None:
        await stood.wait()
        closing.set()
        await bot.close()

    guest.on("connectionstatechange", note)
    answer = await bot.answer(guest.localDescription.sdp)
    async with asyncio.TaskGroup() as tasks, asyncio.timeout(20):
        tasks.create_task(leave())
        await guest.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await closing.wait()
        async with asyncio.timeout(30):
            await closed.wait()


async def test_connection_that_is_never_made_is_not_waited_for_long(
    guest: RTCPeerConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "HANDSHAKE_S", 0.1)
    bot = Peer(time.time, LOOPBACK)
    await bot.answer(guest.localDescription.sdp)  # which the guest never hears
    async with asyncio.timeout(30):
        await bot.close()


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("a=sendonly\r\n", "a=sendonly\r\na=mid:0\r\n"),
        ("a=sendonly\r\n", "a=inactive\r\na=sendonly\r\n"),
        ("/90000", "/x"),
    ],
)
async def test_offer_that_contradicts_itself_is_malformed_and_no_bug(
    guest: RTCPeerConnection, right: str, wrong: str
) -> None:
    async with Peer(time.time, LOOPBACK) as bot:
        with pytest.raises((OfferMalformed, OfferUnsupported)) as refused:
            await bot.answer(guest.localDescription.sdp.replace(right, wrong))
        assert "\n" not in str(refused.value)


async def test_answer_that_cannot_be_used_is_refused() -> None:
    async with Peer(time.time, LOOPBACK) as bot:
        await bot.offer()
        with pytest.raises(RoomRefused, match="cannot be used"):
            await bot.accept("v=0\r\nm=nonsense")


async def test_relay_that_gives_nothing_leaves_no_address_of_ours() -> None:
    ice = read_ice(["turn:u:p@127.0.0.1:9?transport=tcp"], relay_only=True)
    async with Peer(time.time, LOOPBACK, ice) as bot:
        with pytest.raises(RoomUnreachable, match="gave no relay"):
            await bot.offer()
        assert " typ " not in bot._connection.localDescription.sdp
