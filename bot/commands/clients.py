"""`classpulse invite`, `bots`, `webhooks`, `leave` and `report`: the control API from a shell."""

import json as json_text
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.settings.client import ClientSettings, WebhookSettings
from bot.settings.flags import takes_settings
from bot.settings.spoken import SpokenSettings
from dashboard_protocol.language import speaking
from dashboard_protocol.room_urls import is_key
from dashboard_protocol.settings.command_line import add_command
from dashboard_protocol.settings.invitation import InvitationOptions
from dashboard_protocol.view.plain_text import plain, plain_lines

if TYPE_CHECKING:
    from rich.table import Table

    from dashboard_protocol.control_api.client import ControlClient
    from dashboard_protocol.control_api.schemas import BotView

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON line.")]
BotId = Annotated[str, typer.Argument(help="As `classpulse bots` shows it.")]


EXAMPLES = {
    "invite": (
        "classpulse invite local://seminar --policy presence",
        "classpulse invite janus+ws://127.0.0.1:8188/1234 --policy aggregate --json",
    ),
    "bots": ("classpulse bots", "classpulse bots --json --url https://class.example.org"),
    "webhooks": ("classpulse webhooks 3f2a",),
    "leave": ("classpulse leave 3f2a",),
    "report": ("classpulse report seminar --out seminar.html", "classpulse report seminar --lang de"),
}


def add_clients(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (invite, bots, webhooks, leave, report):
        add_command(app, command, EXAMPLES[command.__name__])


@takes_settings("invite")
def invite(
    options: InvitationOptions, webhooks: WebhookSettings, gateway: ClientSettings, *, json: JsonFlag = False
) -> None:
    """Invite a bot into a meeting."""
    from dashboard_protocol.control_api.schemas import BotRequest, WebhookRequest

    webhook = None
    if webhooks.webhook is not None:
        secret, alerts = webhooks.webhook_secret or "", webhooks.webhook_alerts
        webhook = WebhookRequest(url=webhooks.webhook, secret=secret, alerts=alerts)
    wanted = BotRequest(**dict(options), webhook=webhook)
    with open_client(gateway) as client:
        view = client.invite(wanted)
    if json:
        print(plain(view.model_dump_json()))
    else:
        print(plain_lines(f"bot        {view.id}\nroom       {view.room}"))
        if view.link is not None:
            print(plain(f"dashboard  {view.link}"))
        if view.join is not None:
            print(plain(f"join       {view.join}"))
        print(plain(f"privacy    {view.privacy}"))


@takes_settings("bots")
def bots(gateway: ClientSettings, *, json: JsonFlag = False) -> None:
    """Show how the bots of the key stand, newest first.

    A key of the scope admin sees everybody's.
    """
    with open_client(gateway) as client:
        views = client.bots()
    if json:
        print(plain("[" + ",".join(view.model_dump_json() for view in views) + "]"))
    else:
        show_table(_table(views))
        for view in views:
            if view.join is not None:
                print(plain(f"{view.room} is joined at {view.join}"))


@takes_settings("webhooks")
def webhooks(gateway: ClientSettings, bot_id: BotId, *, json: JsonFlag = False) -> None:
    """Show a bot's notifications to its webhook, each try."""
    with open_client(gateway) as client:
        deliveries = client.webhooks(bot_id)
    if json:
        print(plain("[" + ",".join(delivery.model_dump_json() for delivery in deliveries) + "]"))
        return
    rows = []
    for known in deliveries:
        last = known.attempts[-1] if known.attempts else None
        answer = "" if last is None else last.problem or str(last.status)
        of = known.type if known.state is None else known.state.state.value
        rows.append((known.id, of, known.status.value, str(len(known.attempts)), answer))
    show_table(plain_table(("id", "of", "status", "tries", "last answer"), rows))


@takes_settings("leave")
def leave(gateway: ClientSettings, bot_id: BotId, *, json: JsonFlag = False) -> None:
    """Make a bot leave its meeting."""
    with open_client(gateway) as client:
        view = client.leave(bot_id)
    print(plain(view.model_dump_json() if json else f"{view.id} is {view.state.value}; asked to leave"))


@takes_settings("report")
def report(
    gateway: ClientSettings,
    spoken: SpokenSettings,
    room: Annotated[str, typer.Argument(help="The room, as `classpulse bots` shows it, or its address.")],
    *,
    out: Annotated[Path | None, typer.Option(help="The HTML file, CSV beside it; ROOM.html here if absent.")] = None,
    json: JsonFlag = False,
) -> None:
    """Write the report of a room's newest class.

    It is made from what the gateway keeps of the class.
    """
    from dashboard_protocol.report import NewestClass, report_paths, write_report

    if out is not None:
        report_paths(out)
    newest = NewestClass()
    with open_client(gateway) as client:
        key = client.room(room)
        path = out or Path(f"{key if is_key(key) else 'report'}.html")
        report_paths(path)
        for event in client.history(key):
            newest.apply(event)
    with speaking(spoken.language):
        html, table = write_report(newest.record, path)
    written = {"html": str(html), "csv": str(table)}
    print(json_text.dumps(written) if json else plain_lines(f"report     {html}\ntable      {table}"))


def open_client(gateway: ClientSettings) -> "ControlClient":
    """Open a client of the control API; what it brings along takes longer to import than the rest of a command."""
    from dashboard_protocol.control_api.client import ControlClient

    return ControlClient(gateway.url, gateway.api_key)


def plain_table(columns: Sequence[str], rows: "Iterable[Sequence[object]]") -> "Table":
    """Build a table; what rooms and people are called is text in it, and nothing that is obeyed."""
    from rich.table import Table

    table = Table(box=None)
    for column in columns:
        table.add_column(column, overflow="fold")  # nothing is cut: what is long goes on in the next line
    for row in rows:
        table.add_row(*map(plain, row))
    return table


def show_table(table: "Table") -> None:
    """Print a table, in which nothing is markup."""
    from rich.console import Console

    Console(highlight=False, markup=False).print(table)


def _table(views: "Iterable[BotView]") -> "Table":
    rows = ((view.id, view.room, view.policy.value, view.state.value, view.reason or "") for view in views)
    return plain_table(("bot", "room", "policy", "state", "reason"), rows)
