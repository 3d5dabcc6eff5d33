"""The newest frame, and only that: a one-slot mailbox between a source that never waits and a slow reader."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Generic, Self, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """One slot: `put` replaces what nobody has taken and never blocks. Iterate over it to read; one reader."""

    def __init__(self, interval_s: float = 0.0) -> None:
        """Open an empty mailbox.

        Args:
            interval_s: Least time between two reads; a reader that comes earlier waits and then gets what is newest.
        """
        self.skipped = 0
        """How many items were replaced before anybody read them."""
        self._interval_s = interval_s
        self._due_s = 0.0
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
        loop = asyncio.get_running_loop()
        if self._due_s > loop.time():
            await asyncio.sleep(self._due_s - loop.time())
        while not self._slot:
            if self._is_closed:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        now = loop.time()
        # A reader late by more than a turn starts a new rhythm: catching up would be a burst of reads.
        self._due_s = self._interval_s + (self._due_s if now < self._due_s + self._interval_s else now)
        return self._slot.pop()


@asynccontextmanager
async def newest(frames: AsyncIterator[T], *, at_most_per_s: float | None = None) -> AsyncIterator[Mailbox[T]]:
    """Read a source no faster than its reader, always from the newest item on.

    Args:
        frames: The source, read to its end at its own pace.
        at_most_per_s: Most reads a second, evenly spaced; None for as many as the reader asks for.

    Yields:
        The mailbox to iterate over; `skipped` counts what was passed over. It ends when the source ends.
    """
    mailbox: Mailbox[T] = Mailbox(1.0 / at_most_per_s if at_most_per_s else 0.0)
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
