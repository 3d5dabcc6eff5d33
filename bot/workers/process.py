"""A worker's end of one meeting's process."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Self, TypeVar

from pydantic import ValidationError

from bot.workers.child import Job, StatusLine

LEAVE_S = 10.0
"""A bot that was asked to leave, or has reported its end, and is still there is killed."""
SILENT_S = 15.0
"""A bot reports its figures every two seconds; one that says nothing for so long hangs."""
START_S = 60.0
"""A process that has said nothing yet may still be loading, on a busy machine."""
SLICES = 5
"""Silence is measured in parts: a worker that was suspended itself must not blame its bots for all of that time."""
DIE_S = 5.0
"""After SIGKILL; what is not gone then waits for its disk, and nobody can help it."""
MAX_LINE_BYTES = 2**20
"""A bot's figures are one line."""

Answer = TypeVar("Answer")

log = logging.getLogger(__name__)


async def heard_within(
    within_s: float, listen: Callable[[], Awaitable[Answer]], is_there: Callable[[], bool]
) -> Answer:
    """Return what another process says.

    Args:
        within_s: how long it may be silent, while this process is awake.
        listen: waits for its word; may be cancelled, and is then called again.
        is_there: whether it can still say anything: what it started may hold its line.

    Raises:
        TimeoutError: It was silent for longer, or is no more.
    """
    for _ in range(SLICES):
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s / SLICES):
                return await listen()
        if not is_there():
            break
    raise TimeoutError(f"it has said nothing for {within_s:.0f} s")


class MeetingProcess:
    """A process for one meeting, which waits for its job. Every wait on it has a deadline.

    Args:
        pid: a child of this process.
        pidfd: the same; closed once the process is gone.
        lines: its stdin and stdout.
    """

    def __init__(self, pid: int, pidfd: int, lines: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
        self.pid = pid
        self._pidfd = pidfd
        self._stdout, self._stdin = lines
        self._deadline: asyncio.TimerHandle | None = None
        self._gone = asyncio.Event()
        asyncio.get_running_loop().add_reader(pidfd, self._bury)

    @classmethod
    async def adopt(cls, pid: int, lines: socket.socket) -> Self:
        """Look after a process that was forked for this one.

        Args:
            pid: a child of this process.
            lines: this end of its stdin and stdout.

        Raises:
            OSError: This process may open no more files; the other one is killed.
        """
        try:
            pidfd = os.pidfd_open(pid)
        except OSError:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)  # noqa: ASYNC222  it is gone in a moment, and without a file nothing else waits for it
            raise
        return cls(pid, pidfd, await asyncio.open_unix_connection(sock=lines, limit=MAX_LINE_BYTES))

    def _bury(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        with suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)
        os.close(self._pidfd)
        self._gone.set()

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return not self._gone.is_set()

    async def serve(self, job: Job) -> AsyncIterator[StatusLine]:
        """Hand the job over and yield what the bot reports, until its process has ended; one that hangs is killed."""
        try:
            self._stdin.write(job.model_dump_json().encode() + b"\n")
            async with asyncio.timeout(START_S):
                await self._stdin.drain()
        except (ConnectionError, TimeoutError):
            log.warning("the process of a meeting ended before it began")
        silent_s = START_S
        while line := await self._next_line(silent_s):
            silent_s = SILENT_S
            with suppress(ValidationError):  # what a library printed
                yield StatusLine.model_validate_json(line)
        await self.end()

    async def _next_line(self, within_s: float) -> bytes:
        """Return the next line; empty once there will be none."""
        try:
            return await heard_within(within_s, self._stdout.readline, lambda: self.is_running)
        except TimeoutError:
            if self.is_running:
                log.error("process %d of a meeting has said nothing for %.0f s and is killed", self.pid, within_s)
                self.kill()
        except ConnectionError:  # it ended, and had not taken all that it was sent
            pass
        except ValueError:
            log.warning("process %d of a meeting said a line of more than %d bytes", self.pid, MAX_LINE_BYTES)
            return b"\n"
        return b""

    def ask_to_leave(self) -> None:
        """Have the bot leave its room and end, at once where it must not take longer."""
        self._send(signal.SIGTERM)
        self.must_end()

    def must_end(self) -> None:
        """Kill the process unless it ends soon by itself."""
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().call_later(LEAVE_S, self._overdue)

    def kill(self) -> None:
        """End the process at once."""
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        if self.is_running:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    async def end(self) -> None:
        """Have the bot leave, and see to it that the process ends."""
        self.ask_to_leave()
        try:
            async with asyncio.timeout(LEAVE_S + DIE_S):
                await self._gone.wait()
        except TimeoutError:
            log.error("process %d of a meeting was killed and is still there", self.pid)
        finally:
            self._stdin.close()
            if self._deadline is not None:
                self._deadline.cancel()

    def _overdue(self) -> None:
        if self.is_running:
            log.error("process %d of a meeting did not end within %.0f s and is killed", self.pid, LEAVE_S)
            self.kill()
