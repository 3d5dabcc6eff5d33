"""The cures, each on real connections where one is needed to see it work."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription

from bot.errors import RoomRefused
from bot.rooms.publishing.camera import ClipCamera
from bot.rooms.publishing.encoded_clip import read_clip
from bot.rooms.webrtc import jitter_buffer
from bot.rooms.webrtc.aiortc_patches import attend_sockets, check_aiortc, check_private_names, listen_on, patch_receiver
from bot.rooms.webrtc.decoding import CodedPicture
from bot.rooms.webrtc.traffic import Traffic, join_decoders
from bot.samples.story import clip_path
from tests.contracts.rooms import until


async def test_connection_listens_where_it_should_and_another_where_it_likes() -> None:
    peers = [RTCPeerConnection(RTCConfiguration(iceServers=[])) for _ in range(2)]
    for peer in peers:
        peer.addTransceiver("video", direction="recvonly")
    listen_on(peers[0], ["127.0.0.1"])
    addresses = []
    for peer in peers:
        await peer.setLocalDescription(await peer.createOffer())
        lines = peer.localDescription.sdp.splitlines()
        addresses.append({line.split()[4] for line in lines if line.startswith("a=candidate")})
        await peer.close()
    assert addresses[0] == {"127.0.0.1"}
    assert "127.0.0.1" not in addresses[1]


async def test_installed_library_fits() -> None:
    await check_aiortc()


def test_renamed_library_is_refused_in_one_line() -> None:
    with pytest.raises(
        RoomRefused, match=r"^aiortc \S+ with aioice \S+ lacks .*_recv_next.*: install aiortc 1\.16"
    ) as caught:
        check_private_names(_Everything(), object(), object())
    assert "\n" not in str(caught.value)


class _Everything:
    def __getattr__(self, name: str) -> None:
        return None


@asynccontextmanager
async def two_videos() -> AsyncIterator[tuple[RTCRtpSender, list[list[CodedPicture]]]]:
    """One connection with two videos.

    Yields:
        The first one's sender, and the pictures that have come in of each.
    """
    sender, receiver = (RTCPeerConnection(RTCConfiguration(iceServers=[])) for _ in range(2))
    cameras = [ClipCamera(read_clip(clip_path(who, "calm"))) for who in ("yuki", "kofi")]
    transceivers = [sender.addTransceiver(camera, direction="sendonly") for camera in cameras]
    listen_on(sender, ["127.0.0.1"])
    await sender.setLocalDescription(await sender.createOffer())
    await receiver.setRemoteDescription(RTCSessionDescription(sender.localDescription.sdp, "offer"))
    pictures: list[list[CodedPicture]] = [[], []]
    traffics = [Traffic(), Traffic()]
    for transceiver, seen, traffic in zip(receiver.getTransceivers(), pictures, traffics, strict=True):
        patch_receiver(receiver, transceiver, seen.append, traffic)
    listen_on(receiver, ["127.0.0.1"])
    await receiver.setLocalDescription(await receiver.createAnswer())
    attend_sockets(receiver, Traffic())
    await sender.setRemoteDescription(RTCSessionDescription(receiver.localDescription.sdp, "answer"))
    await until(lambda: all(len(seen) > 3 for seen in pictures), within_s=20)
    try:
        yield transceivers[0].sender, pictures
    finally:
        for camera in cameras:
            camera.stop()
        await sender.close()
        await receiver.close()
        for traffic in traffics:
            await join_decoders(traffic)


def lose(sender: RTCRtpSender, media: int, repeats: int) -> list[int]:
    """Let so many media packets of one sender get lost, and so many of the retransmissions; returns what was lost."""
    transport: Any = sender.transport
    source, rtx_source = sender._ssrc, sender._rtx_ssrc
    send, lost = transport._send_rtp, list[int]()
    left = {source: media, rtx_source: repeats}

    async def send_lossy(data: bytes) -> None:
        ssrc = int.from_bytes(data[8:12], "big")
        is_control = 64 <= data[1] & 0x7F < 96
        if not is_control and left.get(ssrc):
            left[ssrc] -= 1
            lost.append(ssrc)
        else:
            await send(data)

    transport._send_rtp = send_lossy
    return lost


@pytest.fixture
def no_skipping(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a lost packet waited for, however busy the machine is: nothing but its repetition helps."""
    monkeypatch.setattr(jitter_buffer, "PATIENCE_S", 30.0)


@pytest.mark.usefixtures("no_skipping")
async def test_lost_packet_of_one_of_several_videos_is_repaired() -> None:
    async with two_videos() as (sender, (first, second)):
        lost = lose(sender, media=1, repeats=0)
        await until(lambda: bool(lost))
        there = len(first), len(second)
        await until(lambda: len(first) > there[0] + 8 and len(second) > there[1] + 8, within_s=10)
        assert has_no_gap(first)


@pytest.mark.usefixtures("no_skipping")
async def test_packet_whose_retransmissions_are_lost_too_is_asked_for_again() -> None:
    async with two_videos() as (sender, (first, _)):
        lost = lose(sender, media=1, repeats=3)
        await until(lambda: len(lost) == 4, within_s=10)
        there = len(first)
        await until(lambda: len(first) > there + 8, within_s=10)
        assert has_no_gap(first)


def has_no_gap(pictures: list[CodedPicture]) -> bool:
    """Return whether every picture that was sent is there: the clip shows 15 a second."""
    return all(0 < after.timestamp - before.timestamp < 9_000 for before, after in pairwise(pictures))
