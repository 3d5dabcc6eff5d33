"""The command `classpulse`: flags → settings → app, and nothing else."""

import asyncio
import gc
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.commands import (
    add_access,
    add_check_room,
    add_clients,
    add_engine,
    add_evaluation,
    add_people,
    add_recording,
    add_servers,
)
from bot.errors import SettingsRefused
from bot.exit_codes import exit_code
from bot.memory import forbid_core_dumps, return_pictures_to_the_system
from bot.settings import DEMO_ALERTS, Settings
from bot.settings.client import LogSettings, WatchSettings
from bot.settings.flags import from_environment, takes_settings
from bot.terminal_encoding import speak_plainly
from dashboard_protocol.language import speaking
from dashboard_protocol.settings.command_line import ExitCode, add_command, new_app, run
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
EXAMPLES = (
    "classpulse demo",
    "classpulse join local://seminar --policy presence",
    "classpulse serve",
    "classpulse invite local://seminar --policy presence",
)

app = new_app(
    "classpulse",
    f"A visible meeting participant that shows an instructor how the class is doing.\n\n{NOTICE}",
    EXAMPLES,
)

ReportFlag = Annotated[
    Path | None, typer.Option(help="Write the class's report here when it is over: HTML, and CSV beside it.")
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print every event as one JSON line; all else to stderr.")]
DEMO = (
    "classpulse demo",
    "classpulse demo --duration 60 --report out.html --lang de",
    "classpulse demo --clip lecture.mp4 --gallery",
)
JOIN = (
    "classpulse join local://seminar --policy presence",
    "classpulse join janus+ws://127.0.0.1:8188/1234 --policy aggregate",
    "classpulse join local://r --policy presence --report class.html --json",
)
WATCH = ('classpulse watch "$(classpulse link seminar)"', "classpulse link seminar | classpulse watch -")


@takes_settings("demo", room_url="local://demo", title="Demo class", policy=Profile.AGGREGATE, alerts=DEMO_ALERTS)
def demo(
    settings: Settings,
    *,
    clip: Annotated[list[Path] | None, typer.Option(help="Also publish this video file as a participant.")] = None,
    gallery: Annotated[
        bool, typer.Option("--gallery", help="Show the class as somebody else's gallery, shared as one window.")
    ] = False,
    report: ReportFlag = None,
    json: JsonFlag = False,
) -> None:
    """Show a class of twelve drawn people on this machine.

    Page, room and bot are one process; nothing leaves the machine.
    """
    from bot.rooms.publishing.cast import Cast

    is_individual = settings.policy is Profile.INDIVIDUAL
    if gallery and is_individual:
        raise SettingsRefused("nobody is known by name in a gallery: choose --policy aggregate or presence")
    if gallery:
        settings = settings.model_copy(update={"notice_given": True})  # those in it are drawn
    cast = Cast("demo", tuple(clip or ()), opts_in=is_individual, in_one_window=gallery)
    from bot.foreground import Foreground, stay

    raise typer.Exit(stay(settings, Foreground(json=json, report=report, guests=cast, opens_at_root=True)))


@takes_settings("join")
def join(settings: Settings, *, report: ReportFlag = None, json: JsonFlag = False) -> None:
    """Run one bot in the foreground, until ctrl-C.

    It also ends when the room closes.
    """
    from bot.foreground import Foreground, stay

    raise typer.Exit(stay(settings, Foreground(json=json, report=report)))


@takes_settings("watch")
def watch(settings: WatchSettings, *, json: JsonFlag = False) -> None:
    """Show a class live in this terminal."""
    from dashboard_protocol.terminal import watch_in_terminal

    given = sys.stdin.readline().strip() if settings.link == "-" else settings.link
    with speaking(settings.language):
        raise typer.Exit(asyncio.run(watch_in_terminal(given, json=json)))


def version() -> None:
    """Print the version."""
    from bot import __version__

    print(__version__)


for command, examples in ((demo, DEMO), (join, JOIN), (watch, WATCH), (version, ["classpulse version"])):
    add_command(app, command, examples)
add_check_room(app)
add_servers(app)
add_engine(app)
add_people(app)
add_recording(app)
add_evaluation(app)
add_clients(app)
add_access(app)


def main() -> None:
    """Run the command; every error that is not a bug ends in one line, with the exit code of its kind."""
    for stream in (sys.stdout, sys.stderr):
        speak_plainly(stream)
    gc.freeze()  # what is loaded by now stays: to search it for garbage takes a tenth of a small command's time
    forbid_core_dumps()
    return_pictures_to_the_system()
    try:
        run(app, "classpulse", _begin, exit_code, _show)
    except BrokenPipeError:
        # Whoever read the events has gone; there is nobody left to read more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.FAILED)
    except (ModuleNotFoundError, NotImplementedError) as error:  # the second by event loops that take no signals
        if isinstance(error, ModuleNotFoundError) and error.name not in UNIX_ONLY:
            raise
        _show(f"classpulse: {NEEDS_UNIX}")
        sys.exit(ExitCode.USAGE)


def _begin() -> None:
    log_plainly(from_environment(LogSettings).log)


def _show(text: str) -> None:
    print(plain_lines(text), file=sys.stderr)


if __name__ == "__main__":
    main()
