"""The session with Janus, against a server that behaves as badly as one can."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from bot.errors import RoomRefused, RoomUnreachable
from bot.rooms.janus import session as janus_session
from bot.rooms.janus.session import JanusError, JanusSession, Notice, open_session

Reply = Callable[[ServerConnection, dict[str, Any]], Awaitable[None]]

EVENT = {"janus": "event", "sender": 2, "plugindata": {"data": {"videoroom": "event", "publishers": []}}}


async def ignore(socket: ServerConnection, message: dict[str, Any]) -> None:
    """Never answer."""


@asynccontextmanager
async def session_with(reply: Reply, token: str | None = None) -> AsyncIterator[JanusSession]:
    """Open a session with a server that makes sessions and handles, and leaves everything else to `reply`."""

    async def behave(socket: ServerConnection) -> None:
        async for text in socket:
            message = json.loads(text)
            if message["janus"] in ("info", "create", "attach", "destroy", "keepalive"):
                answer = {"janus": "success", "transaction": message["transaction"], "data": {"id": 2}}
                await socket.send(json.dumps(answer))
            else:
                await reply(socket, message)

    async with serve(behave, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with open_session(f"ws://127.0.0.1:{port}", token) as session:
            yield session


async def test_answer_of_the_plugin_comes_after_the_acknowledgement() -> None:
    async def reply(socket: ServerConnection, message: dict[str, Any]) -> None:
        assert message["token"] == "open"
        data = {"plugindata": {"data": {"videoroom": "joined", "id": 7}}, "jsep": {"type": "offer", "sdp": "v=0"}}
        for answer in ({"janus": "ack"}, {"janus": "event", "sender": 2, **data}):
            await socket.send(json.dumps(answer | {"transaction": message["transaction"]}))

    async with session_with(reply, "open") as session:
        answer = await (await session.attach()).request({"request": "join"})
        assert answer == Notice(2, "event", {"videoroom": "joined", "id": 7}, {"type": "offer", "sdp": "v=0"})


async def test_what_is_sent_without_waiting_is_answered_by_a_notice() -> None:
    async def reply(socket: ServerConnection, message: dict[str, Any]) -> None:
        await socket.send(json.dumps({"janus": "ack", "transaction": message["transaction"]}))
        await socket.send(json.dumps(EVENT | {"transaction": message["transaction"]}))

    async with session_with(reply) as session:
        await (await session.attach()).send({"request": "start"})
        assert (await anext(session.notices())).data == {"videoroom": "event", "publishers": []}


@pytest.mark.parametrize(
    "refusal",
    [
        {"janus": "error", "error": {"code": 403, "reason": "no"}},
        {"janus": "event", "sender": 2, "plugindata": {"data": {"error_code": 403, "error": "no"}}},
    ],
)
async def test_refusal_carries_code_and_text(refusal: dict[str, Any]) -> None:
    async def reply(socket: ServerConnection, message: dict[str, Any]) -> None:
        await socket.send(json.dumps(refusal | {"transaction": message["transaction"]}))

    async with session_with(reply) as session:
        handle = await session.attach()
        with pytest.raises(JanusError, match=r"\(403\): no") as refused:
            await handle.request({"request": "join"})
        assert refused.value.code == 403


async def test_server_that_does_not_answer_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    async with session_with(ignore) as session:
        handle = await session.attach()
        monkeypatch.setattr(janus_session, "ANSWER_WITHIN_S", 0.1)
        with pytest.raises(RoomUnreachable, match="did not answer"):
            await handle.request({"request": "join"})


async def test_server_that_hangs_up_ends_requests_and_notices_at_once() -> None:
    async def reply(socket: ServerConnection, message: dict[str, Any]) -> None:
        socket.transport.abort()

    async with asyncio.timeout(30), session_with(reply) as session:
        handle = await session.attach()
        with pytest.raises(RoomUnreachable, match="broke"):
            await handle.request({"request": "join"})
        with pytest.raises(RoomUnreachable, match="broke"):
            await anext(session.notices())
        with pytest.raises(RoomUnreachable, match="broke"):
            await session.attach()


async def test_session_that_timed_out_on_the_server_is_lost() -> None:
    async def reply(socket: ServerConnection, message: dict[str, Any]) -> None:
        await socket.send(json.dumps({"janus": "timeout", "session_id": 2}))

    async with session_with(reply) as session:
        asking = asyncio.create_task((await session.attach()).request({}))
        with pytest.raises(RoomUnreachable):
            await anext(session.notices())
        with pytest.raises(RoomUnreachable):
            await asking


async def test_nobody_at_the_address_is_reported_in_one_line() -> None:
    async with serve(ignore, "127.0.0.1", 0) as server:  # type: ignore[arg-type]
        port = server.sockets[0].getsockname()[1]
    with pytest.raises(RoomUnreachable, match="is Janus running there"):
        async with open_session(f"ws://127.0.0.1:{port}", None):
            pass


async def test_socks_proxy_that_cannot_be_used_refuses_the_room_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "ws_proxy", "wss_proxy", "no_proxy", "NO_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    with pytest.raises(RoomRefused, match="SOCKS proxy"):
        async with open_session("wss://janus.example.org", None):
            pass


async def test_keepalive_goes_on_and_its_failure_ends_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(janus_session, "KEEPALIVE_S", 0.01)
    alive = asyncio.Event()

    async def behave(socket: ServerConnection) -> None:
        count = 0
        async for text in socket:
            message = json.loads(text)
            count += message["janus"] == "keepalive"
            kind = "error" if count > 2 else "success"
            if count > 2:
                alive.set()
            await socket.send(
                json.dumps({"janus": kind, "transaction": message["transaction"], "data": {"id": 2}, "error": {}})
            )

    async with serve(behave, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with asyncio.timeout(30), open_session(f"ws://127.0.0.1:{port}", None) as session:
            with pytest.raises(RoomUnreachable):
                await anext(session.notices())
    assert alive.is_set()


async def test_two_thousand_mutated_messages_cost_only_themselves() -> None:
    chance = random.Random(7)
    whole = json.dumps(EVENT | {"transaction": "x", "jsep": {"type": "offer", "sdp": "v=0"}})

    async def reply(socket: ServerConnection, message: dict[str, Any]) -> None:
        for _ in range(2000):
            await socket.send(mutated(whole, chance))
        await socket.send(json.dumps({"janus": "event", "sender": 9}))

    async with asyncio.timeout(20), session_with(reply) as session:
        asking = asyncio.create_task((await session.attach()).request({}))
        async for notice in session.notices():
            if notice.handle == 9:
                break
        asking.cancel()


def mutated(text: str, chance: random.Random) -> str:
    """Cut, double, replace: a message that is broken somewhere."""
    for _ in range(chance.randint(1, 4)):
        at, length = chance.randrange(len(text) + 1), chance.randrange(12)
        middle = chance.choice(["", "null", "[]", '"', "{", "1e999", "-", "true", text[at : at + length] * 2])
        text = text[:at] + middle + text[at + length :]
    return text
