"""Real publishers over loopback, and a local room behind a real HTTP server."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from fractions import Fraction
from urllib.parse import quote

import httpx
import numpy as np
import pytest
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from av import VideoFrame
from starlette.applications import Starlette

from bot.rooms.base import Absence
from bot.rooms.local.admission import NAME_HEADER
from bot.rooms.local.room import LocalRoom
from bot.rooms.notice import Notice
from bot.rooms.webrtc.aiortc_patches import listen_on
from bot.rooms.webrtc.video_stream import VANISH_PATIENCE_S
from tests.contracts.rooms import routes_of
from tests.served import served

FPS = 15
NOTICE = Notice(
    bot_name="Ada",
    profile="individual",
    summary="Class values only.",
    points=(("Computed", "faces"), ("Never", "sound")),
    offers_individual=True,
)


class Camera(MediaStreamTrack):
    """A grey picture that gets lighter by one step a frame, at 15 frames a second."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self.size = (160, 96)
        self.sent = 0
        self._next_at: float | None = None

    async def recv(self) -> VideoFrame:
        now = asyncio.get_running_loop().time()
        self._next_at = (self._next_at or now) + 1 / FPS
        await asyncio.sleep(self._next_at - now)
        width, height = self.size
        frame = VideoFrame.from_ndarray(np.full((height, width, 3), self.sent % 256, np.uint8), format="rgb24")
        frame.pts, frame.time_base = self.sent * 90_000 // FPS, Fraction(1, 90_000)
        self.sent += 1
        return frame


class WhipGuest:
    """An aiortc publisher that talks WHIP."""

    def __init__(self, http: httpx.AsyncClient, path: str, token: str | None = None) -> None:
        self.camera = Camera()
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.sender = self.peer.addTransceiver(self.camera, direction="sendonly").sender
        self.location = ""
        self.answer = ""
        self.http = http
        self._path = path
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._changed = asyncio.Event()
        self.peer.on("connectionstatechange", self._changed.set)

    async def offer(self) -> str:
        listen_on(self.peer, ["127.0.0.1"])
        await self.peer.setLocalDescription(await self.peer.createOffer())
        return str(self.peer.localDescription.sdp)

    async def post(self, offer: str, **query: str) -> httpx.Response:
        headers = {"Content-Type": "application/sdp", **self._headers}
        if "name" in query:
            headers[NAME_HEADER] = quote(query.pop("name"))
        return await self.http.post(self._path, content=offer, params=query, headers=headers)

    async def join(self, **query: str) -> None:
        response = await self.post(await self.offer(), **query)
        assert response.status_code == 201, response.text
        self.location, self.answer = response.headers["Location"], response.text
        await self.peer.setRemoteDescription(RTCSessionDescription(self.answer, "answer"))
        await self.until("connected")

    async def until(self, state: str) -> None:
        async with asyncio.timeout(30):
            while self.peer.connectionState != state:
                self._changed.clear()
                await self._changed.wait()

    async def camera_off(self) -> None:
        self.sender.replaceTrack(None)

    async def camera_on(self) -> None:
        self.sender.replaceTrack(self.camera)

    async def leave(self) -> None:
        response = await self.http.delete(self.location, headers=self._headers)
        assert response.status_code == 200, response.text

    async def vanish(self) -> None:
        """Close the sockets below everything that could still say goodbye."""
        for transceiver in self.peer.getTransceivers():
            for protocol in transceiver.receiver.transport.transport._connection._protocols:
                protocol.transport.abort()

    async def disconnected(self) -> None:
        await self.until("closed")

    async def close(self) -> None:
        self.camera.stop()
        await self.peer.close()


@dataclass
class WhipStage:
    """A local room, the server its routes are mounted in, and the guests."""

    room: LocalRoom
    http: httpx.AsyncClient
    gone_within_s: float = VANISH_PATIENCE_S + 4.0
    vanishing: Absence = Absence.VANISHED
    guests: list[WhipGuest] = field(default_factory=list)

    def newcomer(self, token: str | None = None) -> WhipGuest:
        guest = WhipGuest(self.http, f"/whip/{self.room.name}", token)
        self.guests.append(guest)
        return guest

    async def guest(self, name: str) -> WhipGuest:
        guest = self.newcomer()
        await guest.join(name=name)
        return guest


@pytest.fixture
def room() -> LocalRoom:
    return LocalRoom("demo", clock=time.monotonic, notice=NOTICE)


@pytest.fixture
async def stage(room: LocalRoom) -> AsyncIterator[WhipStage]:
    async with (
        served(Starlette(routes=routes_of(room))) as origin,
        httpx.AsyncClient(base_url=origin, trust_env=False) as http,
    ):
        stage = WhipStage(room, http)
        yield stage
        for guest in stage.guests:
            await guest.close()
