"""A worker's end of the process that its meetings' processes are forked from."""

import asyncio
import ctypes
import logging
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from bot.workers.fork_server import ASK, ONE_THREAD, WARM
from bot.workers.process import DIE_S, START_S, MeetingProcess, heard_within
from dashboard_protocol.backoff import Backoff

FORK_S = 5.0
"""To fork takes milliseconds; what takes longer hangs, and another one is started."""
PR_SET_CHILD_SUBREAPER = 36

log = logging.getLogger(__name__)


class ForkServer:
    """Starts a process for each meeting within milliseconds, as long as its own is warm."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._control: socket.socket | None = None
        self._lines: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._one_at_a_time = asyncio.Lock()
        self._is_warm = False

    @property
    def is_warm(self) -> bool:
        """Whether a meeting's process is to be had at once, as far as is known."""
        return self._is_warm and self._is_running

    @property
    def _is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def stay_warm(self) -> None:
        """Start it, and again whenever it ends; goes on until it is cancelled, and then nothing is left of it."""
        pauses = Backoff(1.0, 8.0)
        try:
            while True:
                try:
                    process = await self._start()
                except OSError as error:  # out of processes or memory, and meetings that run must go on
                    log.warning("no process can be started for the next meeting: %s", error)
                    await asyncio.sleep(pauses.failed())
                else:
                    pauses.went_well()
                    await process.wait()
                    log.warning("the process that meetings are forked from has ended, and is started again")
        finally:
            await self._end()

    async def fork(self) -> MeetingProcess:
        """Return a process for a meeting, at once or not at all: to warm up may take longer than a class should wait.

        Raises:
            OSError: There is none to be had.
        """
        async with self._one_at_a_time:
            if not self.is_warm or self._control is None:
                raise BlockingIOError("the process that meetings are forked from is not there yet")
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            try:
                with theirs, _adopting():
                    socket.send_fds(self._control, [ASK], [theirs.fileno()])
                    answer = int(await self._said(FORK_S))
                if answer < 0:
                    raise OSError(-answer, os.strerror(-answer))
                return await MeetingProcess.adopt(answer, ours)
            except BaseException:
                ours.close()  # whatever was forked reads its end, and ends
                raise

    async def _start(self) -> asyncio.subprocess.Process:
        """Return the process that forks, once it is warm.

        Raises:
            OSError: It cannot be started, or does not get warm.
        """
        await self._end()
        self._control, theirs = socket.socketpair()
        self._lines = await asyncio.open_unix_connection(sock=self._control)
        command = (sys.executable, "-m", "bot.workers.fork_server", str(os.getpid()))
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                *command, stdin=theirs.fileno(), env=os.environ | ONE_THREAD
            )
        if await self._said(START_S) != WARM:
            raise ConnectionError("the process that meetings are forked from says something else than that it is warm")
        self._is_warm = True
        return self._process

    async def _said(self, within_s: float) -> bytes:
        """Return the next line that it says; one that hangs is killed.

        Raises:
            OSError: It says nothing, or has ended.
        """
        assert self._lines is not None
        try:
            said = await heard_within(within_s, self._lines[0].readline, lambda: self._is_running)
            if not said:
                raise ConnectionError("the process that meetings are forked from has ended")
        except BaseException:  # also where nobody waits for the answer any more: the next one would get it
            await self._end()
            raise
        return said

    async def _end(self) -> None:
        """See to it that the process is gone."""
        self._is_warm = False
        if self._lines is not None:
            self._lines[1].close()  # and with it the socket
            self._lines = self._control = None
        if self._process is None or self._process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            self._process.kill()
        with suppress(TimeoutError):
            async with asyncio.timeout(DIE_S):
                await self._process.wait()


@contextmanager
def _adopting() -> Iterator[None]:
    """While inside, a process whose parent ends becomes this one's child, if this one comes next above it."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    try:
        yield
    finally:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 0)
