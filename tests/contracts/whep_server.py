"""A real WHEP server, made with aiortc: streams of drawn people that come and go."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.rooms.publishing.camera import ClipCamera
from bot.rooms.publishing.encoded_clip import read_clip
from bot.rooms.webrtc.aiortc_patches import listen_on
from bot.samples.story import clip_path
from tests.served import served


class Live:
    """One stream on the server: at most one viewer, as far as tests go."""

    def __init__(self, addresses: Iterable[str]) -> None:
        self.camera = ClipCamera(read_clip(clip_path("yuki", "calm")))
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.offer = ""
        self.deleted = asyncio.Event()
        self.closed = asyncio.Event()
        self.offered = asyncio.Event()
        self._addresses = tuple(addresses)

    async def answer(self, offer: str) -> str:
        """Answer a viewer."""
        self.offer = offer
        self.offered.set()
        await self.peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        self.peer.on("connectionstatechange", self._note)
        self.peer.addTrack(self.camera)
        listen_on(self.peer, self._addresses)
        await self.peer.setLocalDescription(await self.peer.createAnswer())
        return str(self.peer.localDescription.sdp)

    def _note(self) -> None:
        if self.peer.connectionState == "closed":
            self.closed.set()

    async def camera_off(self) -> None:
        """Stop sending; the connection stays."""
        self.camera.switch_off()

    async def camera_on(self) -> None:
        """Send again."""
        self.camera.switch_on()

    async def leave(self) -> None:
        """End the stream."""
        self.camera.stop()
        await self.peer.close()

    async def vanish(self) -> None:
        """Close the sockets below everything that could still say goodbye."""
        for transceiver in self.peer.getTransceivers():
            for protocol in transceiver.receiver.transport.transport._connection._protocols:
                protocol.transport.abort()

    async def disconnected(self) -> None:
        """Wait until the viewer said goodbye to the server and to the stream."""
        await self.deleted.wait()
        await self.closed.wait()


@dataclass
class WhepServer:
    """Who sends, and what the server says."""

    addresses: tuple[str, ...] = ("127.0.0.1",)
    """Where its media listens."""
    token: str | None = None
    refusal: Response | None = None
    """What it says instead of serving."""
    links: list[str] = field(default_factory=list)
    """ICE servers that it names, as values of Link headers."""
    is_deaf: bool = False
    """Whether its answers are of no use: nothing ever arrives at the addresses they name."""
    hesitates: bool = False
    """Whether it takes offers and answers none."""
    live: dict[str, Live] = field(default_factory=dict)
    everybody: list[Live] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    origin: str = ""
    deleted: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by the first goodbye."""

    def go_live(self, name: str) -> Live:
        """Begin a stream."""
        live = self.live[name] = Live(self.addresses)
        self.everybody.append(live)
        return live

    async def _options(self, request: Request) -> Response:
        response = Response(status_code=204)
        for link in self.links:
            response.headers.append("Link", link)
        return response

    async def _post(self, request: Request) -> Response:
        name = request.path_params["name"]
        self.asked.append(name)
        if self.hesitates:
            await asyncio.Event().wait()
        if self.refusal is not None:
            return self.refusal
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            return Response("no", 401)
        live = self.live.pop(name, None)
        if live is None:
            return Response("nobody sends", 404)
        answer = await live.answer((await request.body()).decode())
        if self.is_deaf:
            answer = answer.replace(self.addresses[0], "192.0.2.1")
            await live.peer.close()
        where = f"/session/{self.everybody.index(live)}"
        return Response(answer, 201, {"Location": where}, media_type="application/sdp")

    async def _delete(self, request: Request) -> Response:
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            return Response("no", 401)
        self.everybody[int(request.path_params["number"])].deleted.set()
        self.deleted.set()
        return Response()

    def routes(self) -> list[Route]:
        """What it serves."""
        return [
            Route("/whep/{name}", self._options, methods=["OPTIONS"]),
            Route("/whep/{name}", self._post, methods=["POST"]),
            Route("/session/{number}", self._delete, methods=["DELETE"]),
        ]

    def url(self, names: str, query: str = "") -> str:
        """Address a meeting of these people, with spaces between them."""
        return " ".join(f"whep+{self.origin}/whep/{name}{query}" for name in names.split())


@asynccontextmanager
async def whep_server(host: str = "127.0.0.1") -> AsyncIterator[WhepServer]:
    """Serve at an address, HTTP and media."""
    whep = WhepServer((host,))
    async with served(Starlette(routes=whep.routes()), host, is_patient=False) as whep.origin:
        try:
            yield whep
        finally:
            for live in whep.everybody:
                await live.leave()
