"""What holds for every meeting of a machine: checked when a worker starts, and handed to each meeting's process."""

import re
import socket
from pathlib import Path
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from bot.errors import SettingsRefused
from bot.ice_servers import CREDENTIALS_VARIABLE, Ice, read_ice
from bot.settings.server import listed
from bot.settings.spoken import SpokenSettings
from dashboard_protocol.settings.setting import Setting

DAY_S = 86_400.0
Bus = Annotated[
    str,
    Setting(
        "How events and invitations travel: memory:// within this process, redis://HOST:PORT/0, rediss://… or "
        "redis+sentinel://…; an address with a password better by the variable or its file.",
        commands="join serve worker",
        variable="CLASSPULSE_BUS",
        value="URL",
        is_secret=True,
    ),
]
Retention = Annotated[
    float,
    Field(ge=0.01 * DAY_S, le=3650 * DAY_S),
    Setting(
        "Days that a class and what became of its bot are kept.",
        commands="serve worker",
        flag="--retention",
        variable="CLASSPULSE_RETENTION",
        value="DAYS",
        per_unit=DAY_S,
    ),
]
Fallback = Annotated[
    bool,
    Setting(
        "Where a .plan does not fit this machine, read on the CPU and say so; else it is refused.",
        commands="join worker engine recording",
        variable="CLASSPULSE_ENGINE_FALLBACK",
    ),
]


_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9_])?|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+")


def _hosts(entries: list[str]) -> tuple[str, ...]:
    for entry in entries:
        if not _HOST.fullmatch(entry):
            raise ValueError(f"{entry!r} is no host: a name or an address, without scheme and port")
    return tuple(entry.lower() for entry in entries)


class MeetingOptions(SpokenSettings):
    """The part of a bot's settings that does not depend on its room. A name that is not known is refused."""

    reads_per_s: Annotated[
        float,
        Field(ge=0.1, le=30),
        Setting("Wanted reads of each participant a second.", commands="join worker recording", value="NUMBER"),
    ] = 4.0
    engine: Annotated[
        str | None,
        Setting(
            "Expression network: a .onnx or .plan file, or ipc:// for a running `classpulse engine`.",
            commands="demo join worker recording",
            variable="CLASSPULSE_ENGINE",
            value="FILE",
            default="the one that ships",
        ),
    ] = None
    engine_fallback: Fallback = False
    engagement_model: Annotated[
        str | None,
        Setting(
            "Learned head that is shown as `model` beside single people's index, under individual only; what "
            "`classpulse engagement-evaluate --train-head` made.",
            commands="join worker recording",
            variable="CLASSPULSE_ENGAGEMENT_MODEL",
            value="FILE",
            default="none",
        ),
    ] = None
    engine_threads: Annotated[
        int,
        Field(ge=1, le=64),
        Setting("Threads that find and read faces, for each meeting.", commands="worker", value="NUMBER"),
    ] = 2
    bus: Bus = "memory://"
    retention_s: Retention = 7 * DAY_S
    share_with_class: Annotated[
        bool,
        Setting(
            "Let people in a local room see the page that their teacher sees: the class, read only; not under the "
            "policy individual.",
            commands="join worker",
            variable="CLASSPULSE_SHARE_WITH_CLASS",
        ),
    ] = False
    leave_alone_after_s: Annotated[
        float | None,
        Field(ge=0),
        Setting(
            "Leave after so many seconds with nobody else in the room, 0 for never.",
            commands="join worker",
            flag="--leave-alone-after",
            variable="CLASSPULSE_LEAVE_ALONE_AFTER",
            value="SECONDS",
            default="900; never in a local room",
        ),
    ] = None
    media_host: Annotated[
        str | None,
        Setting(
            "Address of this machine on which local rooms receive video, 0.0.0.0 for all.",
            commands="worker",
            variable="CLASSPULSE_MEDIA_HOST",
            value="ADDRESS",
            default="that of the page, which is loopback",
        ),
    ] = None
    """None: the one that HTTP listens on."""
    ice_server: Annotated[
        tuple[str, ...],
        BeforeValidator(lambda given: given.split() if isinstance(given, str) else given),
        Field(repr=False),
        Setting(
            "stun:HOST or turn(s):HOST[:PORT][?transport=tcp]; may be repeated. None is asked unless named. "
            f"User and password of a TURN server: {CREDENTIALS_VARIABLE}=USER:PASSWORD, or "
            f"{CREDENTIALS_VARIABLE}_FILE.",
            commands="join worker check-room",
            variable="CLASSPULSE_ICE_SERVERS",
            value="URL",
        ),
    ] = ()
    relay_only: Annotated[
        bool,
        Setting(
            "Media goes through the TURN server only.",
            commands="join worker check-room",
            variable="CLASSPULSE_RELAY_ONLY",
        ),
    ] = False
    ice_credentials: Annotated[
        str | None,
        Field(repr=False),
        Setting(
            "USER:PASSWORD of a TURN server whose address has none.",
            commands="join worker check-room",
            flag="",
            variable=CREDENTIALS_VARIABLE,
            is_secret=True,
        ),
    ] = None

    chromium: Annotated[
        str | None,
        Setting(
            "Chromium, which opens the pages of browser rooms.",
            commands="join worker check-room",
            variable="CLASSPULSE_CHROMIUM",
            value="PROGRAM",
            default="the one on PATH",
        ),
    ] = None
    browser_hosts: Annotated[
        tuple[str, ...],
        listed(_hosts),
        Setting(
            "Hosts in a private network that the pages of browser rooms may reach besides their own: HOST, …",
            commands="join worker check-room",
            flag="--browser-host",
            variable="CLASSPULSE_BROWSER_HOSTS",
            value="HOSTS",
            default="none",
        ),
    ] = ()

    site_secrets: Annotated[
        Path | None,
        Setting(
            "File of the API secrets of BigBlueButton servers, a line each: HOST SECRET. Meetings there are joined by "
            "their ids: bbb+https://HOST/MEETING_ID.",
            commands="join worker check-room",
            variable="CLASSPULSE_SITE_SECRETS",
            value="FILE",
            default="none: join links are signed by others",
        ),
    ] = None

    @model_validator(mode="after")
    def _refuse_servers_that_cannot_be_used(self) -> Self:
        _ = self.ice
        return self

    @property
    def ice(self) -> Ice:
        """Servers by which media finds its way."""
        return read_ice(self.ice_server, self.ice_credentials, relay_only=self.relay_only)


def check_media_host(address: str | None) -> None:
    """Refuse an address on which this machine cannot receive video.

    Raises:
        SettingsRefused: It is none of this machine's.
    """
    if address is None:
        return
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(address, 0, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.bind(where)
    except OSError as error:
        raise SettingsRefused(f"--media-host {address} is no address of this machine ({error})") from error
