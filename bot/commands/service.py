"""`classpulse serve` and `worker`: the gateway with the control API, and a machine that runs bots."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from bot.commands.keys import keys
from bot.settings.flags import takes_settings
from bot.settings.service import GatewaySettings, WorkerSettings
from dashboard_protocol.settings.command_line import add_command
from dashboard_protocol.view.plain_text import plain

if TYPE_CHECKING:
    from dashboard_protocol.lti.platforms import Platforms

SERVE = (
    "classpulse serve --bus redis://127.0.0.1:6379/0",
    "classpulse serve --host 0.0.0.0 --tls-cert chain.pem --tls-key key.pem",
)
WORK = (
    "classpulse worker --capacity 8 --engine ipc://",
    "CLASSPULSE_BUS_FILE=/run/secrets/bus classpulse worker",
)


def add_servers(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    add_command(app, serve_gateway, SERVE, "serve")
    add_command(app, work, WORK, "worker")
    app.add_typer(keys, name="key")


@takes_settings("serve")
def serve_gateway(settings: GatewaySettings) -> None:
    """Serve live pages, their feeds and the control API.

    Any number of these may share one Redis. All gateways and workers of a service need the same CLASSPULSE_SECRET: it
    signs every link and names every room.
    """
    from bot.commands.gateway import GatewayProcess
    from dashboard_protocol.gateway.connection import Limits
    from dashboard_protocol.http.server import Tls
    from dashboard_protocol.room_urls import AllowedRooms
    from dashboard_protocol.webhooks.addresses import AllowedReceivers

    gateway = GatewayProcess(
        public_url=settings.public_url,
        rules=settings.rules,
        limits=Limits(frame_origins=settings.frame_origins),
        metrics_host=settings.metrics_host,
        metrics_port=settings.metrics_port,
        bus=settings.bus,
        host=settings.host,
        port=settings.port,
        tls=Tls(settings.tls_cert, settings.tls_key) if settings.tls_cert and settings.tls_key else None,
        rooms=AllowedRooms(settings.rooms),
        receivers=AllowedReceivers(settings.webhooks),
        policy=settings.policy,
        policies=frozenset(settings.allowed_policies),
        retention_s=settings.retention_s,
        platforms=_platforms(settings.lti) if settings.lti is not None else None,
    )
    asyncio.run(_until_stopped(lambda stop: gateway.run(stop, _say)))


@takes_settings("worker")
def work(settings: WorkerSettings) -> None:
    """Run the bots that are invited, one process a meeting.

    All gateways and workers of a service need the same CLASSPULSE_SECRET: it signs every link and names every room.
    """
    from bot.workers.service import WorkerProcess
    from dashboard_protocol.http.request_rules import RequestRules

    worker = WorkerProcess(
        queue=settings.bus,
        capacity=settings.capacity,
        browser_bots=settings.browser_bots,
        drain_s=settings.drain_s,
        memory_mb=settings.memory_mb,
        options=settings.options,
        status_host=settings.metrics_host,
        status_port=settings.metrics_port,
        status_rules=RequestRules(settings.allowed_hosts),
    )
    asyncio.run(_until_stopped(lambda stop: worker.run(stop, _say)))


def _platforms(path: Path) -> "Platforms":
    from dashboard_protocol.lti.platforms import read_platforms
    from dashboard_protocol.lti.validation import check_installed

    check_installed()
    return read_platforms(path)


def _say(text: str) -> None:
    print(plain(text), file=sys.stderr, flush=True)


async def _until_stopped(run: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await run(stop)
