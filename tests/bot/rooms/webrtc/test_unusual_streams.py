"""Streams that are in order and yet unlike those of aiortc itself, from a real sender whose packets are rewritten."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.rtp import is_rtcp, pack_header_extensions, unpack_header_extensions

from bot.rooms.base import Frame
from bot.rooms.latest_frame import Mailbox
from bot.rooms.publishing.camera import ClipCamera
from bot.rooms.publishing.encoded_clip import read_clip
from bot.rooms.webrtc.aiortc_patches import listen_on
from bot.rooms.webrtc.orientation import Turn, read_orientation
from bot.rooms.webrtc.peer_connection import Peer
from bot.rooms.webrtc.sdp_video import ORIENTATION
from bot.samples.story import clip_path
from tests import h264
from tests.bot.rooms.webrtc.hostile_stream import Frames

LOOPBACK = ["127.0.0.1"]
Rewriting = Callable[[bytes], list[bytes]]


def yuki() -> ClipCamera:
    return ClipCamera(read_clip(clip_path("yuki", "calm")))


@asynccontextmanager
async def sent(
    track: MediaStreamTrack,
    codec: str,
    rewrite: Rewriting,
    offered: Callable[[str], str] = str,
    answered: Callable[[str], str] = str,
) -> AsyncIterator[Mailbox[Frame]]:
    """Send a track to a bot, its packets and its words rewritten; gives what the bot sees of the camera."""
    sender = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    transceiver = sender.addTransceiver(track, direction="sendonly")
    codecs = RTCRtpSender.getCapabilities("video").codecs
    transceiver.setCodecPreferences([each for each in codecs if each.mimeType == f"video/{codec}"][:1])
    listen_on(sender, LOOPBACK)
    await sender.setLocalDescription(await sender.createOffer())
    transport: Any = transceiver.sender.transport
    send = transport._send_rtp

    async def send_rewritten(data: bytes) -> None:
        for packet in [data] if is_rtcp(data) else rewrite(data):
            await send(packet)

    transport._send_rtp = send_rewritten
    async with Peer(time.time, LOOPBACK) as bot, asyncio.timeout(20):
        answer = await bot.answer(offered(sender.localDescription.sdp))
        await sender.setRemoteDescription(RTCSessionDescription(answered(answer), "answer"))
        await bot.connected(10.0)
        try:
            yield await bot.stream.camera_on()
        finally:
            track.stop()
            await sender.close()


async def read(frames: Mailbox[Frame], count: int) -> list[Frame]:
    return [await anext(frames) for _ in range(count)]


@pytest.mark.parametrize("profile", ["42e01f", "4d001f", "64001f", "640c1f"])
async def test_h264_of_any_profile_under_a_low_number_is_received(profile: str) -> None:
    def renumbered(data: bytes) -> list[bytes]:
        return [data[:1] + bytes([data[1] & 0x80 | 35]) + data[2:]]

    track = Frames()
    track.play(*(h264.frame(640, 368, number) for number in range(2)))
    numbers = []

    def offered(sdp: str) -> str:
        numbers.append(old := sdp.split("SAVPF ")[1].split()[0])
        return sdp.replace(f"SAVPF {old}", "SAVPF 35").replace(f":{old} ", ":35 ").replace("42001f", profile)

    def answered(sdp: str) -> str:
        assert f"profile-level-id={profile}" in sdp
        back = sdp.replace("SAVPF 35", f"SAVPF {numbers[0]}").replace(":35 ", f":{numbers[0]} ")
        return back.replace(profile, "42001f")

    async with sent(track, "H264", renumbered, offered, answered) as frames:
        assert {(frame.width_px, frame.height_px) for frame in await read(frames, 3)} == {(640, 368)}


async def test_parameter_sets_that_only_the_description_has_are_used() -> None:
    sets = ",".join(base64.b64encode(unit).decode() for unit in h264.parameter_sets(640, 368))
    track = Frames()
    track.play(*(h264.START + h264.whole_picture(640, 368, number) for number in range(2)))

    def offered(sdp: str) -> str:
        return sdp.replace("profile-level-id=42001f", f"profile-level-id=42001f;sprop-parameter-sets={sets}")

    async with sent(track, "H264", lambda data: [data], offered) as frames:
        assert {frame.width_px for frame in await read(frames, 3)} == {640}


async def test_timestamps_that_stand_still_do_not_hold_pictures_back() -> None:
    async with sent(yuki(), "VP8", lambda data: [data[:4] + bytes(4) + data[8:]]) as frames:
        assert len(await read(frames, 5)) == 5


async def test_of_several_sources_under_one_number_one_is_followed() -> None:
    def three(data: bytes) -> list[bytes]:
        source, number = int.from_bytes(data[8:12], "big"), int.from_bytes(data[2:4], "big")
        copies = [data]
        for copy in (1, 2):  # of other sizes, in a real simulcast; here they begin and count elsewhere
            head = data[:2] + ((number + 7_000 * copy) % 65_536).to_bytes(2, "big") + data[4:8]
            copies.append(head + ((source + copy) % 2**32).to_bytes(4, "big") + data[12:])
        return copies

    async with sent(yuki(), "VP8", three) as frames:
        assert len(await read(frames, 15)) == 15


@pytest.mark.parametrize("orientation", [0, 1, 2, 3, 4, 5])
async def test_pictures_are_turned_as_their_sender_says(orientation: int) -> None:
    """What was turned before it was encoded comes out upright, mirror included."""

    def reported(data: bytes) -> list[bytes]:
        assert data[0] == 0x90, "aiortc's sender has extensions of its own"
        words = int.from_bytes(data[14:16], "big")
        extensions = unpack_header_extensions(int.from_bytes(data[12:14], "big"), data[16 : 16 + 4 * words])
        profile, value = pack_header_extensions([*extensions, (9, bytes([orientation]))])
        packed = profile.to_bytes(2, "big") + (len(value) // 4).to_bytes(2, "big") + value
        return [data[:12] + packed + data[16 + 4 * words :]]

    def offered(sdp: str) -> str:
        return sdp.replace("a=mid:0\r\n", f"a=mid:0\r\na=extmap:9 {ORIENTATION}\r\n")

    async with sent(yuki(), "VP8", lambda data: [data]) as plain:
        upright = (await anext(plain)).to_rgb().astype(int)
    async with sent(yuki(), "VP8", reported, offered) as frames:
        [*_, frame] = await read(frames, 2)
        seen = frame.to_rgb().astype(int)
    turn = read_orientation(bytes([orientation]))
    assert turn is not None
    expected = turn.upright(upright.astype(np.uint8)).astype(int)
    assert (frame.height_px, frame.width_px) == seen.shape[:2] == expected.shape[:2]
    assert np.abs(seen - expected).mean() < 8.0


def test_turn_is_a_quarter_to_the_right_each_and_then_a_mirror() -> None:
    picture = np.arange(6, dtype=np.uint8).reshape(2, 3, 1).repeat(3, axis=2)
    assert Turn(1).upright(picture)[:, :, 0].tolist() == [[3, 0], [4, 1], [5, 2]]
    assert Turn(0, is_mirrored=True).upright(picture)[:, :, 0].tolist() == [[2, 1, 0], [5, 4, 3]]
    assert Turn(2).upright(picture)[:, :, 0].tolist() == [[5, 4, 3], [2, 1, 0]]
    assert Turn(3).size(640, 360) == (360, 640)
    assert read_orientation(b"") is None
    assert read_orientation(b"\x0d") == Turn(1, is_mirrored=True)
