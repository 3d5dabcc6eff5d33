"""One bot in the foreground of a terminal: its events on stdout, its report in a file, ctrl-C to leave."""

import asyncio
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from bot.app import Addresses, Guests, Surroundings, run
from bot.settings import Settings
from dashboard_protocol.codec import encode
from dashboard_protocol.events import BotState, EndReason, Event
from dashboard_protocol.record import Record
from dashboard_protocol.report import report_paths, write_report

GOOD_ENDS = frozenset({EndReason.ASKED_TO_LEAVE, EndReason.MAX_DURATION, EndReason.ROOM_CLOSED, EndReason.ALONE})


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


def stay(settings: Settings, foreground: Foreground) -> int:
    """Run the bot until its stay ends.

    Returns:
        The exit code: 0 when it ended as wanted, 1 otherwise.

    Raises:
        ReportRefused: The report could not be written; told before the class begins.
        BotError, DashboardError, EngineError: As `run`.
    """
    if foreground.report is not None:
        report_paths(foreground.report)
    record = Record()
    try:
        reason = asyncio.run(_until_stopped(settings, foreground, record))
    finally:
        if foreground.report is not None and record.hello is not None:
            say(f"report     {write_report(record, foreground.report)[0]}")
    return 0 if reason in GOOD_ENDS else 1


def say(text: str) -> None:
    """Tell a person something, on stderr, so that stdout stays for machines."""
    print(text, file=sys.stderr, flush=True)


async def _until_stopped(settings: Settings, foreground: Foreground, record: Record) -> EndReason:
    def show(event: Event) -> None:
        record.apply(event)
        if foreground.json:
            print(encode(event), flush=True)
        elif isinstance(event.body, BotState):
            say(f"{event.body.state.value:<10} {(event.body.reason or '').replace('_', ' ')}".rstrip())

    def tell(addresses: Addresses) -> None:
        origin = addresses.dashboard.partition("/rooms/")[0]
        say(f"dashboard  {origin if foreground.opens_at_root else addresses.dashboard}")
        if addresses.join is not None:
            say(f"join       {addresses.join}")
        say("ctrl-C makes the bot leave the room")

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return await run(
        settings,
        Surroundings(
            stop=stop,
            tell=tell,
            show=show,
            guests=foreground.guests,
            opens_at_root=foreground.opens_at_root,
        ),
    )
