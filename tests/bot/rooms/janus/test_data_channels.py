"""What is heard over data channels of somebody who writes whatever he likes; Janus itself is tested end to end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.rtcsctptransport import WEBRTC_STRING

from bot.errors import RoomUnreachable
from bot.ice_servers import NO_ICE
from bot.rooms.base import Joined, OptedOut, RoomEvent, Unheard
from bot.rooms.janus.address import read_address
from bot.rooms.janus.data_channels import LONGEST_BINARY, MOST_PER_S, JanusText
from bot.rooms.janus.participants import JanusPeople
from bot.rooms.janus.session import JanusError, JanusSession, Json, Notice
from bot.rooms.webrtc.aiortc_patches import listen_on
from dashboard_protocol.backoff import Backoff
from dashboard_protocol.rate_limit import RateLimiter
from tests.contracts.rooms import until

EVE, BO = 7, 8


class RecordingHandle:
    """Takes what is sent to Janus."""

    def __init__(self, number: int) -> None:
        self.id = number
        self.sent: asyncio.Queue[tuple[Json, Json | None]] = asyncio.Queue()
        self.refuses = False
        self.is_detached = False

    async def send(self, body: Json, jsep: Json | None = None) -> None:
        if self.refuses:
            raise JanusError(428, "No such feed")
        self.sent.put_nowait((body, jsep))

    async def detach(self) -> None:
        self.is_detached = True
        raise RoomUnreachable("the line broke just now")


class RecordingSession:
    """Gives handles, and takes what the room posts to itself."""

    def __init__(self) -> None:
        self.handles: list[RecordingHandle] = []
        self.posted: list[Notice] = []

    async def attach(self) -> RecordingHandle:
        self.handles.append(RecordingHandle(len(self.handles) + 1))
        return self.handles[-1]

    def post(self, notice: Notice) -> None:
        self.posted.append(notice)


class Stage:
    """Two people with data channels, and who listens to them."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[RoomEvent] = asyncio.Queue()
        self.people = JanusPeople(lambda: 0.0, self.events.put_nowait)
        self.session = RecordingSession()
        session = cast(JanusSession, self.session)
        self.text = JanusText(session, read_address("janus+ws://h/1"), self.people, ["127.0.0.1"], NO_ICE)
        for feed, name in ((EVE, "Eve"), (BO, "Bo")):
            self.people.meet({"publishers": [publisher(feed, name)]})
            assert isinstance(self.events.get_nowait(), Joined)

    async def requested(self) -> Json:
        async with asyncio.timeout(30):
            return (await self.session.handles[-1].sent.get())[0]

    async def opted_out(self) -> str:
        async with asyncio.timeout(30):
            event = await self.events.get()
        assert isinstance(event, OptedOut)
        return event.participant.name


def publisher(feed: int, name: str) -> dict[str, Any]:
    return {"id": feed, "display": name, "streams": [{"type": "data", "mid": "1"}]}


class Channels:
    """The channels of a connection, by their senders."""

    def __init__(self, peer: RTCPeerConnection) -> None:
        self._peer = peer
        self._channels: dict[int, RTCDataChannel] = {}

    def create(self, feed: int) -> RTCDataChannel:
        return self._channels.setdefault(feed, self._peer.createDataChannel(str(feed)))

    async def of(self, feed: int) -> Any:
        channel = self._channels.get(feed) or self.create(feed)
        await opened(channel)
        return channel


async def opened(channel: RTCDataChannel) -> None:
    changed = asyncio.Event()
    channel.on("open", changed.set)
    async with asyncio.timeout(30):
        while channel.readyState != "open":
            await changed.wait()


@asynccontextmanager
async def wired(stage: Stage) -> AsyncIterator[Channels]:
    """Let the listener connect to a peer that opens channels as Janus does, labelled with their senders."""
    await stage.text.change()
    await stage.requested()
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    channels = Channels(peer)
    first = channels.create(EVE)
    listen_on(peer, ["127.0.0.1"])
    await peer.setLocalDescription(await peer.createOffer())
    await stage.text.take(Notice(1, "event", {}, {"type": "offer", "sdp": peer.localDescription.sdp}))
    body, answer = await stage.session.handles[-1].sent.get()
    assert body == {"request": "start"}
    assert answer is not None
    await peer.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
    try:
        await opened(first)
        yield channels
    finally:
        await stage.text.close()
        await peer.close()


async def test_nothing_is_opened_before_somebody_has_a_channel() -> None:
    stage = Stage()
    stage.people.talkers.clear()
    await stage.text.change()
    assert stage.session.handles == []
    assert stage.text.id is None


async def test_everybody_is_listened_to_and_newcomers_by_an_update() -> None:
    stage = Stage()
    await stage.text.change()
    first = await stage.requested()
    assert first["streams"] == [{"feed": EVE, "mid": "1"}, {"feed": BO, "mid": "1"}]
    stage.people.part(BO)
    stage.people.meet({"publishers": [publisher(9, "Cem")]})
    await stage.text.change()
    await stage.text.change()
    assert await stage.requested() == {"request": "update", "subscribe": [{"feed": 9, "mid": "1"}]}
    assert stage.session.handles[0].sent.empty()


async def test_word_is_heard_from_its_sender_and_all_else_is_not() -> None:
    stage = Stage()
    async with wired(stage) as channels:
        eve = await channels.of(EVE)
        for nonsense in ("hello", b"#optout" + LONGEST_BINARY * b"x", b"\xff\xfe", "#opt " * 2000, ""):
            eve.send(nonsense)
        (await channels.of(404)).send("#optout for somebody else")
        (await channels.of(BO)).send("please #OptOut")
        assert await stage.opted_out() == "Bo"
        eve.send("#optout")
        assert await stage.opted_out() == "Eve"
    assert stage.events.empty()


async def test_text_that_is_none_costs_only_itself(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage()
    async with wired(stage) as channels:
        eve = await channels.of(EVE)
        eve.transport._data_channel_queue.append((eve, WEBRTC_STRING, b"\xff\xfe"))
        await eve.transport._data_channel_flush()
        eve.send("#optout")
        assert await stage.opted_out() == "Eve"
    assert "cannot be handled" in caplog.text


@pytest.mark.parametrize(
    "message", ["see above: " * 2000 + "#optout", b"#optout", '{"text": "\\uff03optout", "id": 7}']
)
async def test_opt_out_at_the_end_of_a_long_text_or_within_what_a_client_makes_of_it_is_heard(message: Any) -> None:
    stage = Stage()
    async with wired(stage) as channels:
        (await channels.of(EVE)).send(message)
        assert await stage.opted_out() == "Eve"


async def test_opt_out_of_whoever_sends_as_much_as_a_whiteboard_is_heard() -> None:
    stage = Stage()
    async with wired(stage) as channels:
        eve = await channels.of(EVE)
        for number in range(int(20 * MOST_PER_S)):
            eve.send(f"{number},{number}")
        eve.send("#optout")
        assert await stage.opted_out() == "Eve"


async def test_whoever_sends_too_much_to_be_listened_to_is_not_read() -> None:
    """Opting out is refused by no limit: whom nobody can listen to is as if they had said it."""
    stage = Stage()
    stage.text._limiter = RateLimiter(3, 0.0)
    async with wired(stage) as channels:
        eve = await channels.of(EVE)
        for number in range(5):
            eve.send(str(number))
        async with asyncio.timeout(30):
            unheard = await stage.events.get()
        assert isinstance(unheard, Unheard)
        assert unheard.participant.name == "Eve"
        (await channels.of(BO)).send("#optout")
        assert await stage.opted_out() == "Bo"
        assert stage.session.posted == [Notice(0, "wanted")]
        await stage.text.change()
        assert await stage.requested() == {"request": "update", "unsubscribe": [{"feed": EVE, "mid": "1"}]}
        stage.people.part(EVE)
        await stage.text.change()
        stage.people.meet({"publishers": [publisher(EVE, "Ada")]})
        await stage.text.change()
        assert await stage.requested() == {"request": "update", "subscribe": [{"feed": EVE, "mid": "1"}]}


@pytest.mark.parametrize(
    "trouble", [Notice(1, "hangup"), Notice(1, "event", {"error_code": 428, "error": "No such feed"})]
)
async def test_opt_outs_are_heard_again_after_trouble_also_of_those_who_were_there(trouble: Notice) -> None:
    """Somebody who leaves while the others begin to be listened to must not make the bot deaf to them."""
    stage = Stage()
    stage.text._rests = Backoff(0.01, 0.01)
    await stage.text.change()
    await stage.text.take(trouble)
    assert stage.session.handles[0].is_detached
    await stage.text.change()
    assert len(stage.session.handles) == 1, "no rush to try again"
    stage.people.part(BO)
    stage.people.meet({"publishers": [publisher(9, "Cem")]})
    await until(lambda: stage.session.posted == [Notice(0, "wanted")])
    await stage.text.change()
    assert (await stage.requested())["streams"] == [{"feed": EVE, "mid": "1"}, {"feed": 9, "mid": "1"}]


async def test_opt_outs_are_heard_again_after_a_refusal_and_a_lost_connection() -> None:
    stage = Stage()
    stage.text._rests = Backoff(0.01, 0.01)
    async with wired(stage):
        stage.session.handles[0].refuses = True
        stage.people.meet({"publishers": [publisher(9, "Cem")]})
        await stage.text.change()
        assert stage.session.handles[0].is_detached
        await until(lambda: Notice(0, "wanted") in stage.session.posted)
        await stage.text.change()
        assert [stream["feed"] for stream in (await stage.requested())["streams"]] == [EVE, BO, 9]
    stage = Stage()
    async with wired(stage):
        assert stage.text._peer is not None
        await stage.text._peer.close()
        await until(lambda: Notice(1, "hangup") in stage.session.posted)


async def test_connection_is_given_back_when_the_last_one_has_left() -> None:
    stage = Stage()
    async with wired(stage):
        for feed in (EVE, BO):
            stage.people.part(feed)
        await stage.text.change()
        assert stage.session.handles[0].is_detached
        assert stage.text.id is None


async def test_offer_that_cannot_be_used_and_a_refusal_are_no_end() -> None:
    stage = Stage()
    await stage.text.change()
    await stage.text.take(Notice(1, "event", {}, {"type": "offer", "sdp": "v=0\r\nm=application\r\n"}))
    stage.session.handles[0].refuses = True
    stage.people.meet({"publishers": [publisher(9, "Cem")]})
    await stage.text.change()
    await stage.text.close()
