"""A read takes the newest picture there is when it begins."""

import asyncio

import numpy as np
import pytest

from bot.rooms.base import Frame, PictureLost
from bot.rooms.latest_frame import FreshFrame, Mailbox
from engine.readings import Image


def frame(at: float, *, width_px: int = 2, is_lost: bool = False, ahead: list[float] | None = None) -> Frame:
    def to_rgb() -> Image:
        if is_lost:
            raise PictureLost
        return np.full((2, width_px, 3), at, np.uint8)

    return Frame(at, 2, 2, to_rgb, lambda: None if ahead is None else ahead.append(at))


def camera(*frames: Frame) -> tuple[Mailbox[Frame], FreshFrame]:
    mailbox = Mailbox[Frame]()
    for each in frames:
        mailbox.put(each)
    return mailbox, FreshFrame(mailbox)


async def test_picture_is_taken_when_it_is_converted() -> None:
    mailbox, fresh = camera(frame(0.0))
    late = fresh.deferred(await fresh.next())
    assert fresh.captured.at == 0.0, "until then it is the one that was asked for"
    mailbox.put(frame(1.0))
    mailbox.put(frame(2.0))
    assert late.to_rgb()[0, 0, 0] == 2
    assert fresh.captured.at == 2.0
    mailbox.put(frame(3.0))
    assert (await fresh.next()).at == 3.0


async def test_picture_that_was_read_is_not_given_again() -> None:
    mailbox, fresh = camera(frame(0.0))
    late = fresh.deferred(await fresh.next())
    mailbox.put(frame(1.0))
    late.to_rgb()
    waiting = asyncio.create_task(fresh.next())
    await asyncio.sleep(0)
    mailbox.put(frame(2.0))
    assert (await waiting).at == 2.0


async def test_picture_has_the_size_that_came_out_whatever_was_announced() -> None:
    _, fresh = camera(frame(0.0, width_px=5))
    fresh.deferred(await fresh.next()).to_rgb()
    assert (fresh.captured.width_px, fresh.captured.height_px) == (5, 2)


async def test_picture_is_decoded_while_its_read_waits() -> None:
    ahead: list[float] = []
    _, fresh = camera(frame(0.0, ahead=ahead), frame(1.0, ahead=ahead))
    fresh.deferred(await fresh.next())
    assert ahead == [1.0], "and no others are"


async def test_lost_picture_is_reported_with_its_time() -> None:
    _, fresh = camera(frame(4.0, is_lost=True))
    late = fresh.deferred(await fresh.next())
    with pytest.raises(PictureLost):
        late.to_rgb()
    assert fresh.captured.at == 4.0
