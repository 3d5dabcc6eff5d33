"""One meeting's own process: waits warm for its job on stdin, serves the meeting, and tells its states on stdout."""

import asyncio
import ctypes
import importlib
import os
import resource
import signal
import sys
import time
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from bot.errors import BotError
from bot.garbage import return_pictures_to_the_system
from bot.settings import Settings
from dashboard_protocol.errors import DashboardError
from dashboard_protocol.events import BotState, Event
from engine.errors import EngineError

PR_SET_PDEATHSIG = 1
FIGURES_S = 2.0
"""Between two tellings of what the bot counts; there is an event every second."""
NEARLY_ALWAYS_USED = (
    "bot.app",
    "bot.inference.local",
    "bot.rooms.janus",
    "bot.rooms.local",
    "dashboard_protocol.bus.redis",
    "engine.crops",
    "engine.faces",
)
"""Imported before the job comes, which takes seconds; not what runs the network, which `presence` never holds."""


class Job(BaseModel):
    """What a worker tells a process to do."""

    model_config = ConfigDict(frozen=True)

    settings: Settings
    memory_mb: Annotated[int, Field(ge=512)]
    """What the process may allocate, in 10^6 bytes."""


class Told(BaseModel):
    """One line that a process tells its worker."""

    state: BotState | None = None
    join: str | None = None
    """Where people join a local room."""
    figures: str | None = None
    """What the bot counts, in Prometheus' text format."""


def main(worker_pid: int) -> int:
    """Serve one meeting; return the exit code."""
    _die_with(worker_pid)
    # A core dump would hold pictures of people.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return_pictures_to_the_system()
    for module in NEARLY_ALWAYS_USED:
        importlib.import_module(module)
    print("warm", flush=True)
    line = sys.stdin.readline()
    if not line:
        return 0
    job = Job.model_validate_json(line)
    most = job.memory_mb * 1_000_000
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    try:
        asyncio.run(_serve(job))
    except (BotError, EngineError, DashboardError) as error:
        print(f"classpulse: {error}", file=sys.stderr, flush=True)
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

    figures_due_s = 0.0

    def show(event: Event) -> None:
        nonlocal figures_due_s
        if isinstance(event.body, BotState):
            _tell(Told(state=event.body))
        if time.monotonic() >= figures_due_s:
            figures_due_s = time.monotonic() + FIGURES_S
            _tell(Told(figures=own_figures()))

    def tell(addresses: Addresses) -> None:
        if job.settings.room_url.startswith("local:"):
            _tell(Told(join=addresses.join))

    await run(job.settings, Surroundings(stop=stop, tell=tell, show=show))


def _tell(told: Told) -> None:
    print(told.model_dump_json(exclude_none=True), flush=True)


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when its worker dies, however that happens."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before
        sys.exit(1)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
