"""Background tasks that must go on: one that breaks is logged and begun again, and nobody beside it notices."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from dashboard_protocol.backoff import Backoff

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
WELL_S = 60.0
"""What ran for so long is well: when it breaks, that is the first time."""
MOST_FAILURES = 8
"""So many in a row, and the task is given up: it would go on like this."""

Work = Callable[[], Awaitable[None]]
"""Begins a task anew; its end without an error is the task's end."""

log = logging.getLogger(__name__)


class Supervisor:
    """Keeps background tasks running: `running`, or `run` inside `open`, whose end ends them all.

    Nothing that a task raises comes out here. What must stop a process is no background task.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._broken: dict[str, str] = {}

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Let tasks run while inside."""
        try:
            yield
        finally:
            tasks = tuple(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._broken.clear()

    def run(self, name: str, work: Work) -> asyncio.Task[None]:
        """Begin a task; cancel what is returned to end it.

        Args:
            name: unlike that of any other; for the log, and for whoever asks whether all is well.
            work: makes what is to be awaited, again after each failure.
        """
        task = asyncio.create_task(self._keep(name, work), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @asynccontextmanager
    async def running(self, name: str, work: Work) -> AsyncIterator[None]:
        """Let one task, as of `run`, go on while inside."""
        task = self.run(name, work)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    def obstacle(self) -> str | None:
        """Say which task does not run now, and that it was given up where it was; None where all run."""
        return next(iter(self._broken.values()), None)

    async def _keep(self, name: str, work: Work) -> None:
        backoff = Backoff(FIRST_PAUSE_S, LONGEST_PAUSE_S)
        loop = asyncio.get_running_loop()
        try:
            while True:
                started_s = loop.time()
                try:
                    await work()
                    return
                except Exception:
                    if loop.time() - started_s >= WELL_S:
                        backoff.went_well()
                    pause_s = backoff.failed()
                    if backoff.failures >= MOST_FAILURES:
                        self._broken[name] = f"{name}: broke {MOST_FAILURES} times and was given up; restart this."
                        log.critical("%s", self._broken[name], exc_info=True)
                        await asyncio.Event().wait()
                    log.exception("%s: broke; again in %.1f s.", name, pause_s)
                self._broken[name] = f"{name}: broke, and is begun again in a moment."
                await asyncio.sleep(pause_s)
                del self._broken[name]
        finally:
            self._broken.pop(name, None)
