"""Streams of a real WHEP server, made with aiortc."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from starlette.responses import Response

from bot.errors import RoomRefused, RoomUnreachable, SettingsRefused
from bot.ice_servers import NO_ICE, IceServer
from bot.rooms import open_room, whep
from bot.rooms.base import Absence, Admitted, CameraOn, Held, Joined
from bot.rooms.notice import Notice
from bot.rooms.webrtc import video_stream
from bot.rooms.webrtc.http_signaling import named_ice
from bot.rooms.whep import WhepRoom, read_addresses
from tests.contracts.rooms import RoomContract, expect, expect_gone
from tests.contracts.whep_server import Live, WhepServer, whep_server


@dataclass
class WhepStage:
    """A server, its address, and the room made of its streams."""

    server: WhepServer
    room: WhepRoom
    gone_within_s: float = 15.0
    vanishing: Absence = Absence.VANISHED

    def another(self, names: str, query: str = "") -> WhepRoom:
        return WhepRoom(self.server.url(names, query), clock=time.time, notice_given=True)

    async def guest(self, name: str) -> Live:
        live = self.server.go_live(name)
        async with asyncio.timeout(30):
            while name in self.server.live:  # noqa: ASYNC110  the room asks when it likes
                await asyncio.sleep(0.01)
            while live.peer.connectionState != "connected":  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return live


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WhepStage]:
    monkeypatch.setattr(whep, "RETRY_AFTER_S", 0.1)
    monkeypatch.setattr(video_stream, "VANISH_PATIENCE_S", 3.0)  # a camera that is on is never silent for so long
    async with whep_server() as server:
        yield WhepStage(server, WhepRoom(server.url("Eve Ada Bo"), clock=time.time, notice_given=True))


class TestContract(RoomContract):
    """A meeting of WHEP streams keeps what every room promises."""

    @pytest.fixture
    def stage(self, stage: WhepStage) -> WhepStage:
        return stage

    async def test_room_says_first_that_the_bot_is_in(self, stage: WhepStage) -> None:  # type: ignore[override]
        """It is in once a stream comes, and waits until then."""
        async with stage.room as room:
            events = room.events()
            assert await expect(events, Held) == Held("not_open")
            await stage.guest("Eve")
            async with asyncio.timeout(30):
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
    live = stage.server.go_live("Eve")
    async with stage.another("Eve", "?token=sesame") as room:
        await expect(room.events(), Joined)
    assert live.deleted.is_set(), "saying goodbye takes the token too"


async def test_meeting_of_several_streams_goes_on_when_one_of_them_ends(stage: WhepStage) -> None:
    async with stage.room as room:
        events = room.events()
        cameras: dict[str, CameraOn] = {}
        lives = {name: await stage.guest(name) for name in ("Eve", "Ada", "Bo")}
        async with asyncio.timeout(30):
            while len(cameras) < 3:
                event = await anext(events)
                if isinstance(event, CameraOn):
                    cameras[event.participant.name] = event
        await lives["Ada"].leave()
        assert (await expect_gone(events)).participant == cameras["Ada"].participant
        async with asyncio.timeout(30):
            for name in ("Eve", "Bo"):
                await anext(cameras[name].track.frames())
        await stage.guest("Ada")
        assert (await expect(events, Joined)).participant.name == "Ada", "who comes back is somebody new"


async def test_bot_that_leaves_while_the_server_answers_takes_its_offer_back(stage: WhepStage) -> None:
    async with stage.another("Eve"):  # who is not live yet, else the bot would be in once it is connected
        live = stage.server.go_live("Eve")
        await live.offered.wait()
        assert live.peer.connectionState != "connected"
    assert live.deleted.is_set()


async def test_servers_that_the_room_names_are_asked_for_and_need_not_be_there(stage: WhepStage) -> None:
    url = httpx.URL(stage.server.origin)
    assert await named_ice(url.join("/whep/Eve"), None) == NO_ICE
    assert await named_ice(url.join("/nothing"), None) == NO_ICE
    assert await named_ice(httpx.URL("http://127.0.0.1:9/"), None) == NO_ICE
    stage.server.links = ['<turn:t.example>; rel="ice-server"; username="u"; credential="p"']
    assert (await named_ice(url.join("/whep/Eve"), None)).relay == IceServer("turn", "t.example", 3478, "udp", "u", "p")


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
        async with asyncio.timeout(30):
            assert (await anext(on.track.frames())).width_px == 640


NOTICE = Notice("Ada", "presence", "Counts only.")


def test_stream_is_not_read_unless_people_were_informed() -> None:
    with pytest.raises(SettingsRefused, match="--notice-given"):
        open_room("whep+https://h/whep/Eve", clock=time.time, notice=NOTICE)
    room = open_room("whep+https://h/whep/Eve", clock=time.time, notice=NOTICE, notice_given=True)
    assert isinstance(room, WhepRoom)
    assert room.name == "Eve"


def test_several_addresses_are_several_people() -> None:
    first, second = read_addresses("whep+https://h/whep/Eve?token=a whep+http://h/live/Bo%20B?quality=low")
    assert (first.name, first.token, str(first.url)) == ("Eve", "a", "https://h/whep/Eve")
    assert (second.name, second.token, str(second.url)) == ("Bo B", None, "http://h/live/Bo%20B?quality=low")


def test_what_is_no_stream_is_reported_without_its_token() -> None:
    with pytest.raises(SettingsRefused, match=r"write whep\+https://HOST/PATH") as refused:
        read_addresses("whep+https://h/a https://h/b?token=sesame")
    assert "sesame" not in str(refused.value)
