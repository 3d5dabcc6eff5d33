"""`classpulse serve` and `worker`: the gateway with the control API, and a machine that runs bots."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer

from bot.commands.access import PublicUrlFlag, read_public_url
from bot.commands.engine import FallbackFlag
from bot.commands.ice import IceServersFlag, RelayOnlyFlag, chosen_ice
from bot.commands.keys import keys
from bot.commands.reachable import (
    AllowedHostFlag,
    MetricsHostFlag,
    MetricsPortFlag,
    TrustedProxyFlag,
    read_allowed_hosts,
    read_trusted_proxies,
)
from bot.errors import SettingsRefused
from bot.meeting_options import MeetingOptions, checked
from bot.settings import check_reach
from dashboard_protocol.auth.secrets_store import secret_setting
from dashboard_protocol.errors import RoomNotAllowed, WebhookRefused
from dashboard_protocol.http.request_rules import RequestRules
from dashboard_protocol.room_urls import AllowedRooms
from dashboard_protocol.view.plain_text import plain
from dashboard_protocol.vocabulary import Profile
from dashboard_protocol.webhooks.addresses import AllowedReceivers

BUS_VARIABLE = "CLASSPULSE_BUS"
BusFlag = Annotated[
    str | None,
    typer.Option(
        help=f"redis://HOST:PORT/0 or rediss://…; with a password better by {BUS_VARIABLE} or {BUS_VARIABLE}_FILE."
    ),
]
AloneFlag = Annotated[
    float | None,
    typer.Option(
        envvar="CLASSPULSE_LEAVE_ALONE_AFTER",
        min=0,
        help="A bot leaves after so many seconds with nobody else in the room, 0 for never. [default: 900]",
    ),
]
RetentionFlag = Annotated[
    float,
    typer.Option(
        envvar="CLASSPULSE_RETENTION", min=0.01, max=3650, help="Days that a class and what became of its bot are kept."
    ),
]
HostFlag = Annotated[str, typer.Option(envvar="CLASSPULSE_HOST", help="Address to listen on.")]
PortFlag = Annotated[int, typer.Option(envvar="CLASSPULSE_PORT", min=0, max=65535, help="TCP port.")]
RoomsFlag = Annotated[
    str, typer.Option(envvar="CLASSPULSE_ROOMS", help="Meetings that may be named: local, SCHEME://HOST[:PORT], …")
]
PolicyFlag = Annotated[Profile | None, typer.Option(envvar="CLASSPULSE_POLICY", help="For invitations that name none.")]
PoliciesFlag = Annotated[
    str, typer.Option(envvar="CLASSPULSE_ALLOWED_POLICIES", help="Policies that an invitation may name.")
]
WebhooksFlag = Annotated[
    str,
    typer.Option(
        envvar="CLASSPULSE_WEBHOOKS",
        help="Receivers of webhooks that may be http or in a private network: SCHEME://HOST[:PORT], …",
    ),
]
EngineFlag = Annotated[
    str | None,
    typer.Option(
        envvar="CLASSPULSE_ENGINE",
        help="Expression network, or ipc:// for a running `classpulse engine`; the shipped one if absent.",
    ),
]
MediaHostFlag = Annotated[
    str | None,
    typer.Option(
        envvar="CLASSPULSE_MEDIA_HOST",
        help="Address of this machine on which local rooms receive video, 0.0.0.0 for all; loopback if absent.",
    ),
]
DAY_S = 86_400.0
BOTS_BUS_VARIABLE = "CLASSPULSE_BOTS_BUS"
"""The bots' address of the worker's Redis, under a user who may do less; also in the file of `…_FILE`."""
DEFAULT_BUS = "redis://127.0.0.1:6379/0"


def add_servers(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("serve")(serve_gateway)
    app.command("worker")(work)
    app.add_typer(keys, name="key")


def serve_gateway(  # noqa: PLR0913  one parameter a flag
    *,
    bus: BusFlag = None,
    host: HostFlag = "127.0.0.1",
    port: PortFlag = 8080,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate chain (PEM), for another host.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its key (PEM).")] = None,
    behind_proxy: Annotated[bool, typer.Option(help="A proxy in front ends TLS.")] = False,
    trusted_proxy: TrustedProxyFlag = "",
    public_url: PublicUrlFlag = None,
    allowed_host: AllowedHostFlag = "",
    rooms: RoomsFlag = "local",
    policy: PolicyFlag = None,
    allowed_policies: PoliciesFlag = "presence,aggregate,individual",
    webhooks: WebhooksFlag = "",
    retention: RetentionFlag = 7.0,
    metrics_port: MetricsPortFlag = None,
    metrics_host: MetricsHostFlag = "127.0.0.1",
) -> None:
    """Serve the live pages, their feeds and the control API; any number of these may share one Redis."""
    proxies = read_trusted_proxies(trusted_proxy)
    check_reach(host, has_tls=bool(tls_cert and tls_key), behind_proxy=behind_proxy, proxies=proxies)
    public = read_public_url(public_url)
    from bot.commands.gateway import GatewayProcess
    from dashboard_protocol.http.server import Tls

    gateway = GatewayProcess(
        public_url=public,
        rules=RequestRules.reached_under(public, hosts=read_allowed_hosts(allowed_host), proxies=proxies),
        metrics_host=metrics_host,
        metrics_port=metrics_port,
        bus=_bus(bus),
        host=host,
        port=port,
        tls=Tls(tls_cert, tls_key) if tls_cert and tls_key else None,
        rooms=_allowed_rooms(rooms),
        receivers=_receivers(webhooks),
        policy=policy,
        policies=_policies(allowed_policies),
        retention_s=retention * DAY_S,
    )
    asyncio.run(_until_stopped(lambda stop: gateway.run(stop, _say)))


def work(  # noqa: PLR0913  one parameter a flag
    *,
    bus: BusFlag = None,
    capacity: Annotated[int, typer.Option(min=1, help="Most meetings at once.")] = 4,
    drain: Annotated[
        float, typer.Option(min=0, help="Seconds that meetings may go on after SIGTERM; then others get them.")
    ] = 30.0,
    memory_mb: Annotated[int, typer.Option(min=512, help="Megabytes that one meeting's process may allocate.")] = 2000,
    engine: EngineFlag = None,
    engine_fallback: FallbackFlag = False,
    engine_threads: Annotated[int, typer.Option(min=1, max=64, help="Threads that read faces, for each meeting.")] = 2,
    reads_per_s: Annotated[
        float, typer.Option(min=0.1, max=30, help="Wanted reads of each participant a second.")
    ] = 4.0,
    leave_alone_after: AloneFlag = None,
    ice_server: IceServersFlag = None,
    relay_only: RelayOnlyFlag = False,
    media_host: MediaHostFlag = None,
    retention: RetentionFlag = 7.0,
    metrics_port: MetricsPortFlag = None,
    metrics_host: MetricsHostFlag = "127.0.0.1",
    allowed_host: AllowedHostFlag = "",
) -> None:
    """Run bots on this machine: one process a meeting, for the invitations of the control API."""
    from bot.workers.service import WorkerProcess

    options = {
        "bus": secret_setting(BOTS_BUS_VARIABLE) or _bus(bus),
        "retention_s": retention * DAY_S,
        "engine": engine,
        "engine_fallback": engine_fallback,
        "engine_threads": engine_threads,
        "reads_per_s": reads_per_s,
        "leave_alone_after_s": leave_alone_after,
        "ice": chosen_ice(ice_server, relay_only=relay_only),
        "media_host": media_host,
    }
    worker = WorkerProcess(
        queue=_bus(bus),
        capacity=capacity,
        drain_s=drain,
        memory_mb=memory_mb,
        options=checked(MeetingOptions, options),
        status_host=metrics_host,
        status_port=metrics_port,
        status_rules=RequestRules(read_allowed_hosts(allowed_host)),
    )
    asyncio.run(_until_stopped(lambda stop: worker.run(stop, _say)))


def _bus(given: str | None) -> str:
    return given or secret_setting(BUS_VARIABLE) or DEFAULT_BUS


def _say(text: str) -> None:
    print(plain(text), file=sys.stderr, flush=True)


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


def _receivers(text: str) -> AllowedReceivers:
    try:
        return AllowedReceivers(part.strip() for part in text.split(",") if part.strip())
    except WebhookRefused as error:
        raise SettingsRefused(f"--webhooks {text!r}: {error}") from error


def _policies(text: str) -> frozenset[Profile]:
    try:
        return frozenset(Profile(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise SettingsRefused(f"--allowed-policies {text!r}: known are {', '.join(Profile)}") from error
