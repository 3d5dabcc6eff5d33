"""A worker's end of one meeting's process."""

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Self

from pydantic import ValidationError

from bot.workers.child import Job, StatusLine

LEAVE_S = 10.0
"""A bot that was told to leave, or has told its end, and is still there is killed."""
SILENT_S = 15.0
"""A bot tells its figures every two seconds; one that says nothing for so long hangs."""
START_S = 60.0
"""A process that has said nothing yet may still be loading, on a busy machine."""
SLICES = 5
"""Silence is measured in parts: a worker that was suspended itself must not blame its bots for all of that time."""
DIE_S = 5.0
"""After SIGKILL; what is not gone then waits for its disk, and nobody can help it."""
MAX_LINE_BYTES = 2**20
"""A bot's figures are one line."""

log = logging.getLogger(__name__)


class MeetingProcess:
    """A process for one meeting, started before there is a meeting. Every wait on it has a deadline."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._deadline: asyncio.TimerHandle | None = None
        self.pid = process.pid

    @classmethod
    async def start(cls) -> Self:
        """Start a process that gets warm.

        Raises:
            OSError: This machine has no process, memory or file left for it.
        """
        pipe = asyncio.subprocess.PIPE
        command = (sys.executable, "-m", "bot.workers.child", str(os.getpid()))
        return cls(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=MAX_LINE_BYTES))

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process.returncode is None

    async def serve(self, job: Job) -> AsyncIterator[StatusLine]:
        """Hand the job over and yield what the bot tells, until its process has ended; one that hangs is killed."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(job.model_dump_json().encode() + b"\n")
            async with asyncio.timeout(START_S):
                await self._process.stdin.drain()
        except (ConnectionError, TimeoutError):
            log.warning("the process of a meeting ended before it began")
        silent_s = START_S
        while line := await self._next_line(silent_s):
            silent_s = SILENT_S
            with suppress(ValidationError):  # `warm`
                yield StatusLine.model_validate_json(line)
        await self.end()

    async def _next_line(self, within_s: float) -> bytes:
        """Return the next line; empty once there will be none."""
        assert self._process.stdout is not None
        for _ in range(SLICES):
            try:
                async with asyncio.timeout(within_s / SLICES):
                    return await self._process.stdout.readline()
            except TimeoutError:
                if not self.is_running:  # and something that it started holds the pipe
                    return b""
            except ValueError:
                log.warning("process %d of a meeting said a line of more than %d bytes", self.pid, MAX_LINE_BYTES)
                return b"\n"
        log.error("process %d of a meeting has said nothing for %.0f s and is killed", self.pid, within_s)
        self.kill()
        return b""

    def ask_to_leave(self) -> None:
        """Have the bot leave its room and end, at once where it must not take longer."""
        if self.is_running:
            self._process.terminate()
        self.must_end()

    def must_end(self) -> None:
        """Kill the process unless it ends soon by itself."""
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().call_later(LEAVE_S, self._overdue)

    def kill(self) -> None:
        """End the process at once."""
        if self.is_running:
            self._process.kill()

    async def end(self) -> None:
        """Have the bot leave, and see to it that the process ends."""
        self.ask_to_leave()
        try:
            async with asyncio.timeout(LEAVE_S + DIE_S):
                await self._process.wait()
        except TimeoutError:
            log.error("process %d of a meeting was killed and is still there", self.pid)
        finally:
            if self._deadline is not None:
                self._deadline.cancel()

    def _overdue(self) -> None:
        if self.is_running:
            log.error("process %d of a meeting did not end within %.0f s and is killed", self.pid, LEAVE_S)
            self.kill()
