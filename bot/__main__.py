"""The command `classpulse`: flags → settings → app, and nothing else."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.commands import (
    PublicUrlFlag,
    add_access,
    add_clients,
    add_servers,
    people,
    read_public_url,
    recording,
    serve_engine,
)
from bot.commands.engine import FallbackFlag
from bot.commands.ice import IceServersFlag, RelayOnlyFlag, chosen_ice
from bot.commands.reachable import (
    AllowedHostFlag,
    MetricsHostFlag,
    MetricsPortFlag,
    TrustedProxyFlag,
    read_allowed_hosts,
    read_trusted_proxies,
)
from bot.errors import BotError, RecordingUnreadable, SettingsRefused
from bot.meeting_options import checked
from bot.memory import forbid_core_dumps, return_pictures_to_the_system
from bot.settings import DEMO_ALERTS, Settings
from bot.terminal_encoding import speak_plainly
from dashboard_protocol.errors import ConsentRefused, DashboardError, ReportRefused, SecretRefused, ServerRefused
from dashboard_protocol.view.plain_text import log_plainly, plain_lines
from dashboard_protocol.vocabulary import Profile

NOTICE = (
    "In the EU, inferring emotions of people in education and at work is prohibited save for medical or safety "
    "reasons, whatever the consent (AI Act, Article 5(1)(f)); where it is lawful people must be told (Article 50(3)). "
    "The policy presence computes neither expressions nor attention. Whether any policy is lawful for you is for your "
    "counsel. Not for grading or discipline."
)
UNIX_ONLY = ("fcntl", "resource")
"""Modules of Python that only Unix systems have."""
NEEDS_UNIX = (
    "this command needs Linux or macOS; what speaks to a gateway runs here too: "
    "invite, bots, webhooks, leave, link, revoke, report and watch"
)
USAGE_ERRORS = (SettingsRefused, ServerRefused, SecretRefused, ConsentRefused, ReportRefused, RecordingUnreadable)

app = typer.Typer(
    help=f"A visible meeting participant that shows an instructor how the class is doing.\n\n{NOTICE}",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
add_servers(app)
app.command("engine")(serve_engine)
app.command()(people)
app.command()(recording)
add_clients(app)
add_access(app)
DEFAULT = Settings.model_fields
LINK_VARIABLE = "CLASSPULSE_LINK"

PolicyFlag = Annotated[
    Profile | None,
    typer.Option(
        envvar="CLASSPULSE_POLICY",
        help="What may be computed and leave the bot: presence (counts), aggregate (class values), individual "
        "(and people who opted in). A real meeting has no default.",
    ),
]
EngineFlag = Annotated[
    str | None,
    typer.Option(
        envvar="CLASSPULSE_ENGINE",
        help="Expression network (.onnx, .plan), or ipc:// for a running `classpulse engine`; else the shipped one.",
    ),
]
DurationFlag = Annotated[
    float | None, typer.Option("--duration", min=0.1, help="Leave after so many seconds, counted from live.")
]
AloneFlag = Annotated[
    float | None,
    typer.Option(
        "--leave-alone-after",
        envvar="CLASSPULSE_LEAVE_ALONE_AFTER",
        min=0,
        help="Leave after so many seconds with nobody else in the room, 0 for never. [default: 900; local rooms: 0]",
    ),
]
RoomArgument = Annotated[
    str,
    typer.Argument(help="The meeting: local://NAME opens one here; janus+ws(s)://HOST:PORT/ROOM; whep+http(s)://…"),
]
TitleFlag = Annotated[str | None, typer.Option(help="The class's name for people.")]
BotNameFlag = Annotated[str, typer.Option(envvar="CLASSPULSE_BOT_NAME", help="The bot's display name.")]
FewestFlag = Annotated[int, typer.Option("--k", min=3, help="Fewest analysed people for class values.")]
RateFlag = Annotated[float, typer.Option(help="Wanted reads of each participant a second.")]
BusFlag = Annotated[str, typer.Option(envvar="CLASSPULSE_BUS", help="How events travel: memory:// or redis://…")]
TlsCertFlag = Annotated[Path | None, typer.Option(help="Certificate chain (PEM), for another host.")]
TlsKeyFlag = Annotated[Path | None, typer.Option(help="Its key (PEM).")]
BehindProxyFlag = Annotated[bool, typer.Option(help="A proxy in front ends TLS.")]
NoticeFlag = Annotated[
    bool, typer.Option("--notice-given", help="The people were told; needed where a room cannot show the bot (WHEP).")
]
TakeOverFlag = Annotated[
    bool, typer.Option("--take-over", help="Take the room from another bot that serves it, which then leaves.")
]
ReportFlag = Annotated[
    Path | None, typer.Option(help="Write the class's report here when it is over: HTML, and CSV beside it.")
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print every event as one JSON line; all else to stderr.")]
HostFlag = Annotated[str, typer.Option(envvar="CLASSPULSE_HOST", help="Address to listen on.")]
PortFlag = Annotated[
    int, typer.Option(envvar="CLASSPULSE_PORT", min=0, max=65535, help="TCP port of page and feed; 0 for a free one.")
]


@app.command()
def demo(
    *,
    clip: Annotated[list[Path] | None, typer.Option(help="Also publish this video file as a participant.")] = None,
    policy: PolicyFlag = Profile.AGGREGATE,
    engine: EngineFlag = None,
    duration: DurationFlag = None,
    report: ReportFlag = None,
    port: PortFlag = DEFAULT["port"].default,
    json: JsonFlag = False,
) -> None:
    """Show a class of eight drawn people on this machine: page, room and bot in one process."""
    from bot.rooms.publishing.cast import Cast

    cast = Cast("demo", tuple(clip or ()), opts_in=policy is Profile.INDIVIDUAL)
    settings = make_settings(
        room_url="local://demo",
        policy=policy,
        title="Demo class",
        engine=engine,
        max_duration_s=duration,
        port=port,
        alerts=DEMO_ALERTS,
    )
    from bot.foreground import Foreground, stay

    raise typer.Exit(stay(settings, Foreground(json=json, report=report, guests=cast, opens_at_root=True)))


@app.command()
def join(  # noqa: PLR0913  one parameter a flag
    room_url: RoomArgument,
    *,
    policy: PolicyFlag = None,
    title: TitleFlag = None,
    bot_name: BotNameFlag = DEFAULT["bot_name"].default,
    k: FewestFlag = DEFAULT["k"].default,
    reads_per_s: RateFlag = DEFAULT["reads_per_s"].default,
    engine: EngineFlag = None,
    engine_fallback: FallbackFlag = False,
    bus: BusFlag = DEFAULT["bus"].default,
    host: HostFlag = DEFAULT["host"].default,
    port: PortFlag = DEFAULT["port"].default,
    tls_cert: TlsCertFlag = None,
    tls_key: TlsKeyFlag = None,
    behind_proxy: BehindProxyFlag = False,
    trusted_proxy: TrustedProxyFlag = "",
    public_url: PublicUrlFlag = None,
    allowed_host: AllowedHostFlag = "",
    notice_given: NoticeFlag = False,
    ice_server: IceServersFlag = None,
    relay_only: RelayOnlyFlag = False,
    duration: DurationFlag = None,
    leave_alone_after: AloneFlag = None,
    take_over: TakeOverFlag = False,
    report: ReportFlag = None,
    metrics_port: MetricsPortFlag = None,
    metrics_host: MetricsHostFlag = DEFAULT["metrics_host"].default,
    json: JsonFlag = False,
) -> None:
    """Run one bot in the foreground until the room closes or ctrl-C."""
    if policy is None:
        raise SettingsRefused(
            "choose a policy: --policy presence, aggregate or individual (or CLASSPULSE_POLICY); "
            "a real meeting has no default"
        )
    settings = make_settings(
        room_url=room_url, policy=policy, title=title, bot_name=bot_name, k=k, reads_per_s=reads_per_s, engine=engine,
        engine_fallback=engine_fallback, bus=bus, host=host, port=port, tls_cert=tls_cert, tls_key=tls_key,
        behind_proxy=behind_proxy, trusted_proxies=read_trusted_proxies(trusted_proxy),
        public_url=read_public_url(public_url), allowed_hosts=read_allowed_hosts(allowed_host),
        metrics_port=metrics_port, metrics_host=metrics_host, notice_given=notice_given,
        ice=chosen_ice(ice_server, relay_only=relay_only), max_duration_s=duration,
        leave_alone_after_s=leave_alone_after, take_over=take_over,
    )  # fmt: skip
    from bot.foreground import Foreground, stay

    raise typer.Exit(stay(settings, Foreground(json=json, report=report)))


@app.command()
def watch(
    link: Annotated[
        str,
        typer.Argument(
            envvar=LINK_VARIABLE,
            help="An instructor's link, as the bot or classpulse link printed it. "
            "Everybody on this machine sees what stands here: - reads it from stdin.",
        ),
    ],
    *,
    json: JsonFlag = False,
) -> None:
    """Show a class live in this terminal."""
    from dashboard_protocol.terminal import watch_in_terminal

    given = sys.stdin.readline().strip() if link == "-" else link
    raise typer.Exit(asyncio.run(watch_in_terminal(given, json=json)))


@app.command()
def version() -> None:
    """Print the version."""
    from bot import __version__

    print(__version__)


def make_settings(**values: Any) -> Settings:
    """Check flags and make settings of them.

    Raises:
        SettingsRefused: One of them cannot be used.
    """
    return checked(Settings, values)


def _exit_code(error: Exception) -> int | None:
    """Give 2 for usage, 1 for every other error that is not a bug, None for a bug."""
    if isinstance(error, BotError | DashboardError):
        return 2 if isinstance(error, USAGE_ERRORS) else 1
    from engine.errors import EngineError, ModelRefused  # with numpy, which most commands do without

    if isinstance(error, EngineError):
        return 2 if isinstance(error, ModelRefused) else 1
    return None


def main() -> None:
    """Run the command; every error that is not a bug ends in one line and an exit code: 2 for usage, else 1."""
    log_plainly(os.environ.get("CLASSPULSE_LOG", "WARNING"))
    for stream in (sys.stdout, sys.stderr):
        speak_plainly(stream)
    forbid_core_dumps()
    return_pictures_to_the_system()
    try:
        app()
    except BrokenPipeError:
        # Whoever read the events has gone; there is nobody left to read more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (ModuleNotFoundError, NotImplementedError) as error:  # the second by event loops that take no signals
        if isinstance(error, ModuleNotFoundError) and error.name not in UNIX_ONLY:
            raise
        print(f"classpulse: {NEEDS_UNIX}", file=sys.stderr)
        sys.exit(2)
    except Exception as error:
        code = _exit_code(error)
        if code is None:
            raise
        print(plain_lines(f"classpulse: {error}"), file=sys.stderr)
        sys.exit(code)


if __name__ == "__main__":
    main()
