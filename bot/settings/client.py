"""Settings of what speaks to a gateway, and those that every process has from its environment."""

from enum import StrEnum, auto
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from bot.settings.spoken import SpokenSettings
from dashboard_protocol.auth.secrets_store import SECRET_VARIABLE
from dashboard_protocol.settings.setting import Setting

CLIENTS = "people invite bots webhooks leave report link home consent revoke"
WEBHOOK_SECRET_VARIABLE = "CLASSPULSE_WEBHOOK_SECRET"
KEYS_VARIABLE = "CLASSPULSE_KEYS"
FROZEN = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class ClientSettings(BaseModel):
    """Which gateway a command speaks to, and as whom."""

    model_config = FROZEN

    url: Annotated[
        str | None,
        Setting(
            "The gateway.",
            commands=CLIENTS,
            variable="CLASSPULSE_URL",
            value="URL",
            default="http://127.0.0.1:8080",
        ),
    ] = None
    api_key: Annotated[
        str | None,
        Setting(
            "What `classpulse key add` printed.",
            commands=CLIENTS,
            variable="CLASSPULSE_API_KEY",
            value="KEY",
            is_secret=True,
            default="what the same user runs on this machine is open without",
        ),
    ] = None


class WebhookSettings(BaseModel):
    """Who is notified of every state of a bot."""

    model_config = FROZEN

    webhook: Annotated[
        str | None,
        Field(max_length=500),
        Setting(
            f"Who is notified of every state of the bot, signed with the secret in {WEBHOOK_SECRET_VARIABLE}[_FILE].",
            commands="invite",
            value="URL",
            default="nobody",
        ),
    ] = None
    webhook_alerts: Annotated[
        bool,
        Setting("Notify it of every alert of the class too.", commands="invite"),
    ] = False
    webhook_secret: Annotated[
        str | None,
        Field(max_length=200, repr=False),
        Setting(
            "Signs what a webhook is sent: whsec_ and the base64 of 24 to 64 random bytes.",
            commands="invite",
            flag="",
            variable=WEBHOOK_SECRET_VARIABLE,
            is_secret=True,
        ),
    ] = None


class WatchSettings(SpokenSettings):
    """Which class is shown."""

    link: Annotated[
        str,
        Setting(
            "An instructor's link, as the bot or `classpulse link` printed it. Everybody on this machine sees what "
            "stands here: - reads it from stdin.",
            commands="watch",
            variable="CLASSPULSE_LINK",
            is_argument=True,
            is_secret=True,
            missing="give an instructor's link, - for stdin, or CLASSPULSE_LINK",
        ),
    ]


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = auto()
    INFO = auto()
    WARNING = auto()
    ERROR = auto()
    CRITICAL = auto()


def _lower(text: Any) -> Any:
    return text.lower() if isinstance(text, str) else text


class LogSettings(BaseModel):
    """What a process says of itself, on stderr."""

    model_config = FROZEN

    log: Annotated[
        LogLevel, BeforeValidator(_lower), Setting("What is logged.", flag="", variable="CLASSPULSE_LOG")
    ] = LogLevel.WARNING


class StateSettings(BaseModel):
    """Where a process keeps what must stay; read by `dashboard_protocol.auth`, where each is used."""

    model_config = FROZEN

    secret: Annotated[
        str | None,
        Field(min_length=32, repr=False),
        Setting(
            "At least 32 random bytes that sign every link and token and name every room: the same for all gateways, "
            "workers and bots of a service. A change of it ends every link, and renames every room: what was kept "
            "under the old names, history and opt-outs too, is not found again.",
            flag="",
            variable=SECRET_VARIABLE,
            is_secret=True,
            default="a private file in the state directory, made at first start",
        ),
    ] = None
    keys: Annotated[
        str | None,
        Setting("File of the API keys.", flag="", variable=KEYS_VARIABLE, default="keys.json in the state directory"),
    ] = None
    state: Annotated[
        str | None,
        Setting(
            "The state directory is the folder classpulse in it: secret, API keys, audit log, revocations.",
            flag="",
            variable="XDG_STATE_HOME",
            default="~/.local/state",
        ),
    ] = None
