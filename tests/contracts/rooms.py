"""What every `Room` promises. A connector's tests subclass `RoomContract` and override the `stage` fixture."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol, TypeVar

import numpy as np
import pytest
from starlette.routing import BaseRoute

from bot.errors import RoomClosed
from bot.rooms.base import (
    Absence,
    Admitted,
    CameraOff,
    CameraOn,
    CameraUnreadable,
    Held,
    Joined,
    Left,
    Lost,
    OptedIn,
    Room,
    RoomEvent,
)
from bot.rooms.local.room import LocalRoom
from bot.rooms.local.routes import routes

Event = TypeVar("Event", Joined, CameraOn, CameraOff, CameraUnreadable, Left, OptedIn, Admitted, Held, Lost)


class Guest(Protocol):
    """A real participant with a camera, outside the bot."""

    async def camera_off(self) -> None:
        """Stop sending pictures; stay."""

    async def camera_on(self) -> None:
        """Send pictures again."""

    async def leave(self) -> None:
        """Say goodbye."""

    async def vanish(self) -> None:
        """Stop without a word, as a machine that lost its power."""

    async def disconnected(self) -> None:
        """Wait until the room has ended the connection."""


class Stage(Protocol):
    """A room with everything around it that lets real guests come in."""

    room: Room
    """Not entered yet."""
    gone_within_s: float
    """How long the room may take to publish that a guest has vanished."""
    vanishing: Absence
    """How the room publishes a guest who stopped without a word; some cannot know."""

    async def guest(self, name: str) -> Guest:
        """Bring in a guest whose camera is on; the room must have been entered."""


async def expect(events: AsyncIterator[RoomEvent], kind: type[Event], within_s: float = 30.0) -> Event:
    """Take the next event, which must be of this kind; what concerns only the bot is passed over unless asked for."""
    async with asyncio.timeout(within_s):
        event = await anext(events)
        while isinstance(event, Admitted | Held) and kind not in (Admitted, Held):
            event = await anext(events)
    assert isinstance(event, kind), event
    return event


async def expect_gone(events: AsyncIterator[RoomEvent], within_s: float = 30.0) -> Left:
    """Take the event that a participant is gone, perhaps after their camera went off."""
    async with asyncio.timeout(within_s):
        event = await anext(events)
        while isinstance(event, CameraOff | Held):
            event = await anext(events)
    assert isinstance(event, Left), event
    return event


async def until(condition: Callable[[], bool], within_s: float = 5.0) -> None:
    """Wait for something that notifies nobody when it happens."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110  it has no event to wait for
            await asyncio.sleep(0.01)


class RoomContract:
    """The tests; each runs in a room of its own."""

    @pytest.fixture
    async def stage(self) -> Stage:
        """Override this: a room that has not been entered, on a stage that can bring in guests."""
        raise NotImplementedError

    async def test_room_says_first_that_the_bot_is_in(self, stage: Stage) -> None:
        async with stage.room as room:
            await expect(room.events(), Admitted)

    async def test_guest_who_comes_with_camera_is_joined_and_then_seen(self, stage: Stage) -> None:
        async with stage.room as room:
            await stage.guest("Eve")
            events = room.events()
            joined = await expect(events, Joined)
            assert joined.participant.name == "Eve"
            on = await expect(events, CameraOn)
            assert on.participant == on.track.participant == joined.participant

    async def test_frames_are_pictures_with_growing_times(self, stage: Stage) -> None:
        async with stage.room as room:
            await stage.guest("Eve")
            events = room.events()
            await expect(events, Joined)
            frames = aiter((await expect(events, CameraOn)).track.frames())
            async with asyncio.timeout(30):
                first, second = await anext(frames), await anext(frames)
            assert first.at < second.at
            picture = await asyncio.to_thread(second.to_rgb)
            assert picture.shape == (second.height_px, second.width_px, 3)
            assert picture.dtype == np.uint8

    async def test_guest_who_was_there_before_the_reader_is_reported(self, stage: Stage) -> None:
        async with stage.room as room:
            await stage.guest("Eve")
            await stage.guest("Ada")
            names = set()
            async with asyncio.timeout(30):
                async for event in room.events():
                    if isinstance(event, CameraOn):
                        names.add(event.participant.name)
                    if names == {"Eve", "Ada"}:
                        break

    async def test_guest_who_leaves_has_left_and_her_track_ends(self, stage: Stage) -> None:
        async with stage.room as room:
            guest = await stage.guest("Eve")
            events = room.events()
            await expect(events, Joined)
            on = await expect(events, CameraOn)
            await guest.leave()
            assert await expect_gone(events) == Left(on.participant, Absence.LEFT)
            async with asyncio.timeout(2):
                assert [frame async for frame in on.track.frames()][1:] == []

    async def test_guest_who_vanishes_has_vanished(self, stage: Stage) -> None:
        async with stage.room as room:
            guest = await stage.guest("Eve")
            events = room.events()
            joined = await expect(events, Joined)
            await expect(events, CameraOn)
            await guest.vanish()
            gone = await expect_gone(events, stage.gone_within_s)
            assert gone == Left(joined.participant, stage.vanishing)

    async def test_camera_off_keeps_the_guest_and_camera_on_brings_a_new_track(self, stage: Stage) -> None:
        async with stage.room as room:
            guest = await stage.guest("Eve")
            events = room.events()
            await expect(events, Joined)
            first = await expect(events, CameraOn)
            await guest.camera_off()
            assert (await expect(events, CameraOff)).participant == first.participant
            await guest.camera_on()
            second = await expect(events, CameraOn)
            assert second.participant == first.participant
            assert second.track is not first.track
            async with asyncio.timeout(2):
                assert [frame async for frame in first.track.frames()][1:] == []
                await anext(second.track.frames())

    async def test_guest_who_comes_again_is_a_new_participant(self, stage: Stage) -> None:
        async with stage.room as room:
            events = room.events()
            ids = set()
            for _ in range(2):
                guest = await stage.guest("Eve")
                ids.add((await expect(events, Joined)).participant.id)
                await expect(events, CameraOn)
                await guest.leave()
                await expect_gone(events)
            assert len(ids) == 2

    async def test_leaving_the_room_disconnects_guests_and_ends_the_events(self, stage: Stage) -> None:
        async with stage.room as room:
            guest = await stage.guest("Eve")
            events = room.events()
            await expect(events, Joined)
        await _within(5, guest.disconnected())
        with pytest.raises(RoomClosed, match=stage.room.name):
            await _within(5, _read_out(events))

    async def test_cancelled_stay_leaves_the_room(self, stage: Stage) -> None:
        entered, joined = asyncio.Event(), asyncio.Event()

        async def stay() -> None:
            async with stage.room as room:
                entered.set()
                async for event in room.events():
                    if isinstance(event, Joined):
                        joined.set()

        staying = asyncio.create_task(stay())
        await _within(10, entered.wait())
        guest = await stage.guest("Eve")
        await _within(10, joined.wait())
        staying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await staying
        await _within(5, guest.disconnected())

    async def test_error_inside_the_stay_comes_out_as_it_is(self, stage: Stage) -> None:
        with pytest.raises(ZeroDivisionError):
            async with stage.room:
                raise ZeroDivisionError


async def _read_out(events: AsyncIterator[RoomEvent]) -> None:
    async for _ in events:
        pass


async def _within(seconds: float, waiting: Awaitable[object]) -> None:
    async with asyncio.timeout(seconds):
        await waiting


def routes_of(room: LocalRoom) -> list[BaseRoute]:
    """Build all that serves a local room, for the root of an HTTP server."""
    return routes(room)
