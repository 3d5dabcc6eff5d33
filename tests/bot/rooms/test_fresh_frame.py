"""A read takes the newest picture there is when it begins."""

from collections.abc import AsyncIterator

import numpy as np

from bot.rooms.base import Frame
from bot.rooms.latest_frame import FreshFrame
from engine.readings import Image


def frame(at: float) -> Frame:
    def to_rgb() -> Image:
        return np.full((2, 2, 3), at, np.uint8)

    return Frame(at, 2, 2, to_rgb)


async def camera(count: int) -> AsyncIterator[Frame]:
    for number in range(count):
        yield frame(float(number))


async def test_picture_is_taken_when_it_is_converted() -> None:
    fresh = FreshFrame(camera(3))
    frames = aiter(fresh)
    late = fresh.deferred(await anext(frames))
    assert fresh.captured.at == 0.0, "until then it is the one that was asked for"
    await anext(frames)
    newest = await anext(frames)
    assert late.to_rgb()[0, 0, 0] == 2
    assert fresh.captured is newest
    assert fresh.has_captured(newest)
    assert not fresh.has_captured(late)


async def test_every_frame_is_passed_on() -> None:
    assert [frame.at async for frame in FreshFrame(camera(4))] == [0.0, 1.0, 2.0, 3.0]
