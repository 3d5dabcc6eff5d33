"""What `classpulse worker` runs: the worker, and beside it what an operator may ask it."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from bot.errors import SettingsRefused
from bot.privacy.audit_log import audit_obstacle
from bot.settings.meeting import MeetingOptions, check_media_host
from bot.workers.browsers import browsers_that_fit, memory_mb
from bot.workers.status import WorkerFigures, serving_status
from bot.workers.worker import Worker
from dashboard_protocol.auth.secrets_store import load_secret, state_directory
from dashboard_protocol.errors import BusError
from dashboard_protocol.http.request_rules import OWN_ONLY, RequestRules
from dashboard_protocol.queue import Queue, open_queue
from dashboard_protocol.queue.worker_names import new_worker_name


@dataclass(frozen=True)
class WorkerProcess:
    """How one worker works."""

    queue: str
    """Where invitations come from: an address as the bus's."""
    capacity: int
    browser_bots: int | None
    """Most meetings at once that are pages; None for as many as fit."""
    drain_s: float
    memory_mb: int
    options: MeetingOptions
    """What holds for every bot; its bus is the queue's Redis, under a user of its own where there is one."""
    status_host: str
    status_port: int | None
    """Where figures and readiness are served; None for nowhere."""
    status_rules: RequestRules = OWN_ONLY
    """Which requests for them are taken."""

    async def run(self, stop: asyncio.Event, say: Callable[[str], None]) -> None:
        """Work until `stop` is set, then drain.

        Raises:
            SettingsRefused: There is no such network, or no such address of this machine.
            DashboardError: The queue does not answer, or the figures cannot be served there.
        """
        _see_that_there_is(self.options.engine)
        check_media_host(self.options.media_host)
        name = new_worker_name()
        async with AsyncExitStack() as stack:
            queue = open_queue(self.queue, load_secret(), retention_s=self.options.retention_s)
            stack.push_async_callback(queue.close)
            await queue.ping()
            figures = WorkerFigures()
            pages = self.browser_bots
            if pages is None:
                pages = browsers_that_fit(memory_mb(), self.capacity)
            worker = Worker(
                queue, name=name, capacity=self.capacity, browser_bots=pages, options=self.options,
                memory_mb=self.memory_mb, figures=figures,
            )  # fmt: skip
            if self.status_port is not None:
                checks = {
                    "queue": lambda: _queue_obstacle(queue), "engine": lambda: _engine_obstacle(self.options.engine),
                    "audit": _audit_obstacle, "heartbeat": worker.obstacle,
                    "processes": worker.is_cold,
                }  # fmt: skip
                serving = serving_status(figures, checks, self.status_host, self.status_port, self.status_rules)
                say(f"figures    {(await stack.enter_async_context(serving)).origin}/metrics")
            say(f"worker     {name}, up to {self.capacity} meetings, {pages} of them pages; ctrl-C drains")
            await worker.run(stop, self.drain_s)


async def _queue_obstacle(queue: Queue) -> str | None:
    try:
        await queue.ping()
    except BusError as error:
        return str(error)
    return None


async def _audit_obstacle() -> str | None:
    return audit_obstacle(state_directory())


def _see_that_there_is(engine: str | None) -> None:
    if engine and not engine.startswith("ipc:") and not Path(engine).is_file():
        raise SettingsRefused(f"--engine {engine}: there is no such file on this machine")


async def _engine_obstacle(engine: str | None) -> str | None:
    """Say that the engine process which the bots share does not answer; bots without one bring their own."""
    if engine is None or not engine.startswith("ipc:"):
        return None
    from bot.inference.server import ask_status

    return None if await ask_status(engine) else f"No engine answers at {engine}: start one with `classpulse engine`."
