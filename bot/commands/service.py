"""`classpulse serve`, `worker` and `key add`: gateway with control API, a machine that runs bots, keys for programs."""

import asyncio
import os
import secrets
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated

import typer

from bot.errors import SettingsRefused
from bot.settings import LOOPBACK_HOSTS
from dashboard_protocol.access import Access, load_secret, secret_setting
from dashboard_protocol.bus import open_bus
from dashboard_protocol.control import Control
from dashboard_protocol.errors import RoomNotAllowed
from dashboard_protocol.gateway import create_app
from dashboard_protocol.keys import ApiKeys, Scope
from dashboard_protocol.queue import open_queue
from dashboard_protocol.room_urls import AllowedRooms
from dashboard_protocol.server import Tls, serve
from dashboard_protocol.vocabulary import Profile

BUS_VARIABLE = "CLASSPULSE_BUS"
BusFlag = Annotated[
    str | None,
    typer.Option(
        help=f"redis://HOST:PORT/0 or rediss://…; with a password better by {BUS_VARIABLE} or {BUS_VARIABLE}_FILE."
    ),
]
DEFAULT_BUS = "redis://127.0.0.1:6379/0"

keys = typer.Typer(help="API keys of programs.", no_args_is_help=True)


def add_servers(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("serve")(serve_gateway)
    app.command("worker")(work)
    app.add_typer(keys, name="key")


def serve_gateway(  # noqa: PLR0913  one parameter a flag
    *,
    bus: BusFlag = None,
    host: Annotated[str, typer.Option(envvar="CLASSPULSE_HOST", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="CLASSPULSE_PORT", min=0, max=65535, help="TCP port.")] = 8080,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate chain (PEM), for another host.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its key (PEM).")] = None,
    behind_proxy: Annotated[bool, typer.Option(help="A proxy in front ends TLS.")] = False,
    rooms: Annotated[
        str, typer.Option(envvar="CLASSPULSE_ROOMS", help="Meetings that may be named: local, SCHEME://HOST[:PORT], …")
    ] = "local",
    policy: Annotated[
        Profile | None, typer.Option(envvar="CLASSPULSE_POLICY", help="For invitations that name none.")
    ] = None,
    allowed_policies: Annotated[
        str, typer.Option(envvar="CLASSPULSE_ALLOWED_POLICIES", help="Policies that an invitation may name.")
    ] = "presence,aggregate,individual",
) -> None:
    """Serve the live pages, their feeds and the control API; any number of these may share one Redis."""
    if host not in LOOPBACK_HOSTS and not (behind_proxy or (tls_cert and tls_key)):
        raise SettingsRefused(
            f"--host {host} is reachable from other machines: give --tls-cert and --tls-key, "
            "or --behind-proxy when a proxy in front of it ends TLS"
        )
    tls = Tls(tls_cert, tls_key) if tls_cert and tls_key else None
    address = bus or secret_setting(BUS_VARIABLE) or DEFAULT_BUS

    async def run(stop: asyncio.Event) -> None:
        async with AsyncExitStack() as stack:
            events, queue = open_bus(address), open_queue(address)
            stack.push_async_callback(events.close)
            stack.push_async_callback(queue.close)
            access = Access(load_secret())
            control = Control(
                queue, events, access, ApiKeys(), _allowed_rooms(rooms), policy, _policies(allowed_policies)
            )
            app = create_app(events, access, control=control)
            server = await stack.enter_async_context(serve(app, host, port, tls=tls))
            _say(f"serving    {server.origin}   (API: {server.origin}/docs)")
            await stop.wait()

    asyncio.run(_until_stopped(run))


def work(
    *,
    bus: BusFlag = None,
    capacity: Annotated[int, typer.Option(min=1, help="Most meetings at once.")] = 4,
    drain: Annotated[
        float, typer.Option(min=0, help="Seconds that meetings may go on after SIGTERM; then others get them.")
    ] = 30.0,
    memory_mb: Annotated[int, typer.Option(min=512, help="Megabytes that one meeting's process may allocate.")] = 2000,
    engine: Annotated[
        Path | None, typer.Option(envvar="CLASSPULSE_ENGINE", help="Expression network; the shipped one if absent.")
    ] = None,
    engine_threads: Annotated[int, typer.Option(min=1, max=64, help="Threads that read faces, for each meeting.")] = 2,
) -> None:
    """Run bots on this machine: one process a meeting, for the invitations of the control API."""
    from bot.worker import Worker

    address = bus or secret_setting(BUS_VARIABLE) or DEFAULT_BUS

    async def run(stop: asyncio.Event) -> None:
        queue = open_queue(address)
        name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        options = {"engine": engine, "engine_threads": engine_threads}
        worker = Worker(queue, name=name, capacity=capacity, bus=address, options=options, memory_mb=memory_mb)
        try:
            await queue.ping()
            _say(f"worker     {name}, up to {capacity} meetings; ctrl-C drains")
            await worker.run(stop, drain)
        finally:
            await queue.close()

    asyncio.run(_until_stopped(run))


@keys.command("add")
def add_key(
    name: Annotated[str, typer.Argument(help="Whose key; an earlier one of this name no longer opens anything.")],
    scope: Annotated[list[Scope] | None, typer.Option(help="invite, watch or admin; may be repeated.")] = None,
) -> None:
    """Make an API key and print it; only its hash is kept."""
    print(ApiKeys().add(name, frozenset(scope or {Scope.INVITE, Scope.WATCH})))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


async def _until_stopped(run: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await run(stop)


def _allowed_rooms(text: str) -> AllowedRooms:
    try:
        return AllowedRooms(part.strip() for part in text.split(",") if part.strip())
    except RoomNotAllowed as error:
        raise SettingsRefused(f"--rooms {text!r}: {error}") from error


def _policies(text: str) -> frozenset[Profile]:
    try:
        return frozenset(Profile(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise SettingsRefused(f"--allowed-policies {text!r}: known are {', '.join(Profile)}") from error
