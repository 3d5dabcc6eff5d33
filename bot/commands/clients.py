"""`classpulse invite`, `bots`, `webhooks`, `leave` and `report`: the control API from a shell."""

import json as json_text
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError

from bot.errors import SettingsRefused
from dashboard_protocol.auth.secrets_store import secret_setting
from dashboard_protocol.room_urls import is_key
from dashboard_protocol.view.plain_text import plain, plain_lines
from dashboard_protocol.vocabulary import Profile

if TYPE_CHECKING:
    from rich.table import Table

    from dashboard_protocol.control_api.client import ControlClient
    from dashboard_protocol.control_api.schemas import BotView

SECRET_VARIABLE = "CLASSPULSE_WEBHOOK_SECRET"
UrlFlag = Annotated[
    str | None, typer.Option("--url", envvar="CLASSPULSE_URL", help="The gateway; http://127.0.0.1:8080 if absent.")
]
KeyFlag = Annotated[
    str | None, typer.Option("--api-key", envvar="CLASSPULSE_API_KEY", help="What `classpulse key add` printed.")
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON line.")]
BotId = Annotated[str, typer.Argument(help="As `classpulse bots` shows it.")]


def add_clients(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (invite, bots, webhooks, leave, report):
        app.command()(command)


def invite(  # noqa: PLR0913  one parameter a flag
    room_url: Annotated[str, typer.Argument(help="The meeting.")],
    *,
    policy: Annotated[
        Profile | None, typer.Option(envvar="CLASSPULSE_POLICY", help="presence, aggregate or individual.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="The class's name for people.")] = None,
    bot_name: Annotated[str | None, typer.Option(help="The bot's display name.")] = None,
    join_at: Annotated[str | None, typer.Option(help="When, as 2026-09-01T09:00:00+02:00; now if absent.")] = None,
    duration: Annotated[float | None, typer.Option(help="Leave after so many seconds, counted from live.")] = None,
    webhook: Annotated[
        str | None,
        typer.Option(
            help=f"Who is notified of every state of the bot, signed with the secret in {SECRET_VARIABLE}[_FILE]."
        ),
    ] = None,
    url: UrlFlag = None,
    api_key: KeyFlag = None,
    json: JsonFlag = False,
) -> None:
    """Invite a bot into a meeting."""
    from dashboard_protocol.control_api.schemas import BotRequest

    given = {
        "policy": policy, "title": title, "bot_name": bot_name, "join_at": join_at, "max_duration_s": duration,
        "webhook": None if webhook is None else {"url": webhook, "secret": secret_setting(SECRET_VARIABLE) or ""},
    }  # fmt: skip
    try:
        wanted = BotRequest.model_validate({"room_url": room_url} | {k: v for k, v in given.items() if v is not None})
    except ValidationError as error:
        problem = error.errors()[0]
        raise SettingsRefused(f"{problem['loc'][0]}: {problem['msg'].lower()}") from error
    with open_client(url, api_key) as client:
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


def bots(*, url: UrlFlag = None, api_key: KeyFlag = None, json: JsonFlag = False) -> None:
    """Show where the bots that the key invited stand, newest first; everybody's for the scope admin."""
    with open_client(url, api_key) as client:
        views = client.bots()
    if json:
        print(plain("[" + ",".join(view.model_dump_json() for view in views) + "]"))
    else:
        show_table(_table(views))
        for view in views:
            if view.join is not None:
                print(plain(f"{view.room} is joined at {view.join}"))


def webhooks(
    bot_id: BotId,
    *,
    url: UrlFlag = None,
    api_key: KeyFlag = None,
    json: JsonFlag = False,
) -> None:
    """Show what a bot's webhook was notified of, and every try of it."""
    with open_client(url, api_key) as client:
        deliveries = client.webhooks(bot_id)
    if json:
        print(plain("[" + ",".join(delivery.model_dump_json() for delivery in deliveries) + "]"))
        return
    rows = []
    for known in deliveries:
        last = known.attempts[-1] if known.attempts else None
        answer = "" if last is None else last.problem or str(last.status)
        rows.append((known.id, known.state.state.value, known.status.value, str(len(known.attempts)), answer))
    show_table(plain_table(("id", "state", "status", "tries", "last answer"), rows))


def leave(
    bot_id: BotId,
    *,
    url: UrlFlag = None,
    api_key: KeyFlag = None,
    json: JsonFlag = False,
) -> None:
    """Make a bot leave its meeting."""
    with open_client(url, api_key) as client:
        view = client.leave(bot_id)
    print(plain(view.model_dump_json() if json else f"{view.id} is {view.state.value}; asked to leave"))


def report(
    room: Annotated[str, typer.Argument(help="The room, as `classpulse bots` shows it, or its address.")],
    *,
    out: Annotated[Path | None, typer.Option(help="The HTML file, CSV beside it; ROOM.html here if absent.")] = None,
    url: UrlFlag = None,
    api_key: KeyFlag = None,
    json: JsonFlag = False,
) -> None:
    """Write the report of a room's newest class, from what the gateway keeps of it."""
    from dashboard_protocol.report import NewestClass, report_paths, write_report

    if out is not None:
        report_paths(out)
    newest = NewestClass()
    with open_client(url, api_key) as client:
        key = client.room(room)
        path = out or Path(f"{key if is_key(key) else 'report'}.html")
        report_paths(path)
        for event in client.history(key):
            newest.apply(event)
    html, table = write_report(newest.record, path)
    written = {"html": str(html), "csv": str(table)}
    print(json_text.dumps(written) if json else plain_lines(f"report     {html}\ntable      {table}"))


def open_client(url: str | None, api_key: str | None) -> "ControlClient":
    """Open a client of the control API; what it brings along takes longer to import than the rest of a command."""
    from dashboard_protocol.control_api.client import ControlClient

    return ControlClient(url, api_key)


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
