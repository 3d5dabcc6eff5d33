"""Every setting of a bot, once: name, unit, default, environment variable. Only `bot/app.py` reads them."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bot.alerts import AlertParameters
from bot.errors import SettingsRefused
from dashboard_protocol.events import Profile

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


class Settings(BaseModel):
    """How one bot serves one room."""

    model_config = ConfigDict(frozen=True)

    room_url: str
    """Which meeting; the scheme picks the connector."""
    policy: Profile
    """What may be computed and what may leave the bot; nobody chooses it but the operator."""
    title: str | None = None
    """The room's name for people; None takes the room's own."""
    bot_name: str = "Class view"
    """Display name in the meeting, before the suffix that cannot be removed."""
    k: Annotated[int, Field(ge=3)] = 5
    """Fewest analysed people for class values."""
    reads_per_s: Annotated[float, Field(gt=0, le=30)] = 4.0
    """Wanted reads of each participant a second."""
    engine: Path | None = None
    """Expression network: a .onnx or .plan file; None is the one that ships."""
    engine_threads: Annotated[int, Field(ge=1, le=64)] = 2
    """Worker threads that find and read faces."""
    bus: str = "memory://"
    """How events travel to the gateway."""
    host: str = "127.0.0.1"
    """Address that HTTP and, in a local room, media listen on."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """TCP port of page and feed; 0 takes a free one."""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    behind_proxy: bool = False
    """A proxy in front ends TLS."""
    notice_given: bool = False
    """The operator says that people were told, where a room cannot show the bot."""
    max_duration_s: Annotated[float, Field(gt=0)] | None = None
    """Leave after this time, counted from when the bot is live; None stays until the room closes."""
    alerts: AlertParameters = AlertParameters()
    """When a change of the class is told."""

    @model_validator(mode="after")
    def _refuse_open_doors(self) -> "Settings":
        if self.host not in LOOPBACK_HOSTS and not (self.behind_proxy or (self.tls_cert and self.tls_key)):
            raise SettingsRefused(
                f"--host {self.host} is reachable from other machines: give --tls-cert and --tls-key, "
                "or --behind-proxy when a proxy in front of it ends TLS"
            )
        if bool(self.tls_cert) != bool(self.tls_key):
            raise SettingsRefused("--tls-cert and --tls-key belong together: give both or none")
        return self

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach page and room."""
        return self.host in LOOPBACK_HOSTS


DEMO_ALERTS = AlertParameters(
    min_people=6, warm_up_s=30.0, block_s=6.0, reference_s=60.0, silence_s=30.0, reset_share=0.5
)
"""A demo has minutes, not hours, and eight people: everything faster, told in `hello`."""
