"""The Python client against a real gateway, and against gateways that misbehave."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from dashboard_protocol.auth.links import Access
from dashboard_protocol.bus import MemoryBus
from dashboard_protocol.client import watch
from dashboard_protocol.codec import encode, with_prev
from dashboard_protocol.errors import AccessDenied, FeedLost, ProtocolError, UnknownVersion
from dashboard_protocol.events import BotState, Bye, EndReason, Event, Snapshot, State
from dashboard_protocol.gateway.app import create_app
from dashboard_protocol.http.server import Served, serve
from dashboard_protocol.snapshot import Fold
from tests.dashboard_protocol.staging import SECRET, Stage, a_stage, hello, summary

QUICK = 0.01
LIVE = BotState(state=State.LIVE, since=1)
Speaker = Callable[[WebSocket, dict[str, Any]], Any]


def bye(reason: EndReason) -> Bye:
    return Bye(reason=reason, report=None, live_s=1, present_max=1, alerts=0)


async def following(events: AsyncIterator[Event]) -> Event:
    async with asyncio.timeout(30):
        return await anext(events)


async def kinds(events: AsyncIterator[Event], count: int) -> list[str]:
    return [(await following(events)).body.type for _ in range(count)]


async def test_client_watches_until_the_class_ends(stage: Stage) -> None:
    writer = await stage.writer()
    async with watch(stage.link) as feed:
        assert await kinds(feed, 2) == ["hello", "snapshot"]
        await writer.publish(LIVE, at=2)
        assert (await following(feed)).prev == 0
        await writer.publish(bye(EndReason.WORKER_LOST), at=3)
        assert (await following(feed)).body.type == "bye"
        successor = await stage.writer()
        assert await kinds(feed, 2) == ["hello", "snapshot"]
        await successor.publish(bye(EndReason.ROOM_CLOSED), at=4)
        assert (await following(feed)).epoch == 2
        with pytest.raises(StopAsyncIteration):
            await following(feed)
    async with watch(stage.link) as late:
        assert len([event async for event in late]) == 2


async def test_client_renews_its_session() -> None:
    async with a_stage(access=Access(SECRET, session_s=3.0)) as stage:
        writer = await stage.writer()
        async with watch(stage.link) as feed:
            await kinds(feed, 2)
            renewal = asyncio.create_task(following(feed))
            async with asyncio.timeout(30):
                while granted(stage) < 2:
                    await stage.http("GET", "/healthz")
            await writer.publish(summary(), at=2)
            assert (await renewal).prev == 0, "still the first connection"


def granted(stage: Stage) -> float:
    return stage.registry.get_sample_value("classpulse_gateway_sessions_total", {"outcome": "granted"}) or 0.0


async def test_client_comes_back_and_resumes_where_it_was() -> None:
    bus, access = MemoryBus(), Access(SECRET)
    async with serve(create_app(bus, access), port=0) as server:
        stage = Stage(bus, access, CollectorRegistry(), server)
        writer = await stage.writer()
        feed_context = watch(stage.link, longest_wait_s=QUICK)
        feed = await feed_context.__aenter__()
        await kinds(feed, 2)
    for number in range(3):
        await writer.publish(summary(number), at=2)
    async with serve(create_app(bus, access), port=server.port):
        events = [await following(feed) for _ in range(4)]
        await feed_context.__aexit__(None, None, None)
    assert [event.body.type for event in events] == ["hello", *["class_summary"] * 3]
    assert [(event.seq, event.prev) for event in events[1:]] == [(1, 0), (2, 1), (3, 2)]


async def test_client_gives_up_on_a_gateway_that_stays_away() -> None:
    async with a_stage() as stage:
        link = stage.link
    async with watch(link, patience_s=0.1, longest_wait_s=QUICK) as feed:
        with pytest.raises(FeedLost, match=r"for 0\.1 s"):
            await following(feed)


async def test_client_says_that_a_link_does_not_open(stage: Stage) -> None:
    link = stage.link
    await stage.access.revoke(stage.room)
    async with watch(link) as feed:
        with pytest.raises(AccessDenied, match="This link does not open this class"):
            await following(feed)


@pytest.mark.parametrize(
    "link", ["", "http://h/rooms/r", "http://h/other#t=x", "ftp://h/rooms/r#t=x", "http://h/rooms/#t=x"]
)
async def test_client_says_what_a_link_looks_like(link: str) -> None:
    with pytest.raises(AccessDenied, match="https://HOST/rooms/ROOM#t=LINK"):
        async with watch(link):
            pass


async def test_cancelled_client_leaves(stage: Stage) -> None:
    await stage.writer()
    entered = asyncio.Event()

    async def follow() -> None:
        async with watch(stage.link) as feed:
            async for _ in feed:
                entered.set()

    task = asyncio.create_task(follow())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(30):
        while stage.metric("readers"):
            await stage.http("GET", "/healthz")


@asynccontextmanager
async def gateway(speak: Speaker, session: Response | None = None) -> AsyncIterator[Served]:
    """A stand-in gateway that grants every session and then says what the test wants."""

    async def grant(_: Request) -> Response:
        return session or JSONResponse({"token": "t", "expires_in_s": 600})

    async def events(socket: WebSocket) -> None:
        await socket.accept()
        await speak(socket, json.loads(await socket.receive_text()))

    routes = [Route("/v1/rooms/r/session", grant, methods=["POST"]), WebSocketRoute("/v1/rooms/r/events", events)]
    async with serve(Starlette(routes=routes), port=0) as server:
        yield server


def link_to(server: Served) -> str:
    return f"{server.origin}/rooms/r#t=link"


def an_event(seq: int, body: Any = LIVE) -> str:
    return encode(Event(room="r", epoch=1, seq=seq, at=0, body=body))


async def test_client_asks_for_a_snapshot_when_it_finds_a_gap() -> None:
    async def speak(socket: WebSocket, _: dict[str, Any]) -> None:
        for text in (an_event(1, hello()), an_event(1, Fold().snapshot()), with_prev(an_event(5), 4)):
            await socket.send_text(text)
        assert json.loads(await socket.receive_text()) == {"type": "snapshot"}
        await socket.send_text(an_event(6, Fold().snapshot()))
        await socket.send_text(with_prev(an_event(7, bye(EndReason.ALONE)), 6))

    async with gateway(speak) as server, watch(link_to(server)) as feed:
        assert [event.seq async for event in feed] == [1, 1, 5, 6, 7]


async def test_client_skips_events_of_a_newer_v1_and_keeps_its_place() -> None:
    async def speak(socket: WebSocket, _: dict[str, Any]) -> None:
        applause = json.dumps({**json.loads(an_event(2)), "type": "applause", "prev": 1})
        ended = with_prev(an_event(3, bye(EndReason.ALONE)), 2)
        notices = ('{"type":"renewed","expires_in_s":5}', '{"type":"error","code":"x","message":""}')
        for text in (an_event(1, Fold().snapshot()), applause, *notices, ended):
            await socket.send_text(text)
        with pytest.raises(AssertionError):
            await socket.receive_text()

    async with gateway(speak) as server, watch(link_to(server)) as feed:
        assert [event.seq async for event in feed] == [1, 3]


async def test_client_resumes_from_the_highest_seq() -> None:
    first: list[dict[str, Any]] = []

    async def speak(socket: WebSocket, request: dict[str, Any]) -> None:
        first.append(request)
        if len(first) == 1:
            snapshot = an_event(1, Fold().snapshot())
            for text in (snapshot, with_prev(an_event(4), 1), with_prev(an_event(3, summary()), 4)):
                await socket.send_text(text)
            await socket.close(1011)
        else:
            await socket.send_text(
                an_event(4, Snapshot.model_validate({**Fold().snapshot().model_dump(), "bye": bye(EndReason.KICKED)}))
            )

    async with gateway(speak) as server, watch(link_to(server), rate_hz=0.5, longest_wait_s=QUICK) as feed:
        assert [event.seq async for event in feed] == [1, 4, 3, 4]
    assert first[0] == {"type": "authenticate", "v": 1, "token": "t", "rate_hz": 0.5}
    assert first[1]["resume"] == {"epoch": 1, "seq": 4}


@pytest.mark.parametrize(
    ("said", "code", "error"),
    [
        (json.dumps({"v": 2, "type": "hello"}), 1000, UnknownVersion),
        ("nonsense", 1000, ProtocolError),
        (None, 4406, UnknownVersion),
        (None, 4401, AccessDenied),
        (None, 4400, ProtocolError),
    ],
)
async def test_client_refuses_gateways_it_cannot_follow(said: str | None, code: int, error: type[Exception]) -> None:
    async def speak(socket: WebSocket, _: dict[str, Any]) -> None:
        if said is not None:
            await socket.send_text(said)
        await socket.close(code, "a reason")

    async with gateway(speak) as server, watch(link_to(server)) as feed:
        with pytest.raises(error):
            await following(feed)


@pytest.mark.parametrize("status", [429, 503])
async def test_client_tries_again_while_the_gateway_is_busy(status: int) -> None:
    async def speak(socket: WebSocket, _: dict[str, Any]) -> None:
        raise AssertionError

    async with (
        gateway(speak, Response(status_code=status)) as server,
        watch(link_to(server), patience_s=0.05, longest_wait_s=QUICK) as feed,
    ):
        with pytest.raises(FeedLost, match=str(status)):
            await following(feed)


async def test_client_says_that_something_else_answers() -> None:
    async def speak(socket: WebSocket, _: dict[str, Any]) -> None:
        raise AssertionError

    async with gateway(speak, Response("<html>")) as server, watch(link_to(server)) as feed:
        with pytest.raises(FeedLost, match="no classpulse gateway"):
            await following(feed)
