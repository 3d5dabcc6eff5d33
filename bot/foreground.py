"""One bot in the foreground of a terminal: its events on stdout, its report in a file, ctrl-C to leave."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import tzinfo
from functools import partial
from pathlib import Path

from bot.app import Addresses, Guests, Surroundings, run
from bot.exit_codes import ENDS
from bot.settings import Settings
from dashboard_protocol.auth.secrets_store import state_directory
from dashboard_protocol.codec import encode
from dashboard_protocol.errors import ReportRefused
from dashboard_protocol.events import BotState, EndReason, Event
from dashboard_protocol.language import speaking
from dashboard_protocol.report import report_paths, write_report
from dashboard_protocol.settings.command_line import ExitCode
from dashboard_protocol.view.plain_text import plain
from dashboard_protocol.view.record import Record

Watch = Callable[[Event], object]
"""Sees every published event."""
Serve = Callable[[Settings, Surroundings], Coroutine[None, None, EndReason]]
"""As `bot.app.run`."""


@dataclass(frozen=True, slots=True)
class Foreground:
    """What the person at the terminal asked for."""

    json: bool = False
    """Whether stdout carries every event as a JSON line."""
    report: Path | None = None
    """Where the report of the class goes."""
    guests: Guests | None = None
    """Participants to bring along."""
    opens_at_root: bool = False
    """Whether `/` opens the page, for a demo."""
    serve: Serve = run
    """Serves the class; `run` a meeting."""
    loop: Callable[[], asyncio.AbstractEventLoop] | None = None
    """Makes the event loop; None for Python's own."""
    watching: Sequence[Watch] = ()
    zone: tzinfo | None = None
    """Where the report's times are shown; None for this machine's zone."""


def stay(settings: Settings, foreground: Foreground) -> int:
    """Run the bot until its stay ends.

    Returns:
        The exit code (`bot.exit_codes.ENDS`): 0 when it ended as wanted; a shell's for SIGPIPE when whoever read the
        events has gone, whereupon the bot left; 1 where the report is not where it was wanted.

    Raises:
        ReportRefused: The report could not be written; found out before the class begins.
        BotError, DashboardError, EngineError: As `run`.
    """
    with speaking(settings.language):
        return _stay(settings, foreground)


def _stay(settings: Settings, foreground: Foreground) -> int:
    if foreground.report is not None:
        report_paths(foreground.report)
    record = Record()
    is_where_wanted = True
    try:
        with asyncio.Runner(loop_factory=foreground.loop) as runner:
            reason = runner.run(_until_stopped(settings, foreground, record))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what Python flushes at its end
        return 128 + signal.SIGPIPE
    finally:
        if foreground.report is not None and record.hello is not None:
            is_where_wanted = _keep_report(record, foreground.report, foreground.zone)
    code = ENDS.get(reason, ExitCode.FAILED)
    return code or (ExitCode.DONE if is_where_wanted else ExitCode.FAILED)


def say(text: str) -> None:
    """Say something to a person, on stderr, so that stdout stays for machines."""
    with suppress(BrokenPipeError):  # nobody reads it any more, and the bot still has to leave its room
        print(plain(text), file=sys.stderr, flush=True)


async def _until_stopped(settings: Settings, foreground: Foreground, record: Record) -> EndReason:
    unread: list[BrokenPipeError] = []

    def show(event: Event) -> None:
        record.apply(event)
        for watch in foreground.watching:
            watch(event)
        if foreground.json and not unread:
            try:
                print(plain(encode(event)), flush=True)
            except BrokenPipeError as error:
                unread.append(error)
                stop.set()
        elif isinstance(event.body, BotState):
            say(f"{event.body.state.value:<10} {(event.body.reason or '').replace('_', ' ')}".rstrip())

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    reason = await foreground.serve(
        settings,
        Surroundings(
            stop=stop,
            report_addresses=partial(_say_addresses, opens_at_root=foreground.opens_at_root),
            show=show,
            guests=foreground.guests,
            opens_at_root=foreground.opens_at_root,
        ),
    )
    if unread:
        raise unread[0]
    return reason


def _say_addresses(addresses: Addresses, *, opens_at_root: bool) -> None:
    origin = addresses.dashboard.partition("/rooms/")[0]
    say(f"dashboard  {origin if opens_at_root else addresses.dashboard}")
    for name, address in (("join", addresses.join), ("share", addresses.share)):
        if address is not None:
            say(f"{name:<10} {address}")
    say("ctrl-C makes the bot leave the room")


def _keep_report(record: Record, path: Path, zone: tzinfo | None) -> bool:
    """Write the report; where that fails after all, into the state directory: the class will not come again."""
    try:
        say(f"report     {write_report(record, path, zone)[0]}")
    except ReportRefused as refusal:
        spare = state_directory() / f"report-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.html"
        say(f"{refusal}")
        say(f"report     {write_report(record, spare, zone)[0]} (kept here instead)")
        return False
    return True
