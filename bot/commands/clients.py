"""`classpulse invite`, `bots` and `leave`: the control API from a shell."""

from collections.abc import Iterable
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from bot.errors import SettingsRefused
from dashboard_protocol.control import BotRequest, BotView
from dashboard_protocol.control_client import ControlClient
from dashboard_protocol.vocabulary import Profile

UrlFlag = Annotated[
    str | None, typer.Option("--url", envvar="CLASSPULSE_URL", help="The gateway; http://127.0.0.1:8080 if absent.")
]
KeyFlag = Annotated[
    str | None, typer.Option("--api-key", envvar="CLASSPULSE_API_KEY", help="What `classpulse key add` printed.")
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON line.")]


def add_clients(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (invite, bots, leave):
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
    url: UrlFlag = None,
    api_key: KeyFlag = None,
    json: JsonFlag = False,
) -> None:
    """Invite a bot into a meeting."""
    given = {
        "policy": policy, "title": title, "bot_name": bot_name, "join_at": join_at, "max_duration_s": duration,
    }  # fmt: skip
    try:
        wanted = BotRequest.model_validate({"room_url": room_url} | {k: v for k, v in given.items() if v is not None})
    except ValidationError as error:
        problem = error.errors()[0]
        raise SettingsRefused(f"{problem['loc'][0]}: {problem['msg'].lower()}") from error
    with ControlClient(url, api_key) as client:
        view = client.invite(wanted)
    if json:
        print(view.model_dump_json())
    else:
        print(f"bot        {view.id}\ndashboard  {view.link}")


def bots(*, url: UrlFlag = None, api_key: KeyFlag = None, json: JsonFlag = False) -> None:
    """Show where the bots of the last days stand, newest first."""
    with ControlClient(url, api_key) as client:
        views = client.bots()
    if json:
        print("[" + ",".join(view.model_dump_json() for view in views) + "]")
    else:
        Console(highlight=False).print(_table(views))


def leave(
    bot_id: Annotated[str, typer.Argument(help="As `classpulse bots` shows it.")],
    *,
    url: UrlFlag = None,
    api_key: KeyFlag = None,
    json: JsonFlag = False,
) -> None:
    """Make a bot leave its meeting."""
    with ControlClient(url, api_key) as client:
        view = client.leave(bot_id)
    print(view.model_dump_json() if json else f"{view.id} is {view.state.value}; asked to leave")


def _table(views: Iterable[BotView]) -> Table:
    table = Table("bot", "room", "policy", "state", "reason", "join", box=None)
    for view in views:
        table.add_row(view.id, view.room, view.policy.value, view.state.value, view.reason or "", view.join or "")
    return table
