"""`python -m bot.settings.table` writes `deploy/SETTINGS.md`: every setting, for operators."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from bot.settings.client import ClientSettings, LogSettings, StateSettings, WatchSettings, WebhookSettings
from bot.settings.flags import shown_default
from bot.settings.joining import Settings
from bot.settings.meeting import MeetingOptions
from bot.settings.service import EngineSettings, GatewaySettings, WorkerSettings
from bot.settings.spoken import SpokenSettings
from dashboard_protocol.settings.invitation import InvitationOptions
from dashboard_protocol.settings.setting import allowed, settings_of

Models = tuple[type[BaseModel], ...]
TABLE: dict[str, Models] = {
    "demo": (Settings,),
    "join": (Settings,),
    "recording": (Settings,),
    "check-room": (Settings,),
    "serve": (GatewaySettings,),
    "worker": (WorkerSettings,),
    "engine": (EngineSettings,),
    "invite": (InvitationOptions, WebhookSettings, ClientSettings),
    **dict.fromkeys(("people", "bots", "webhooks", "leave", "link", "home", "consent", "revoke"), (ClientSettings,)),
    "report": (ClientSettings, SpokenSettings),
    "watch": (WatchSettings,),
}
"""Command → the models whose settings it takes."""
EVERYWHERE: Models = (StateSettings, LogSettings)
"""Models whose settings every process reads from its environment."""
TARGET = Path(__file__).parents[2] / "deploy" / "SETTINGS.md"
HEAD = """# Settings

Made by `python -m bot.settings.table`; a test compares. A flag overrides its variable. Where `[_FILE]` stands, the
variable may also name a file that holds the value. What an invitation may say at `POST /v1/bots` is marked
*invitation*; what a worker hands to every meeting, *meeting*. Flags that are no settings, such as `--json`, stand in
each command's `-h`.

| flag | variable | of | what | allowed | default |
|---|---|---|---|---|---|
"""


def markdown() -> str:
    """Return the table of all settings; what several commands take alike is one row."""
    rows: dict[tuple[str, ...], dict[str, None]] = {}
    every: list[type[BaseModel]] = [model for models in (*TABLE.values(), EVERYWHERE) for model in models]
    for model in dict.fromkeys(every):
        for row, takers in _rows(model):
            rows.setdefault(row, {}).update(dict.fromkeys(takers))
    lines = [(row[0], row[1], ", ".join(takers), *row[2:]) for row, takers in rows.items()]
    return HEAD + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _rows(model: type[BaseModel]) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Yield flag, variable, sentence, what is allowed and the default of each setting, and who takes it."""
    for name, (setting, field) in settings_of(model).items():
        takers = [command for command in setting.commands.split() if model in TABLE[command]]
        if setting.commands and not takers:
            continue
        flag = setting.spelled(name).replace("/", "`, `")
        variable = f"`{setting.variable}`" + ("[_FILE]" if setting.is_secret else "") if setting.variable else ""
        row = (
            f"`{flag}`" if flag else "",
            variable,
            setting.help,
            allowed(setting, field),
            shown_default(setting, field),
        )
        yield row, [*(takers or ["every process"]), *_marks(model, name)]


def _marks(model: type[BaseModel], name: str) -> list[str]:
    kinds = {"invitation": InvitationOptions, "meeting": MeetingOptions}
    return [f"*{word}*" for word, kind in kinds.items() if issubclass(model, kind) and name in kind.model_fields]


if __name__ == "__main__":
    TARGET.write_text(markdown(), encoding="utf-8")
