"""What holds for every meeting of a machine: checked when a worker starts, and handed to each meeting's process."""

import socket
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.errors import SettingsRefused
from bot.ice_servers import NO_ICE, Ice

Checked = TypeVar("Checked", bound=BaseModel)


class MeetingOptions(BaseModel):
    """The part of a bot's settings that does not depend on its room. A name that is not known is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reads_per_s: Annotated[float, Field(gt=0, le=30)] = 4.0
    """Wanted reads of each participant a second."""
    engine: str | None = None
    """Expression network: a .onnx or .plan file, or the engine process at `ipc://PATH`; None is the one that ships."""
    engine_fallback: bool = False
    """Read on the CPU, with a warning, where a .plan does not fit this machine; else the bot does not start."""
    engine_threads: Annotated[int, Field(ge=1, le=64)] = 2
    """Worker threads that find and read faces."""
    bus: str = "memory://"
    """How events travel to the gateway."""
    retention_s: Annotated[float, Field(gt=0)] = 7 * 86_400.0
    """How long a class is kept on the bus."""
    ice: Ice = NO_ICE
    """Servers by which media finds its way."""
    media_host: str | None = None
    """Address of this machine that a local room receives video on; None: the one that HTTP listens on."""
    leave_alone_after_s: Annotated[float, Field(ge=0)] | None = None
    """Leave after so long with nobody else in the room, 0 for never; None: 15 minutes, never in a room of this process.
    """


def checked(model: type[Checked], values: dict[str, Any]) -> Checked:
    """Check flags and make settings of them.

    Raises:
        SettingsRefused: One of them is not known, or cannot be used; the text names its flag.
    """
    try:
        return model(**values)
    except ValidationError as error:
        problem = error.errors()[0]
        flag = "--" + str(problem["loc"][0]).replace("_", "-")
        raise SettingsRefused(f"{flag}: {problem['msg'].lower()}") from error


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
