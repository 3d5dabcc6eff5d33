"""When a camera counts as off, in time that is counted and not waited for."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any

import pytest

from bot.rooms.base import Absence
from bot.rooms.webrtc.traffic import Traffic
from bot.rooms.webrtc.video_stream import (
    CAMERA_PATIENCE_S,
    KEYFRAME_PATIENCE_S,
    TICK_S,
    UNREADABLE_AFTER_S,
    VANISH_PATIENCE_S,
    Stream,
    StreamLost,
    StreamUnreadable,
)
from tests.bot.rooms.webrtc.staged_picture import staged_picture


class Waiting(selectors.SelectSelector):
    """Lets time pass where a program would wait, and `late_s` more: so long others have the processor."""

    now_s = 0.0
    late_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout:
            self.now_s += timeout + self.late_s
        return super().select(0)


class CountedLoop(asyncio.SelectorEventLoop):
    """An event loop without a clock."""

    def __init__(self, late_s: float = 0.0) -> None:
        self.waiting = Waiting()
        self.waiting.late_s = late_s
        super().__init__(self.waiting)

    def time(self) -> float:
        return self.waiting.now_s


class Sender:
    """Whoever sends the stream, and how often a whole picture was asked for."""

    def __init__(self) -> None:
        self.traffic = Traffic()
        self.asked = 0
        self.size = ""
        self.stream = Stream(lambda: 0.0, self.traffic, self._note)

    async def _note(self) -> None:
        self.asked += 1

    def send(self, *, picture: bool = True) -> None:
        self.traffic.datagrams += 1
        self.traffic.media_packets += 1
        if self.size and not picture:
            self.traffic.refuse(f"pictures of {self.size}")
        if picture:
            self.show()

    def show(self, *, is_good: bool = True) -> None:
        self.stream.take(staged_picture(is_good=is_good))

    async def send_for(self, seconds: float, *, picture: bool = True) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end:
            self.send(picture=picture)
            await asyncio.sleep(1 / 15)

    async def begin(self) -> "asyncio.Task[None]":
        """Switch the camera on; ends when it is off."""
        coming = asyncio.create_task(self.stream.camera_on())
        await asyncio.sleep(0)
        self.send()
        await coming
        return asyncio.create_task(self.stream.camera_off())


def run(work: Coroutine[Any, Any, None], late_s: float = 0.0) -> None:
    with asyncio.Runner(loop_factory=lambda: CountedLoop(late_s)) as runner:
        runner.run(work)


@pytest.mark.parametrize("late_s", [0.0, 0.02, 0.1, 0.2])
def test_camera_that_stops_is_noticed_in_the_same_time_by_a_loop_that_is_late(late_s: float) -> None:
    async def story() -> None:
        loop, sender = asyncio.get_running_loop(), Sender()
        off = await sender.begin()
        await sender.send_for(2.0)
        assert not off.done()
        stopped_s = loop.time()
        await off
        assert CAMERA_PATIENCE_S <= loop.time() - stopped_s + 1 / 15 <= CAMERA_PATIENCE_S + 0.6

    run(story(), late_s)


def test_loop_that_stalls_does_not_look_like_a_camera_that_stops() -> None:
    async def story() -> None:
        loop, sender = asyncio.get_running_loop(), Sender()
        assert isinstance(loop, CountedLoop)
        off = await sender.begin()
        for _ in range(5):
            await sender.send_for(0.5)
            loop.waiting.now_s += 5.0
        assert not off.done()
        off.cancel()

    run(story())


def test_sender_without_any_sign_of_life_has_vanished() -> None:
    async def story() -> None:
        loop, sender = asyncio.get_running_loop(), Sender()
        off = await sender.begin()
        await off
        with pytest.raises(StreamLost) as gone:
            await sender.stream.camera_on()
        assert gone.value.absence is Absence.VANISHED
        assert VANISH_PATIENCE_S <= loop.time() <= VANISH_PATIENCE_S + 2 * TICK_S

    run(story())


def test_whole_picture_is_asked_for_while_media_shows_none() -> None:
    async def story() -> None:
        sender = Sender()
        off = await sender.begin()
        await sender.send_for(2.0)
        assert sender.asked == 0
        await sender.send_for(4 * (KEYFRAME_PATIENCE_S + TICK_S), picture=False)
        assert 4 <= sender.asked <= 6
        off.cancel()

    run(story())


def test_camera_that_sends_what_cannot_be_decoded_is_unreadable_and_not_off() -> None:
    async def story() -> None:
        loop, sender = asyncio.get_running_loop(), Sender()
        coming = asyncio.create_task(sender.stream.camera_on())
        await sender.send_for(UNREADABLE_AFTER_S + 2.0, picture=False)
        with pytest.raises(StreamUnreadable, match="nothing of it can be decoded"):
            await coming
        ending = asyncio.create_task(sender.stream.unreadable_off())
        await sender.send_for(3.0, picture=False)
        assert not ending.done()
        stopped_s = loop.time()
        await ending
        assert loop.time() - stopped_s <= CAMERA_PATIENCE_S + 0.6

    run(story())


def test_camera_is_on_once_a_picture_of_it_could_be_decoded() -> None:
    async def story() -> None:
        sender = Sender()
        coming = asyncio.create_task(sender.stream.camera_on())
        await asyncio.sleep(0)
        for is_good in (False, False, True):
            assert not coming.done()
            sender.send(picture=False)
            sender.show(is_good=is_good)
            await asyncio.sleep(1 / 15)
        await coming

    run(story())


def test_camera_whose_pictures_are_refused_is_reported_at_once_and_read_again_later() -> None:
    async def story() -> None:
        sender = Sender()
        off = await sender.begin()
        sender.size = "33600x16"
        await sender.send_for(0.6, picture=False)
        await off
        with pytest.raises(StreamUnreadable, match="33600x16"):
            await sender.stream.camera_on()
        again = asyncio.create_task(sender.stream.unreadable_off())
        await sender.send_for(3.0, picture=False)
        assert not again.done()
        await sender.send_for(0.3)
        await again
        coming = asyncio.create_task(sender.stream.camera_on())
        await sender.send_for(0.3)
        await coming

    run(story())


def test_one_refused_picture_among_others_costs_only_itself() -> None:
    async def story() -> None:
        sender = Sender()
        off = await sender.begin()
        sender.traffic.refuse("pictures of 33600x16")
        await sender.send_for(3.0)
        assert not off.done()
        off.cancel()

    run(story())
