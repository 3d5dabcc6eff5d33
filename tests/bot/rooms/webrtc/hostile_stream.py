"""Publishes pictures that no camera sends into a local room by WHIP, and reads whatever comes out.

A process of its own (`python -m tests.bot.rooms.webrtc.hostile_stream`), so that whatever ends it fails one test.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from fractions import Fraction
from itertools import cycle
from typing import TypeVar

import av
import httpx
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from starlette.applications import Starlette

from bot.rooms.base import CameraOn, CameraUnreadable, RoomEvent
from bot.rooms.local.room import LocalRoom
from bot.rooms.notice import Notice
from bot.rooms.webrtc.aiortc_patches import listen_on
from engine.faces import FaceFinder
from tests import h264
from tests.contracts.rooms import routes_of
from tests.hostile import VIDEO

FPS = 15
E = TypeVar("E", bound=RoomEvent)


class Frames(MediaStreamTrack):
    """Sends encoded frames as they are."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self._sent = 0
        self._frames: Iterator[bytes] = iter(())

    def play(self, *frames: bytes) -> None:
        """Send these from now on, in turns."""
        self._frames = cycle(frames)

    async def recv(self) -> "av.Packet[av.stream.Stream]":
        await asyncio.sleep(1 / FPS)
        packet = av.Packet(next(self._frames))
        packet.pts, packet.time_base = self._sent * 90_000 // FPS, Fraction(1, 90_000)
        self._sent += 1
        return packet


async def main() -> None:
    """Send every row, and a picture that can be read between each and the next."""
    room = LocalRoom("demo", clock=time.monotonic, notice=Notice("Ada", "presence", "Counts only."))
    async with room, asyncio.timeout(120):
        http = httpx.AsyncClient(
            transport=httpx.ASGITransport(Starlette(routes=routes_of(room))), base_url="http://here"
        )
        peer, track = RTCPeerConnection(RTCConfiguration(iceServers=[])), Frames()
        transceiver = peer.addTransceiver(track, direction="sendonly")
        codecs = RTCRtpSender.getCapabilities("video").codecs
        transceiver.setCodecPreferences([codec for codec in codecs if codec.mimeType == "video/H264"])
        listen_on(peer, ["127.0.0.1"])
        good = [h264.frame(640, 368, number) for number in range(2)]
        track.play(*good)
        await peer.setLocalDescription(await peer.createOffer())
        headers = {"Content-Type": "application/sdp"}
        answer = await http.post("/whip/demo", content=peer.localDescription.sdp, headers=headers)
        await peer.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
        events = room.events()
        with FaceFinder() as finder:
            await read_one(events, finder)
            for row in ("wide as the first that killed", "high as the first that killed", "a strip"):
                track.play(VIDEO[row][1])
                print(f"{row}: {(await expect(events, CameraUnreadable)).reason}", flush=True)
                track.play(*good)
                await read_one(events, finder)
        track.stop()
        await peer.close()
        await http.aclose()


async def read_one(events: AsyncIterator[RoomEvent], finder: FaceFinder) -> None:
    """Read a picture of the camera that goes on."""
    frames = (await expect(events, CameraOn)).track.frames()
    frame = await anext(frames)
    finder.find(frame.to_rgb())
    print(f"read {frame.width_px}x{frame.height_px}", flush=True)


async def expect(events: AsyncIterator[RoomEvent], kind: type[E]) -> E:
    """Wait for an event of one kind."""
    async for event in events:
        if isinstance(event, kind):
            return event
    raise AssertionError


if __name__ == "__main__":
    asyncio.run(main())
