"""`classpulse key add`, `list` and `remove`: API keys of programs, and the end of them."""

import json as json_text
import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from bot.commands.clients import JsonFlag, plain_table, show_table
from bot.errors import SettingsRefused
from dashboard_protocol.control_api.api_keys import MAX_BOTS, ApiKey, ApiKeys, Scope
from dashboard_protocol.settings.command_line import add_command, new_group

DAY_S = 86_400.0

keys = new_group("API keys of programs.", ["classpulse key add lms --scope invite --days 200"])


def add_key(
    name: Annotated[str, typer.Argument(help="Whose key; an earlier one of this name no longer opens anything.")],
    *,
    scope: Annotated[list[Scope] | None, typer.Option(help="invite, watch, consent or admin; may be repeated.")] = None,
    days: Annotated[float | None, typer.Option(min=0.001, help="For so long; for ever if absent.")] = None,
    max_bots: Annotated[int, typer.Option(min=0, help="Bots that it may have at once, 0 for any number.")] = MAX_BOTS,
) -> None:
    """Make an API key and print it; only its hash is kept.

    What it invites is its own: other keys do not see it.
    """
    scopes = frozenset(scope or {Scope.INVITE, Scope.WATCH})
    print(ApiKeys().add(name, scopes, valid_s=None if days is None else days * DAY_S, max_bots=max_bots or None))


def list_keys(*, json: JsonFlag = False) -> None:
    """Show which keys there are; the log calls each by its mark."""
    known = ApiKeys().known()
    if json:
        print(json_text.dumps([_facts(key) for key in known]))
        return
    rows = (["" if value is None else value for value in _facts(key).values()] for key in known)
    show_table(plain_table(("name", "mark", "scopes", "made", "expires", "bots"), rows))


def remove_key(name: Annotated[str, typer.Argument(help="As `classpulse key list` shows it.")]) -> None:
    """Remove a key: it opens nothing any more, at once.

    The bots that it invited stay, and only keys of the scope admin see them.
    """
    if not ApiKeys().remove(name):
        raise SettingsRefused("there is no key of this name: see `classpulse key list`")
    print("removed; it opens nothing any more")


def _facts(key: ApiKey) -> dict[str, str | int | None]:
    over = " (over)" if key.is_over(time.time()) else ""
    return {
        "name": key.name,
        "mark": key.fingerprint,
        "scopes": " ".join(sorted(key.scopes)),
        "made": _day(key.made_at),
        "expires": None if key.expires_at is None else _day(key.expires_at) + over,
        "bots": key.max_bots,
    }


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="minutes")


for name, command, examples in (
    ("add", add_key, ("classpulse key add me", "classpulse key add lms --scope invite --days 200 --max-bots 10")),
    ("list", list_keys, ("classpulse key list --json",)),
    ("remove", remove_key, ("classpulse key remove lms",)),
):
    add_command(keys, command, examples, name)
