"""An event loop whose time is that of a recording: it jumps to the next thing due, and stands still while work is done.

All that a bot does by the clock (whose turn it is to be read, the second's beat, a camera that was silent for too long)
asks the loop for the time. On this one it happens at the moments of the recording, as it would have in the meeting, in
the same order on every machine, and as fast as the cores allow: between two moments nobody waits.
"""

import asyncio
import selectors
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")


class FileTimeLoop(asyncio.SelectorEventLoop):
    """Begins at 0 seconds. What runs in other threads must be waited for inside `standing`, else time goes on."""

    def __init__(self) -> None:
        self._now_s = 0.0
        self._works = 0
        super().__init__(_Jumping(self))

    def time(self) -> float:
        """Return the recording's time in seconds."""
        return self._now_s

    @contextmanager
    def standing(self) -> Iterator[None]:
        """Let no time pass while inside: a read, or the decoding of what comes next, takes none of the recording's."""
        self._works += 1
        try:
            yield
        finally:
            self._works -= 1

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, work: Callable[..., T], *arguments: Any
    ) -> asyncio.Future[T]:
        """Run work in a thread; no time passes until it is done."""
        future = super().run_in_executor(executor, work, *arguments)
        self._works += 1
        future.add_done_callback(self._work_done)
        return future

    async def shutdown_default_executor(self, *arguments: Any) -> None:
        """Wait for threads at the end, however long that takes."""
        with self.standing():
            await super().shutdown_default_executor(*arguments)

    def pass_time(self, seconds: float) -> bool:
        """Go on by so much if nothing is in work; return whether time has passed."""
        if self._works:
            return False
        self._now_s += seconds
        return True

    def _work_done(self, _: "asyncio.Future[Any]") -> None:
        self._works -= 1


class _Jumping(selectors.DefaultSelector):
    """In place of waiting for the next timer, has the loop's time pass."""

    def __init__(self, loop: FileTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Look for what threads, signals and sockets bring; wait for that only where nothing else can happen."""
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        if ready := super().select(0):
            return ready
        return [] if self._loop.pass_time(timeout) else super().select(None)
