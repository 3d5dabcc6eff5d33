"""The WHIP endpoint: what RFC 9725 wants, and whom it lets in."""

import asyncio
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from aiortc import RTCRtpSender
from starlette.applications import Starlette

from bot.rooms.base import Joined
from bot.rooms.local import room as local_room
from bot.rooms.local.room import LocalRoom
from bot.rooms.notice import Notice
from tests.contracts.rooms import expect, routes_of

if TYPE_CHECKING:
    from tests.bot.rooms.conftest import WhipStage

SDP = {"Content-Type": "application/sdp"}


async def test_offer_is_answered_with_201_and_a_secret_location(stage: "WhipStage") -> None:
    async with stage.room:
        one, two = stage.newcomer(), stage.newcomer()
        first = await one.post(await one.offer())
        second = await two.post(await two.offer())
    assert first.status_code == 201
    assert first.headers["Content-Type"] == "application/sdp"
    assert first.headers["Location"].startswith("/whip/demo/")
    assert len(first.headers["Location"].rsplit("/", 1)[1]) >= 32
    assert first.headers["Location"] != second.headers["Location"]
    assert "typ host" in first.text
    assert " 127.0.0.1 " in first.text
    assert "a=end-of-candidates" in first.text
    assert "a=recvonly" in first.text


async def test_options_says_what_may_be_posted(stage: "WhipStage") -> None:
    response = await stage.http.options("/whip/demo", headers={"Origin": "https://elsewhere.example"})
    assert response.status_code == 204
    assert response.headers["Accept-Post"] == "application/sdp"
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
async def test_other_methods_are_not_allowed_at_the_endpoint(stage: "WhipStage", method: str) -> None:
    assert (await stage.http.request(method, "/whip/demo")).status_code == 405


async def test_neither_trickle_nor_restart_is_offered(stage: "WhipStage") -> None:
    async with stage.room:
        guest = stage.newcomer()
        location = (await guest.post(await guest.offer())).headers["Location"]
        response = await stage.http.patch(location, content="", headers={"If-Match": "*"})
    assert response.status_code == 405
    assert response.headers["Allow"] == "DELETE"


async def test_offer_of_another_type_is_refused(stage: "WhipStage") -> None:
    async with stage.room:
        response = await stage.http.post("/whip/demo", json={})
    assert response.status_code == 415
    assert response.headers["Accept-Post"] == "application/sdp"


@pytest.mark.parametrize(
    "body", [b"", b"hello", b"v=0\r\nm=video 9 x", b"\xff\xfe", b"v=0\r\no=-\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n"]
)
async def test_what_is_no_video_offer_is_refused(stage: "WhipStage", body: bytes) -> None:
    async with stage.room:
        response = await stage.http.post("/whip/demo", content=body, headers=SDP)
    assert response.status_code in (400, 422)
    assert response.text.strip().count("\n") == 0


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        ("a=ice-ufrag", "a=x-ufrag", 400),
        ("a=fingerprint", "a=x-fingerprint", 400),
        ("a=rtcp-mux", "a=x-mux", 400),
        ("SAVPF 97", "SAVPF ninety-seven", 400),
        ("a=setup:actpass", "a=setup:sometimes", 400),
        ("m=video", "m=audio", 422),
        ("a=sendonly", "a=recvonly", 422),
        ("VP8", "VP9", 422),
    ],
)
async def test_unusable_offer_is_refused_and_leaves_nothing(
    stage: "WhipStage", old: str, new: str, status: int
) -> None:
    async with stage.room:
        guest = stage.newcomer()
        codecs = [codec for codec in RTCRtpSender.getCapabilities("video").codecs if codec.name != "H264"]
        guest.peer.getTransceivers()[0].setCodecPreferences(codecs)
        offer = await guest.offer()
        assert old in offer
        refused = await guest.post(offer.replace(old, new))
        assert refused.status_code == status, refused.text
        assert (await guest.post(offer)).status_code == 201


async def test_oversized_offer_is_refused(stage: "WhipStage") -> None:
    async with stage.room:
        response = await stage.http.post("/whip/demo", content=b"v=0\r\n" * 20_000, headers=SDP)
    assert response.status_code == 413


async def test_room_without_the_bot_asks_to_try_again(stage: "WhipStage") -> None:
    guest = stage.newcomer()
    response = await guest.post(await guest.offer())
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"
    assert "not in demo" in response.text


async def test_full_room_asks_to_try_again(stage: "WhipStage", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_room, "MAX_PUBLISHERS", 1)
    async with stage.room:
        await stage.guest("Eve")
        await expect(stage.room.events(), Joined)
        late = stage.newcomer()
        response = await late.post(await late.offer())
    assert response.status_code == 503
    assert "full" in response.text


async def test_only_the_holder_of_the_location_can_end_a_stay(stage: "WhipStage") -> None:
    async with stage.room:
        guest = await stage.guest("Eve")
        assert (await stage.http.delete("/whip/demo/guessed")).status_code == 404
        await guest.leave()
        await guest.disconnected()
        async with asyncio.timeout(30):
            while (await stage.http.delete(guest.location)).status_code != 404:
                pass


@pytest.mark.parametrize(
    ("query", "name", "opted_in"),
    [
        ({"name": "  Eve \n"}, "Eve", False),
        ({}, "Guest", False),
        ({"name": "Eve", "individual": "1"}, "Eve", True),
        ({"name": "Eve", "individual": "yes"}, "Eve", False),
        ({"name": "Eve #OptOut", "individual": "1"}, "Eve #OptOut", False),
        ({"name": "Eve ＃opt\u200bout", "individual": "1"}, "Eve ＃optout", False),
        ({"name": "Eve #opt\u00adout", "individual": "1"}, "Eve #optout", False),
        ({"name": "x" * 70 + "#opt-out", "individual": "1"}, "x" * 52 + " #optout", False),
    ],
)
async def test_name_and_consent_reach_the_participant(
    stage: "WhipStage", query: dict[str, str], name: str, opted_in: bool
) -> None:
    async with stage.room as room:
        await stage.newcomer().join(**query)
        participant = (await expect(room.events(), Joined)).participant
    assert (participant.name, participant.opted_in) == (name, opted_in)


async def test_name_in_the_address_is_refused_and_not_lost(stage: "WhipStage") -> None:
    async with stage.room:
        answer = await stage.http.post("/whip/demo?name=Eve%20%23optout", content="v=0", headers=SDP)
    assert answer.status_code == 400
    assert "Classpulse-Name" in answer.text


@pytest.mark.parametrize("header", ["%ff", "%C3", "%ED%A0%80"])
async def test_name_that_is_no_utf_8_is_refused(stage: "WhipStage", header: str) -> None:
    async with stage.room:
        answer = await stage.http.post("/whip/demo", content="v=0", headers=SDP | {"Classpulse-Name": header})
    assert answer.status_code == 400


class TestWhereIndividualReadingIsNotOffered:
    """Under a policy that names nobody."""

    @pytest.fixture
    def room(self) -> LocalRoom:
        return LocalRoom("demo", clock=time.monotonic, notice=Notice("Ada", "aggregate", "Class values only."))

    async def test_nobody_is_opted_in(self, stage: "WhipStage") -> None:
        async with stage.room as room:
            await stage.newcomer().join(name="Eve", individual="1")
            assert not (await expect(room.events(), Joined)).participant.opted_in


class TestWithToken:
    """A room for invited people."""

    @pytest.fixture
    def room(self) -> LocalRoom:
        notice = Notice("Ada", "aggregate", "Class values only.")
        return LocalRoom("demo", clock=time.monotonic, notice=notice, token="secret")

    @pytest.mark.parametrize("token", [None, "guessed", "sécret"])
    async def test_publisher_without_it_is_refused(self, stage: "WhipStage", token: str | None) -> None:
        async with stage.room:
            headers = SDP | ({"Authorization": f"Bearer {token}".encode()} if token else {})
            response = await stage.http.post("/whip/demo", content="v=0", headers=headers)  # type: ignore[arg-type]
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"] == "Bearer"

    async def test_publisher_with_it_joins_and_leaves(self, stage: "WhipStage") -> None:
        async with stage.room:
            guest = stage.newcomer(token="secret")
            await guest.join(name="Eve")
            assert (await stage.http.delete(guest.location)).status_code == 401
            await guest.leave()
            await guest.disconnected()


async def test_two_rooms_share_a_server_and_keep_apart(stage: "WhipStage") -> None:
    notice = Notice("Ada", "aggregate", "Class values only.")
    rooms = [LocalRoom(name, clock=time.monotonic, notice=notice) for name in ("one", "two")]
    app = Starlette(routes=[route for room in rooms for route in routes_of(room)])
    async with rooms[0], httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as http:
        guest = stage.newcomer()
        offer = await guest.offer()
        posts = [await http.post(f"/whip/{name}", content=offer, headers=SDP) for name in ("one", "two", "three")]
        names = [(await http.get(f"/join/{name}/info.json")).json()["room"] for name in ("one", "two")]
    assert [post.status_code for post in posts] == [201, 503, 404]
    assert names == ["one", "two"]
