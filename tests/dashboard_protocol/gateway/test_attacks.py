"""A gateway under attack: whoever does not belong is refused, and whoever does notices nothing of it.

What one wrong word brings stands in test_app.py, test_links.py, control_api/test_routes.py, and slow peers in
test_server.py.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import jwt
import pytest

from dashboard_protocol.auth.links import Access
from dashboard_protocol.bus import MemoryBus
from dashboard_protocol.control_api.api_keys import ApiKeys, Scope
from dashboard_protocol.control_api.service import Control
from dashboard_protocol.events import BotState, State
from dashboard_protocol.gateway.connection import Limits
from dashboard_protocol.http.server import Pace
from dashboard_protocol.queue import MemoryQueue
from dashboard_protocol.room_urls import AllowedRooms
from tests.dashboard_protocol.staging import ROOM, SECRET, Stage, a_stage

LIVE = BotState(state=State.LIVE, since=1)
CROWD = 500
MEGABYTE = 1_000_000
HANDSHAKE = (
    "GET /v1/rooms/{room}/events HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
).format(room=ROOM.replace(" ", "%20"))
NESTED = "[" * 60_000
BOMBS = {
    "nested lists": NESTED,
    "nested lists in a field": '{"type":"authenticate","v":1,"token":' + NESTED,
    "nested objects": '{"a":' * 12_000,
    "a number of 60,000 digits": '{"type":"authenticate","v":' + "9" * 60_000 + "}",
    "a huge exponent": '{"type":"authenticate","v":1e999999999,"token":"x"}',
    "the same key again and again": "{" + ",".join(['"v":1'] * 9_000) + "}",
}


@asynccontextmanager
async def a_witness(stage: Stage) -> AsyncIterator[None]:
    """A reader who has to get an event afterwards, over the connection it had before."""
    writer = await stage.writer()
    async with stage.watch() as reader:
        await reader.until("snapshot")
        yield
        await writer.publish(LIVE, at=2)
        assert (await reader.until("bot_state"))["prev"] == 0


def forged(claims: dict[str, object], key: str | bytes, algorithm: str) -> str:
    valid = {"use": "session", "room": ROOM, "meeting": "", "gen": 0, "exp": time.time() + 300}
    return jwt.encode(valid | claims, key, algorithm=algorithm)


async def test_token_as_we_make_it_would_be_let_in(stage: Stage) -> None:
    async with stage.connect() as reader:
        await reader.send({"type": "authenticate", "v": 1, "token": forged({}, SECRET, "HS256")})
        await reader.until("snapshot")


@pytest.mark.parametrize(
    "token",
    [
        forged({}, "", "none"),
        forged({}, b"another secret of thirty-two bytes", "HS256"),
        forged({}, SECRET + SECRET, "HS512"),
        forged({"exp": time.time() - 1}, SECRET, "HS256"),
        forged({"room": "other"}, SECRET, "HS256"),
        forged({"use": "link"}, SECRET, "HS256"),
    ],
    ids=["alg none", "wrong key", "another algorithm", "expired", "another room's", "a link"],
)
async def test_forged_token_opens_nothing(stage: Stage, token: str) -> None:
    async with stage.connect() as reader:
        await reader.send({"type": "authenticate", "v": 1, "token": token})
        assert await reader.close_code() == 4401
    async with stage.watch() as reader:
        await reader.until("snapshot")
        await reader.send({"type": "renew", "token": token})
        assert await reader.close_code() == 4403


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
async def test_json_bomb_is_refused_before_and_after_authentication(stage: Stage, bomb: str) -> None:
    async with a_witness(stage):
        async with stage.connect() as stranger:
            await stranger.send(bomb)
            assert await stranger.close_code() == 4400
        async with stage.watch() as known:
            await known.until("snapshot")
            await known.send(bomb)
            assert (await known.next())["code"] == "unknown_message"
        answer = await stage.http("POST", f"/v1/rooms/{ROOM}/session", content=bomb[:4000])
        assert answer.status_code == 403


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
async def test_invitation_that_is_a_json_bomb_is_refused(tmp_path: Path, bomb: str) -> None:
    keys, queue = ApiKeys(tmp_path / "keys.json"), MemoryQueue()
    key = {"authorization": f"Bearer {keys.add('test', frozenset(Scope))}"}
    control = Control(queue, MemoryBus(), Access(SECRET), keys, AllowedRooms(["local"]))
    async with a_stage(control=control) as stage, a_witness(stage):
        for content, status in ((bomb[:16_000], {400, 422}), (bomb, {413, 422})):
            answer = await stage.http("POST", "/v1/bots", content=content, headers=key)
            assert answer.status_code in status
    assert await queue.bots() == []


@pytest.mark.parametrize("is_text", [True, False])
async def test_megabyte_of_garbage_ends_its_connection_alone(stage: Stage, is_text: bool) -> None:
    garbage = "x" * MEGABYTE if is_text else b"\xff" * MEGABYTE
    async with a_witness(stage), stage.connect() as stranger, stage.watch() as known:
        await known.until("snapshot")
        for reader in (stranger, known):
            await reader.send(garbage)
            assert await reader.close_code() == 1009


@pytest.mark.parametrize("before", [b"", HANDSHAKE.encode()], ids=["as a request", "as frames"])
async def test_megabyte_of_noise_on_the_socket_ends_it_alone(stage: Stage, before: bytes) -> None:
    async with a_witness(stage):
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.server.port)
        with suppress(ConnectionError):
            writer.write(before + b"\xfe" * MEGABYTE)
            await writer.drain()
            async with asyncio.timeout(30):
                assert len(await reader.read()) < 4096
        writer.close()


async def test_crowd_of_strangers_from_one_address_is_kept_small() -> None:
    limits = Limits(authenticate_s=60)  # so that none of them is gone before the last has come
    assert Limits().unauthenticated == 50
    assert Limits().authenticate_s == 5
    async with a_stage(limits=limits) as stage, a_witness(stage), AsyncExitStack() as crowd:
        unauthenticated = [await crowd.enter_async_context(stage.connect()) for _ in range(CROWD)]
        for stranger in unauthenticated[: -limits.unauthenticated]:
            assert await stranger.close_code() == 4429
        for stranger in unauthenticated[-limits.unauthenticated :]:
            assert stranger.socket.close_code is None
            await stranger.send({"type": "authenticate", "v": 1, "token": "nonsense"})
            assert await stranger.close_code() == 4401
        async with stage.watch() as late:
            await late.until("snapshot")


async def test_handshakes_that_trickle_are_cut_off_and_hold_up_nobody() -> None:
    async with a_stage(pace=Pace(request_s=2.0)) as stage, a_witness(stage), asyncio.TaskGroup() as tasks:

        async def is_cut_off() -> bool:
            reader, writer = await asyncio.open_connection("127.0.0.1", stage.server.port)
            try:
                for byte in HANDSHAKE.encode()[:-1]:  # takes ten times as long as a request may
                    writer.write(bytes([byte]))
                    with suppress(TimeoutError):
                        async with asyncio.timeout(0.1):
                            return await reader.read(1) == b""
            except ConnectionError:
                return True
            finally:
                writer.close()
            return False

        trickling = [tasks.create_task(is_cut_off()) for _ in range(100)]
        async with stage.watch() as reader:  # while all of them are at it
            await reader.until("snapshot")
            assert not any(task.done() for task in trickling)
    assert all(task.result() for task in trickling)
