"""Settings of a gateway, of a machine that runs bots, and of an engine process."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field

from bot.settings.meeting import Bus, Fallback, MeetingOptions, Retention
from bot.settings.server import FROZEN, Figures, Reach, listed
from dashboard_protocol.errors import RoomNotAllowed, WebhookRefused
from dashboard_protocol.room_urls import AllowedRooms
from dashboard_protocol.settings.setting import Setting
from dashboard_protocol.vocabulary import Profile

DEFAULT_BUS = "redis://127.0.0.1:6379/0"


def _allowed_rooms(entries: list[str]) -> tuple[str, ...]:
    try:
        AllowedRooms(entries)
    except RoomNotAllowed as error:
        raise ValueError(f"{','.join(entries)!r}: {error}") from None
    return tuple(entries)


def _allowed_receivers(entries: list[str]) -> tuple[str, ...]:
    from dashboard_protocol.webhooks.addresses import AllowedReceivers

    try:
        AllowedReceivers(entries)
    except WebhookRefused as error:
        raise ValueError(f"{','.join(entries)!r}: {error}") from None
    return tuple(entries)


class GatewaySettings(Reach):
    """How a gateway is served."""

    bus: Bus = DEFAULT_BUS
    rooms: Annotated[
        tuple[str, ...],
        listed(_allowed_rooms),
        Setting(
            "Meetings that may be named: local, SCHEME://HOST[:PORT], …",
            commands="serve",
            variable="CLASSPULSE_ROOMS",
            value="ROOMS",
        ),
    ] = ("local",)
    policy: Annotated[
        Profile | None,
        Setting(
            "Policy of invitations that name none.",
            commands="serve",
            variable="CLASSPULSE_POLICY",
            value="POLICY",
            default="they must name one",
        ),
    ] = None
    allowed_policies: Annotated[
        tuple[Profile, ...],
        listed(tuple),
        Setting(
            "Policies that an invitation may name.",
            commands="serve",
            variable="CLASSPULSE_ALLOWED_POLICIES",
            value="POLICIES",
        ),
    ] = tuple(Profile)
    webhooks: Annotated[
        tuple[str, ...],
        listed(_allowed_receivers),
        Setting(
            "Receivers of webhooks that may be http or in a private network: SCHEME://HOST[:PORT], …",
            commands="serve",
            variable="CLASSPULSE_WEBHOOKS",
            value="RECEIVERS",
            default="none",
        ),
    ] = ()
    lti: Annotated[
        Path | None,
        Setting(
            "Learning platforms whose courses open their classes here (LTI 1.3): a JSON file, see deploy/README.md.",
            commands="serve",
            variable="CLASSPULSE_LTI",
            value="FILE",
            default="none",
        ),
    ] = None
    retention_s: Retention = 7 * 86_400.0


class WorkerSettings(MeetingOptions, Figures):
    """How a machine runs bots."""

    bus: Bus = DEFAULT_BUS
    bots_bus: Annotated[
        str | None,
        Setting(
            "The bots' address of the worker's Redis, under a user who may do less.",
            commands="worker",
            flag="",
            variable="CLASSPULSE_BOTS_BUS",
            is_secret=True,
            default="that of CLASSPULSE_BUS",
        ),
    ] = None
    capacity: Annotated[int, Field(ge=1), Setting("Most meetings at once.", commands="worker", value="NUMBER")] = 4
    browser_bots: Annotated[
        int | None,
        Field(ge=0),
        Setting(
            "Most meetings at once that are pages, each of which has a Chromium of its own; 0 for none. Others are "
            "left to other workers.",
            commands="worker",
            variable="CLASSPULSE_BROWSER_BOTS",
            value="NUMBER",
            default="as many as the memory allows, 1,005 MB each",
        ),
    ] = None
    drain_s: Annotated[
        float,
        Field(ge=0),
        Setting(
            "Seconds that meetings may go on after SIGTERM; then others get them.",
            commands="worker",
            flag="--drain",
            value="SECONDS",
        ),
    ] = 30.0
    memory_mb: Annotated[
        int,
        Field(ge=512),
        Setting("Megabytes that one meeting's process may allocate.", commands="worker", value="MEGABYTES"),
    ] = 2000

    @property
    def options(self) -> MeetingOptions:
        """What every bot runs with; its bus is the worker's, under a user of its own where there is one."""
        chosen = {name: getattr(self, name) for name in MeetingOptions.model_fields}
        return MeetingOptions(**chosen | {"bus": self.bots_bus or self.bus})


class EngineSettings(BaseModel):
    """How one engine process serves the bots of its machine."""

    model_config = FROZEN

    model: Annotated[
        str | None,
        Setting(
            "Expression network: a .onnx or .plan file.",
            commands="engine",
            is_argument=True,
            default="the one that ships",
        ),
    ] = None
    listen: Annotated[
        str,
        Setting(
            "ipc://PATH of the Unix socket, in a folder of this user alone; ipc:// for the default.",
            commands="engine",
            variable="CLASSPULSE_ENGINE_LISTEN",
            value="URL",
        ),
    ] = "ipc://"
    threads: Annotated[
        int, Field(ge=1, le=64), Setting("Of the network on the CPU.", commands="engine", value="NUMBER")
    ] = 1
    engine_fallback: Fallback = False
