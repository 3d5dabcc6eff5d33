"""One meeting's own process: takes its job from stdin, serves the meeting, and reports its states on stdout."""

import asyncio
import ctypes
import os
import resource
import signal
import sys
import traceback
from contextlib import suppress
from enum import StrEnum
from typing import Annotated, NoReturn, Self

from pydantic import BaseModel, ConfigDict, Field

from bot.errors import BotError
from bot.settings import Settings
from dashboard_protocol.errors import BusGivenUp, DashboardError, EpochOver, RoomTaken
from dashboard_protocol.events import Alert, AlertAt, BotState, Event
from dashboard_protocol.language import speaking
from dashboard_protocol.view.plain_text import plain
from engine.errors import EngineError

PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15
NAME = b"meeting"
"""What such a process is called, as `ps -o comm` shows it: its command line is that of the process it was forked from.
"""
FIGURES_S = 2.0
"""Between two reports of what the bot counts, which also say that its event loop turns."""
FLUSH_S = 2.0
"""The last words wait so long for a worker that does not read."""


class Job(BaseModel):
    """What a worker asks of a process."""

    model_config = ConfigDict(frozen=True)

    settings: Settings
    memory_mb: Annotated[int, Field(ge=512)]
    """What the process may allocate, in 10^6 bytes."""


class Ousted(StrEnum):
    """Why a bot cannot have its room."""

    OUTRUN = "outrun"
    """A newer bot has opened it."""
    TAKEN = "taken"
    """Another bot holds it."""
    REFUSED = "refused"
    """The bus, by which a bot has its room, has taken nothing of it for ten minutes."""


class StatusLine(BaseModel):
    """One line that a process reports to its worker."""

    state: BotState | None = None
    alert: AlertAt | None = None
    join: str | None = None
    """Where the bot of a local room is reached on this machine."""
    figures: str | None = None
    """What the bot counts, in Prometheus' text format."""
    ousted: Ousted | None = None


def run_meeting(worker_pid: int) -> NoReturn:
    """Serve one meeting in this process, which was made for it, and end with it.

    Args:
        worker_pid: whose child it is by the time at which its job has come.
    """
    code = 1
    try:
        code = _run(worker_pid)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        # Everything of ours is closed: to take all that is loaded apart would cost more of a processor than a start.
        os._exit(code)


def _run(worker_pid: int) -> int:
    line = sys.stdin.readline()
    if not line:
        return 0
    die_with(worker_pid)
    ctypes.CDLL(None).prctl(PR_SET_NAME, NAME)
    job = Job.model_validate_json(line)
    # The hard limit stays: what counts so is not what a browser uses, which is held to the same in another way.
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (job.memory_mb * 1_000_000, hard))
    try:
        with speaking(job.settings.language):
            asyncio.run(_serve(job))
    except (BotError, EngineError, DashboardError) as error:
        print(plain(f"classpulse: {error}"), file=sys.stderr, flush=True)
        return 1
    return 0


async def _serve(job: Job) -> None:
    from bot.app import Addresses, Surroundings, run
    from bot.metrics import own_figures

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    # ctrl-C in a terminal reaches the whole group; the worker says when its bots leave.
    loop.add_signal_handler(signal.SIGINT, lambda: None)

    worker = await _Worker.open()

    def show(event: Event) -> None:
        if (line := _line_of(event)) is not None:
            worker.report(line)

    def report_addresses(addresses: Addresses) -> None:
        if job.settings.room_url.startswith("local:"):
            worker.report(StatusLine(join=addresses.join))

    async def report_figures() -> None:
        while True:
            worker.report_if_it_reads(StatusLine(figures=own_figures()))
            await asyncio.sleep(FIGURES_S)

    reporting = asyncio.create_task(report_figures(), name="figures")  # no group: it would wrap what `run` raises
    try:
        await run(job.settings, Surroundings(stop=stop, report_addresses=report_addresses, show=show))
    except EpochOver:
        worker.report(StatusLine(ousted=Ousted.OUTRUN))
        raise
    except RoomTaken:
        worker.report(StatusLine(ousted=Ousted.TAKEN))
        raise
    except BusGivenUp:
        worker.report(StatusLine(ousted=Ousted.REFUSED))
        raise
    finally:
        reporting.cancel()
        await worker.flush()


def _line_of(event: Event) -> StatusLine | None:
    """What of an event is for whoever invited the bot."""
    match event.body:
        case BotState() as state:
            return StatusLine(state=state)
        case Alert() as alert:
            return StatusLine(alert=AlertAt(at=event.at, alert=alert))
    return None


class _Worker:
    """Who reads this process's stdout. A worker that does not read for a while must not make the bot wait."""

    def __init__(self, pipe: asyncio.WriteTransport) -> None:
        self._pipe = pipe

    @classmethod
    async def open(cls) -> Self:
        """Keep stdout for the worker alone: what a library prints goes to stderr from now on."""
        pipe = os.fdopen(os.dup(1), "wb", buffering=0)
        os.dup2(2, 1)
        transport, _ = await asyncio.get_running_loop().connect_write_pipe(asyncio.BaseProtocol, pipe)
        return cls(transport)

    def report(self, line: StatusLine) -> None:
        self._pipe.write(line.model_dump_json(exclude_none=True, by_alias=True).encode() + b"\n")

    def report_if_it_reads(self, line: StatusLine) -> None:
        if self._pipe.get_write_buffer_size() == 0:
            self.report(line)

    async def flush(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_S):
                while self._pipe.get_write_buffer_size():  # noqa: ASYNC110  a transport notifies nobody when it is empty
                    await asyncio.sleep(0.02)


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its worker dies, however that happens."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before
        sys.exit(1)
