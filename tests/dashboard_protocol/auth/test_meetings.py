"""A link opens the class it was made for, before, during and for an hour after it, and no other class of its room."""

import math
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from dashboard_protocol.auth.links import STANDING, Access
from dashboard_protocol.auth.meetings import AFTER_S, FRESH_S, Meetings
from dashboard_protocol.bus import MemoryBus
from dashboard_protocol.bus.writer import EventWriter
from dashboard_protocol.control_api.api_keys import ApiKeys
from dashboard_protocol.control_api.service import Control
from dashboard_protocol.errors import BusError
from dashboard_protocol.events import Bye, EndReason, State
from dashboard_protocol.queue import Invitation, MemoryQueue, Moment
from dashboard_protocol.vocabulary import Profile
from tests.dashboard_protocol.staging import ROOM, SECRET, Clock, Stage, a_stage, hello, summary


async def a_class(bus: MemoryBus, meeting: str, present: int = 1) -> EventWriter:
    """A bot that said which class it serves, and something of it."""
    writer = await EventWriter.open(bus, ROOM, take_over=True)
    await writer.publish(hello().model_copy(update={"meeting": meeting}), at=1.0)
    await writer.publish(summary(present), at=1.0)
    return writer


async def over(writer: EventWriter, at: float) -> None:
    await writer.publish(Bye(reason=EndReason.ROOM_CLOSED, report=None, live_s=1, present_max=1, alerts=0), at=at)


async def invited(queue: MemoryQueue, meeting: str) -> None:
    wanted = Invitation(id=meeting, room=ROOM, room_url="local://r", policy=Profile.PRESENCE, requested_at=1.0)
    await queue.submit(wanted)


class World:
    """A bus, a queue, and a clock that a test moves past what was learned before."""

    def __init__(self) -> None:
        self.bus, self.clock = MemoryBus(), Clock()
        self.queue = MemoryQueue(clock=self.clock)
        self.meetings = Meetings(self.bus, self.queue, {"own": "mine"}, self.clock)

    async def until(self, meeting: str) -> float:
        self.clock.now += 2 * FRESH_S
        return await self.meetings.until(ROOM, meeting)


@pytest.fixture
def world() -> World:
    return World()


async def test_authorisation_ends_an_hour_after_the_class(world: World) -> None:
    writer = await a_class(world.bus, "m")
    assert await world.until("m") == math.inf
    await over(writer, at=5000.0)
    assert await world.until("m") == 5000.0 + AFTER_S
    await a_class(world.bus, "m")
    assert await world.until("m") == math.inf, "another worker took it over"


async def test_authorisation_ends_once_another_class_has_begun(world: World) -> None:
    await invited(world.queue, "m")
    await a_class(world.bus, "m")
    await world.queue.ask_to_leave("m")
    await a_class(world.bus, "n")
    assert await world.until("m") == -math.inf
    assert await world.until("n") == math.inf
    assert await world.until("elsewhere") == -math.inf
    assert await world.until(STANDING) == math.inf


async def test_authorisation_for_a_class_to_come_holds_beside_that_of_the_last_one(world: World) -> None:
    await over(await a_class(world.bus, "m"), at=world.clock.now)
    await invited(world.queue, "n")
    assert await world.until("n") == math.inf
    assert await world.until("m") > world.clock.now
    await world.queue.ask_to_leave("n")
    assert await world.until("n") == -math.inf, "it never took place"


async def test_authorisation_ends_an_hour_after_a_class_whose_bot_could_not_say_goodbye(world: World) -> None:
    await invited(world.queue, "m")
    await world.queue.claim("w")
    await a_class(world.bus, "m")
    await world.queue.report("w", "m", Moment(state=State.ENDED, since=999_000.0, reason="failed"))
    assert await world.until("m") == 999_000.0 + AFTER_S


async def test_new_link_is_for_the_class_that_is_on_or_about_to_come(world: World) -> None:
    meetings = world.meetings
    assert await meetings.current(ROOM) is None
    assert await meetings.current("own") == "mine"
    writer = await a_class(world.bus, "m")
    assert await meetings.current(ROOM) == "m"
    await over(writer, at=world.clock.now)
    assert await meetings.current(ROOM) == "m"
    await invited(world.queue, "n")
    assert await meetings.current(ROOM) == "n"
    await world.queue.ask_to_leave("n")
    world.clock.now += AFTER_S
    assert await meetings.current(ROOM) is None


async def test_what_was_learned_holds_while_nobody_can_be_asked(world: World) -> None:
    await a_class(world.bus, "m")
    assert await world.until("m") == math.inf
    await world.bus.close()
    assert await world.until("m") == math.inf
    for _ in range(2):
        with pytest.raises(BusError):
            await world.until("n")


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """A gateway that knows of invitations, and asks anew every time."""
    monkeypatch.setattr("dashboard_protocol.auth.meetings.FRESH_S", 0.0)
    bus, access = MemoryBus(), Access(SECRET)
    control = Control(MemoryQueue(), bus, access, ApiKeys(), None)
    async with a_stage(bus=bus, access=access, control=control) as stage:
        yield replace(stage, queue=control.queue)


async def exchanged(stage: Stage, link: str) -> int:
    return (await stage.http("POST", f"/v1/rooms/{ROOM}/session", json={"link": link})).status_code


def bearing(stage: Stage, meeting: str) -> dict[str, object]:
    return {"type": "authenticate", "v": 1, "token": stage.access.exchange(ROOM, stage.access.link(ROOM, meeting))[0]}


async def test_authorisation_of_one_class_shows_nothing_of_the_next(stage: Stage) -> None:
    assert isinstance(stage.bus, MemoryBus)
    await a_class(stage.bus, "m", present=3)
    link, standing = stage.access.link(ROOM, "m"), stage.access.standing_link(ROOM)
    assert await exchanged(stage, link) == 200
    async with stage.connect() as reader, stage.connect() as always:
        await reader.send(bearing(stage, "m"))
        assert (await reader.until("snapshot"))["summary"]["present"] == 3
        await always.send({"type": "authenticate", "v": 1, "token": stage.access.exchange(ROOM, standing)[0]})
        await always.until("snapshot")
        await a_class(stage.bus, "n", present=99)
        heard: list[dict[str, Any]] = []
        assert await reader.close_code(heard=heard) == 4403
        assert not [each for each in heard if "99" in str(each.get("present")) or each.get("meeting") == "n"]
        assert (await always.until("class_summary"))["present"] == 99
    async with stage.connect() as again:
        await again.send(bearing(stage, "m"))
        assert await again.close_code() == 4401
    assert await exchanged(stage, link) == 403
    assert await exchanged(stage, standing) == 200


async def test_authorisation_of_a_class_to_come_shows_nothing_of_the_last_one(stage: Stage) -> None:
    assert isinstance(stage.bus, MemoryBus)
    assert isinstance(stage.queue, MemoryQueue)
    await over(await a_class(stage.bus, "m", present=99), at=1.0)
    await invited(stage.queue, "n")
    assert await exchanged(stage, stage.access.link(ROOM, "n")) == 200
    async with stage.connect() as reader:
        await reader.send(bearing(stage, "n"))
        first = await reader.until("snapshot")
        assert (first["summary"], first["bot_state"]["state"]) == (None, "requested")
        await a_class(stage.bus, "n", present=4)
        assert (await reader.until("hello"))["meeting"] == "n"
        assert (await reader.until("class_summary"))["present"] == 4
        await a_class(stage.bus, "n", present=5)  # its bot began anew
        while (await reader.until("class_summary"))["present"] != 5:
            pass


async def test_authorisation_of_one_class_is_not_renewed_by_that_of_another(stage: Stage) -> None:
    assert isinstance(stage.bus, MemoryBus)
    await a_class(stage.bus, "m")
    async with stage.connect() as reader:
        await reader.send(bearing(stage, "m"))
        await reader.until("snapshot")
        await reader.send(bearing(stage, "n") | {"type": "renew"})
        assert await reader.close_code() == 4403
