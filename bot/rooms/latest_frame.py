"""The newest frame, and only that: a one-slot mailbox between a source that never waits and a slow reader."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Generic, Self, TypeVar

from bot.metrics import FRAMES
from bot.rooms.base import Frame
from engine.readings import Image

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
        frames: The source, read to its end at its own pace.

    Yields:
        The mailbox to iterate over; `skipped` counts what was passed over. It ends when the source ends.
    """
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
            FRAMES.inc()
            mailbox.put(frame)
    finally:
        mailbox.close()


class FreshFrame:
    """Passes a camera's frames on and remembers the newest. Iterate over it; one read at a time."""

    def __init__(self, frames: AsyncIterator[Frame]) -> None:
        self._frames = frames
        self._newest: Frame
        self._captured: Frame | None = None

    async def __aiter__(self) -> AsyncIterator[Frame]:
        async for frame in self._frames:
            self._newest = frame
            yield frame

    def deferred(self, frame: Frame) -> Frame:
        """Return a frame that, when it is converted, is the newest; `frame` is what it is until then."""
        self._captured = frame
        return replace(frame, to_rgb=self._take)

    @property
    def captured(self) -> Frame:
        """What the last read took, once it is over."""
        assert self._captured is not None
        return self._captured

    def has_captured(self, frame: Frame) -> bool:
        """Return whether the last read took this very frame: it had to wait, and the camera has shown none since."""
        return frame is self._captured

    def _take(self) -> Image:
        # Called in a worker thread while frames come: one reference is read, and everything is taken from it.
        self._captured = newest = self._newest
        return newest.to_rgb()
