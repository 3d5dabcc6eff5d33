"""The flags that say how a server is reached: under which names, through which proxies, and where figures stand."""

from collections.abc import Callable
from typing import Annotated, TypeVar

import typer

from bot.errors import SettingsRefused
from dashboard_protocol.http.request_rules import Network, allowed_hosts, trusted_proxies

TrustedProxyFlag = Annotated[
    str,
    typer.Option(
        envvar="CLASSPULSE_TRUSTED_PROXIES",
        help="Proxies whose X-Forwarded-For and -Proto are believed: ADDRESS or NETWORK, … Nobody's if absent.",
    ),
]
AllowedHostFlag = Annotated[
    str,
    typer.Option(
        envvar="CLASSPULSE_ALLOWED_HOSTS",
        help="Further names and addresses under which this server is reached: HOST, … Others are answered 421.",
    ),
]
MetricsPortFlag = Annotated[
    int | None,
    typer.Option(
        envvar="CLASSPULSE_METRICS_PORT",
        min=0,
        max=65535,
        help="TCP port of /metrics; 0 for a free one, nothing is served if absent.",
    ),
]
MetricsHostFlag = Annotated[str, typer.Option(envvar="CLASSPULSE_METRICS_HOST", help="Address that it listens on.")]

Read = TypeVar("Read")


def read_trusted_proxies(text: str) -> tuple[Network, ...]:
    """Check the flag.

    Raises:
        SettingsRefused: It is no list of addresses.
    """
    return _read(text, trusted_proxies, "--trusted-proxy")


def read_allowed_hosts(text: str) -> frozenset[str]:
    """Check the flag.

    Raises:
        SettingsRefused: It is no list of names.
    """
    return _read(text, allowed_hosts, "--allowed-host")


def _read(text: str, reader: Callable[[list[str]], Read], flag: str) -> Read:
    try:
        return reader([part.strip() for part in text.split(",") if part.strip()])
    except ValueError as error:
        raise SettingsRefused(f"{flag}: {error}") from error
