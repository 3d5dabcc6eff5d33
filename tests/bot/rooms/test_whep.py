"""Streams of a real WHEP server, made with aiortc."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import uvicorn
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.errors import RoomRefused, RoomUnreachable, SettingsRefused
from bot.rooms import open_room, stream, whep
from bot.rooms.aiortc_cures import listen_on
from bot.rooms.base import Absence, Admitted, CameraOn, Held, Joined
from bot.rooms.camera import ClipCamera
from bot.rooms.clip import read_clip
from bot.rooms.notice import Notice
from bot.rooms.whep import WhepRoom, read_addresses
from bot.samples.story import clip_path
from tests.contracts.rooms import RoomContract, expect


class Live:
    """One stream on the server: at most one viewer, as far as these tests go."""

    def __init__(self) -> None:
        self.camera = ClipCamera(read_clip(clip_path("yuki", "calm")))
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.deleted = asyncio.Event()
        self.closed = asyncio.Event()

    async def answer(self, offer: str) -> str:
        await self.peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        self.peer.on("connectionstatechange", self._note)
        self.peer.addTrack(self.camera)
        listen_on(self.peer, ["127.0.0.1"])
        await self.peer.setLocalDescription(await self.peer.createAnswer())
        return str(self.peer.localDescription.sdp)

    def _note(self) -> None:
        if self.peer.connectionState == "closed":
            self.closed.set()

    async def camera_off(self) -> None:
        self.camera.switch_off()

    async def camera_on(self) -> None:
        self.camera.switch_on()

    async def leave(self) -> None:
        self.camera.stop()
        await self.peer.close()

    async def vanish(self) -> None:
        for transceiver in self.peer.getTransceivers():
            for protocol in transceiver.receiver.transport.transport._connection._protocols:
                protocol.transport.abort()

    async def disconnected(self) -> None:
        await self.deleted.wait()
        await self.closed.wait()


@dataclass
class WhepServer:
    """A server whose streams come and go; `refusal` is what it says instead of serving."""

    token: str | None = None
    refusal: Response | None = None
    live: dict[str, Live] = field(default_factory=dict)
    everybody: list[Live] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def go_live(self, name: str) -> Live:
        live = self.live[name] = Live()
        self.everybody.append(live)
        return live

    async def post(self, request: Request) -> Response:
        name = request.path_params["name"]
        self.asked.append(name)
        if self.refusal is not None:
            return self.refusal
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            return Response("no", 401)
        live = self.live.pop(name, None)
        if live is None:
            return Response("nobody sends", 404)
        answer = await live.answer((await request.body()).decode())
        where = f"/session/{self.everybody.index(live)}"
        return Response(answer, 201, {"Location": where}, media_type="application/sdp")

    async def delete(self, request: Request) -> Response:
        self.everybody[int(request.path_params["number"])].deleted.set()
        return Response()

    def routes(self) -> list[Route]:
        return [
            Route("/whep/{name}", self.post, methods=["POST"]),
            Route("/session/{number}", self.delete, methods=["DELETE"]),
        ]


@dataclass
class WhepStage:
    """A server, its address, and the room made of its streams."""

    server: WhepServer
    origin: str
    room: WhepRoom
    gone_within_s: float = 15.0
    vanishing: Absence = Absence.VANISHED

    def another(self, names: str, query: str = "") -> WhepRoom:
        urls = " ".join(f"whep+{self.origin}/whep/{name}{query}" for name in names.split())
        return WhepRoom(urls, clock=time.time, notice_given=True)

    async def guest(self, name: str) -> Live:
        live = self.server.go_live(name)
        async with asyncio.timeout(15):
            while name in self.server.live:  # noqa: ASYNC110  the room asks when it likes
                await asyncio.sleep(0.01)
            while live.peer.connectionState != "connected":  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return live


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WhepStage]:
    monkeypatch.setattr(whep, "RETRY_AFTER_S", 0.1)
    monkeypatch.setattr(stream, "VANISH_PATIENCE_S", 3.0)  # a camera that is on is never silent for so long
    whep_server = WhepServer()
    config = uvicorn.Config(
        Starlette(routes=whep_server.routes()), host="127.0.0.1", port=0, log_level="warning", lifespan="off"
    )
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    origin = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    stage = WhepStage(whep_server, origin, WhepRoom.__new__(WhepRoom))
    stage.room = stage.another("Eve Ada Bo")
    yield stage
    for live in whep_server.everybody:
        await live.leave()
    await server.shutdown()


class TestContract(RoomContract):
    """A meeting of WHEP streams keeps what every room promises."""

    @pytest.fixture
    def stage(self, stage: WhepStage) -> WhepStage:
        return stage

    async def test_room_tells_first_that_the_bot_is_in(self, stage: WhepStage) -> None:  # type: ignore[override]
        """It is in once a stream comes, and waits until then."""
        async with stage.room as room:
            events = room.events()
            assert await expect(events, Held) == Held("not_open")
            await stage.guest("Eve")
            async with asyncio.timeout(10):
                while isinstance(event := await anext(events), Held):
                    pass
            assert event == Admitted()


async def test_leaving_says_goodbye_to_the_server(stage: WhepStage) -> None:
    async with stage.room:
        live = await stage.guest("Eve")
    assert live.deleted.is_set()


async def test_token_opens_and_is_not_part_of_any_address(stage: WhepStage) -> None:
    stage.server.token = "sesame"
    with pytest.raises(RoomRefused, match="401") as refused:
        async with stage.another("Eve", "?token=mellon"):
            pass
    assert "mellon" not in str(refused.value)
    stage.server.go_live("Eve")
    async with stage.another("Eve", "?token=sesame") as room:
        await expect(room.events(), Joined)


async def test_server_says_when_to_ask_again(stage: WhepStage) -> None:
    stage.server.refusal = Response("busy", 503, {"Retry-After": "20"})
    async with stage.another("Eve") as room:
        assert await expect(room.events(), Held) == Held("not_open")
        stage.server.refusal = None
        stage.server.go_live("Eve")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):  # several times the usual pause
                await expect(room.events(), Joined)
        assert stage.server.asked == ["Eve"]


async def test_answer_that_cannot_be_used_is_refused(stage: WhepStage) -> None:
    stage.server.refusal = Response("v=0\r\nm=nonsense", 201, media_type="application/sdp")
    with pytest.raises(RoomRefused, match="cannot be used"):
        async with stage.another("Eve"):
            pass


async def test_server_that_is_not_there_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RoomUnreachable, match="does not answer"):
        async with WhepRoom("whep+http://127.0.0.1:9/whep/Eve", clock=time.time, notice_given=True):
            pass


async def test_stream_of_h264_or_vp8_shows_pictures(stage: WhepStage) -> None:
    async with stage.room as room:
        await stage.guest("Ada")
        events = room.events()
        await expect(events, Joined)
        on = await expect(events, CameraOn)
        async with asyncio.timeout(5):
            assert (await anext(on.track.frames())).width_px == 640


NOTICE = Notice("Ada", "presence", "Counts only.")


def test_stream_is_not_read_unless_people_were_told() -> None:
    with pytest.raises(SettingsRefused, match="--notice-given"):
        open_room("whep+https://h/whep/Eve", clock=time.time, notice=NOTICE)
    room = open_room("whep+https://h/whep/Eve", clock=time.time, notice=NOTICE, notice_given=True)
    assert isinstance(room, WhepRoom)
    assert room.name == "Eve"


def test_several_addresses_are_several_people() -> None:
    first, second = read_addresses("whep+https://h/whep/Eve?token=a whep+http://h/live/Bo%20B?quality=low")
    assert (first.name, first.token, str(first.url)) == ("Eve", "a", "https://h/whep/Eve")
    assert (second.name, second.token, str(second.url)) == ("Bo B", None, "http://h/live/Bo%20B?quality=low")


def test_what_is_no_stream_is_told_without_its_token() -> None:
    with pytest.raises(SettingsRefused, match=r"write whep\+https://HOST/PATH") as refused:
        read_addresses("whep+https://h/a https://h/b?token=sesame")
    assert "sesame" not in str(refused.value)
