"""`classpulse check-room`: whether a bot could work in a meeting, found out by a visit that reads nobody."""

import asyncio
import json as json_text
import signal
import sys
from typing import Annotated

import typer

from bot.errors import RoomError, SettingsRefused
from bot.settings import Settings
from bot.settings.flags import takes_settings
from dashboard_protocol.errors import RoomNotAllowed
from dashboard_protocol.room_urls import LOCAL, read_room
from dashboard_protocol.settings.command_line import ExitCode, add_command
from dashboard_protocol.view.plain_text import plain
from dashboard_protocol.vocabulary import Profile

EXAMPLES = (
    "classpulse check-room jitsi+https://meet.example.org/Physics",
    "classpulse check-room browser+https://example.org/class --json",
)
STAY_S = 20.0


def add_check_room(app: typer.Typer) -> None:
    """Add the command to the command line."""
    add_command(app, check_room, EXAMPLES, "check-room")


@takes_settings("check-room", policy=Profile.PRESENCE, max_duration_s=STAY_S)
def check_room(
    settings: Settings,
    *,
    patience: Annotated[
        float, typer.Option(min=1, max=3600, help="Seconds to wait until somebody lets the bot in.")
    ] = 120.0,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON line.")] = False,
) -> None:
    """Visit a meeting and say what a bot finds there.

    It joins as every bot does, so that everybody sees it, and says step by step what it finds: whether it is let in,
    how many people are there, which codecs their cameras send, and whether their pictures can be decoded. It leaves
    when every camera was looked at. Nobody is read, and nothing is kept. Exit code 0 where a bot could work, 1 where
    a camera cannot be decoded or the visit broke off, 3 where nothing answers, 4 where the bot is not let in.
    """
    raise typer.Exit(asyncio.run(_check(settings, patience, json)))


async def _check(settings: Settings, patience_s: float, json: bool) -> ExitCode:
    from bot.room_check import Findings, check

    address = _address(settings.room_url)
    findings = Findings(say=_say)
    _say("meeting", address)
    visiting = asyncio.create_task(check(settings, findings, patience_s=patience_s), name="check")
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, visiting.cancel)
    error: RoomError | None = None
    try:
        await visiting
    except RoomError as failure:
        error = failure
    except asyncio.CancelledError:
        error = RoomError("the visit was broken off")
    findings.summarise()
    if json:
        print(json_text.dumps({"room": address, **findings.as_json(), "error": error and str(error)}), flush=True)
    if error is not None:
        raise error
    return ExitCode.DONE if findings.is_good else ExitCode.FAILED


def _address(room_url: str) -> str:
    """Return a meeting's address as it may be shown.

    Raises:
        SettingsRefused: It is none, or of a room that a bot brings along.
    """
    try:
        address = read_room(room_url)
    except RoomNotAllowed as error:
        raise SettingsRefused(str(error)) from error
    if address.places[0].scheme == LOCAL:
        raise SettingsRefused(f"{address.bare} is there as long as its bot is: check-room visits meetings elsewhere")
    return address.bare


def _say(word: str, text: str) -> None:
    print(plain(f"{word:<10} {text}".rstrip()), file=sys.stderr, flush=True)
