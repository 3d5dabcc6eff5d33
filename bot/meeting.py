"""A worker's end of one meeting's process."""

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Self

from pydantic import ValidationError

from bot.meeting_process import Job, Told

LEAVE_S = 10.0
"""A bot that was told to leave and is still there is killed."""
MAX_LINE_BYTES = 2**20
"""A bot's figures are one line."""

log = logging.getLogger(__name__)


class Meeting:
    """A process for one meeting, started before there is a meeting."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.pid = process.pid

    @classmethod
    async def start(cls) -> Self:
        """Start a process that gets warm."""
        pipe = asyncio.subprocess.PIPE
        command = (sys.executable, "-m", "bot.meeting_process", str(os.getpid()))
        return cls(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=MAX_LINE_BYTES))

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process.returncode is None

    async def serve(self, job: Job) -> AsyncIterator[Told]:
        """Hand the job over and yield what the bot tells, until its process has ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(job.model_dump_json().encode() + b"\n")
            await self._process.stdin.drain()
        except ConnectionError:
            log.warning("the process of a meeting ended before it began")
        async for line in self._process.stdout:
            with suppress(ValidationError):  # `warm`, or what a library prints
                yield Told.model_validate_json(line)
        await self._process.wait()

    def ask_to_leave(self) -> None:
        """Have the bot leave its room and end."""
        if self.is_running:
            self._process.terminate()

    def kill(self) -> None:
        """End the process at once."""
        if self.is_running:
            self._process.kill()

    async def end(self) -> None:
        """Have the bot leave, and see to it that the process ends."""
        self.ask_to_leave()
        try:
            async with asyncio.timeout(LEAVE_S):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()
