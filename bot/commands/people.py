"""`classpulse people`: drawn people who join a meeting, to see a bot at work where nobody else is."""

import asyncio
import signal
import sys
from contextlib import suppress
from typing import Annotated

import typer

from bot.commands.clients import open_client
from bot.settings.client import ClientSettings
from bot.settings.flags import takes_settings
from dashboard_protocol.errors import ControlRefused, ControlUnreachable, RoomNotAllowed
from dashboard_protocol.room_urls import LOCAL, read_room
from dashboard_protocol.settings.command_line import add_command
from dashboard_protocol.view.plain_text import plain

EXAMPLES = ("classpulse people local://seminar", "classpulse people janus+ws://127.0.0.1:8188/1234 --count 3")


def add_people(app: typer.Typer) -> None:
    """Add the command to the command line."""
    add_command(app, people, EXAMPLES)


@takes_settings("people")
def people(
    gateway: ClientSettings,
    room_url: Annotated[
        str,
        typer.Argument(
            help="local://NAME of a bot that was invited; what invite printed behind join; a WHIP endpoint; "
            "janus+ws(s)://HOST:PORT/ROOM."
        ),
    ],
    *,
    count: Annotated[int, typer.Option(min=1, max=64, help="How many.")] = 8,
    duration: Annotated[
        float | None, typer.Option(min=0.1, help="They leave after so many seconds, counted from when all are in.")
    ] = None,
) -> None:
    """Send drawn people into a meeting, until ctrl-C.

    It must be one that takes publishers.
    """
    asyncio.run(_send(_reached(room_url, gateway), count, duration))


def _reached(room_url: str, gateway: ClientSettings) -> str:
    """Return where a room is joined: a local one at the gateway that knows its bot, or at a bot that stands alone."""
    try:
        address = read_room(room_url)
    except RoomNotAllowed:
        return room_url
    if address.places[0].scheme != LOCAL:
        return room_url
    with open_client(gateway) as client:
        try:
            for bot in client.bots():
                if bot.join is not None and bot.room_url == address.bare:
                    return bot.join
        except ControlUnreachable:
            raise
        except ControlRefused:  # a bot in the foreground takes no invitations, and lists none
            pass
        return f"{client.url.rstrip('/')}/join/{address.name}"


async def _send(room_url: str, count: int, duration_s: float | None) -> None:
    from bot.rooms.publishing.people import send_people

    async def stay() -> None:
        try:
            async with asyncio.timeout(None) as limit:

                def connected(number: int) -> None:
                    said = f"people     {number} in the room; ctrl-C makes them leave"
                    print(plain(said), file=sys.stderr, flush=True)
                    if duration_s is not None:
                        limit.reschedule(asyncio.get_running_loop().time() + duration_s)

                await send_people(room_url, count, connected)
        except TimeoutError:
            if not limit.expired():
                raise

    staying = asyncio.create_task(stay())
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, staying.cancel)
    with suppress(asyncio.CancelledError):
        await staying
