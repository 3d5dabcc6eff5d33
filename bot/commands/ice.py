"""The flags that say by which servers media finds its way."""

from collections.abc import Sequence
from typing import Annotated

import typer

from bot.ice_servers import CREDENTIALS_VARIABLE, Ice, read_ice
from dashboard_protocol.auth.secrets_store import secret_setting

IceServersFlag = Annotated[
    list[str] | None,
    typer.Option(
        "--ice-server",
        envvar="CLASSPULSE_ICE_SERVERS",
        help="stun:HOST or turn(s):HOST[:PORT][?transport=tcp]; may be repeated. None is asked unless named. "
        f"User and password of a TURN server: {CREDENTIALS_VARIABLE}=USER:PASSWORD, or {CREDENTIALS_VARIABLE}_FILE.",
    ),
]
RelayOnlyFlag = Annotated[
    bool,
    typer.Option("--relay-only", envvar="CLASSPULSE_RELAY_ONLY", help="Media goes through the TURN server only."),
]


def chosen_ice(servers: Sequence[str] | None, *, relay_only: bool) -> Ice:
    """Read the flags, and the environment for what no flag should carry.

    Raises:
        SettingsRefused: The servers cannot be used.
        SecretRefused: The file with user and password cannot be read.
    """
    return read_ice(servers or (), secret_setting(CREDENTIALS_VARIABLE), relay_only=relay_only)
