"""The newest frame, and only that: a one-slot mailbox between a source that never waits and a slow reader."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Generic, Self, TypeVar

from bot.metrics import FRAMES
from bot.rooms.base import Frame
from engine.readings import Image, Picture

T = TypeVar("T")


class Mailbox(Generic[T]):
    """One slot: `put` replaces what nobody has taken and never blocks. Iterate over it to read; one reader."""

    def __init__(self) -> None:
        self.skipped = 0
        """How many items were replaced before anybody read them."""
        self._slot: list[T] = []
        self._is_closed = False
        self._changed = asyncio.Event()

    def put(self, item: T) -> None:
        """Lay an item into the slot; ignored once the mailbox is closed."""
        if self._is_closed:
            return
        self.skipped += len(self._slot)
        self._slot[:] = [item]
        self._changed.set()

    def peek(self) -> T | None:
        """Return what lies in the slot, and leave it there; in any thread."""
        return next(iter(self._slot[:]), None)

    def close(self) -> None:
        """End the iteration, after the item that may still lie in the slot."""
        self._is_closed = True
        self._changed.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while not self._slot:
            if self._is_closed:
                raise StopAsyncIteration
            # Nothing runs between these two: a `put` comes before the first or wakes the second.
            self._changed.clear()
            await self._changed.wait()
        return self._slot.pop()


@asynccontextmanager
async def newest(frames: AsyncIterator[T]) -> AsyncIterator[Mailbox[T]]:
    """Read a source no faster than its reader, always from the newest item on.

    Args:
        frames: The source, read to its end at its own pace; a mailbox is one that needs nobody to read it.

    Yields:
        The mailbox to iterate over; `skipped` counts what was passed over. It ends when the source ends.
    """
    if isinstance(frames, Mailbox):
        yield frames
        return
    mailbox: Mailbox[T] = Mailbox()
    async with asyncio.TaskGroup() as tasks:
        filling = tasks.create_task(_fill(mailbox, frames), name="newest frames")
        try:
            yield mailbox
        finally:
            filling.cancel()


async def _fill(mailbox: Mailbox[T], frames: AsyncIterator[T]) -> None:
    try:
        async for frame in frames:
            mailbox.put(frame)
    finally:
        mailbox.close()


class FreshFrame:
    """Of a camera's frames, has every read take the newest there is when it begins; one read at a time."""

    def __init__(self, frames: Mailbox[Frame]) -> None:
        self._frames = frames
        self._counted = 0
        self._asked: Frame
        self._taken: Frame | None = None
        self._captured: Frame | None = None

    async def next(self) -> Frame:
        """Wait for a frame that no read has taken.

        Raises:
            StopAsyncIteration: The camera is off.
        """
        while True:
            frame = await anext(self._frames)
            FRAMES.inc(1 + self._frames.skipped - self._counted)
            self._counted = self._frames.skipped
            if frame is not self._taken:
                return frame

    def deferred(self, frame: Frame) -> Frame:
        """Return a frame that, when it is decoded, is the newest; `frame` is what it is until then."""
        self._asked = self._captured = frame
        frame.decode_ahead()
        return replace(frame, decode=self._take)

    @property
    def captured(self) -> Frame:
        """What the last read took, once it is over, in the size that it has."""
        assert self._captured is not None
        return self._captured

    def _take(self) -> Image | Picture:
        # Called in a worker thread while frames come: one reference is read, and everything is taken from it.
        self._taken = self._captured = newest = self._frames.peek() or self._asked
        picture = newest.decode()
        height, width = picture.shape[:2]
        self._captured = replace(newest, width_px=width, height_px=height)
        return picture
