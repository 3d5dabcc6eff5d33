"""Which addresses a webhook may have: none inside the operator's network, unless the operator lists it."""

import asyncio
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from dashboard_protocol.errors import WebhookRefused

PORTS = {"http": 80, "https": 443}
RESOLVE_S = 3.0
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")


class Origin(NamedTuple):
    """Scheme, host and port of a URL."""

    scheme: str
    host: str
    port: int


class Checked(NamedTuple):
    """Where a webhook leads."""

    origin: Origin
    addresses: list[str]
    """IP addresses, best first."""


class AllowedReceivers:
    """Public addresses over https, and what the operator lists.

    Args:
        entries: `SCHEME://HOST[:PORT]`, that may be http, and lie in a private network.

    Raises:
        WebhookRefused: An entry is none.
    """

    def __init__(self, entries: Iterable[str] = ()) -> None:
        self._listed = frozenset(map(_origin, entries))

    async def check(self, url: str) -> Checked:
        """Resolve a webhook's URL once; whoever connects must take one of these addresses, and not ask again.

        Raises:
            WebhookRefused: The URL is unusable or leads into a private network.
            OSError: The name has no address now.
        """
        origin = _origin(url)
        is_listed = origin in self._listed
        if origin.scheme != "https" and not is_listed:
            raise WebhookRefused("A webhook must be https, unless the operator lists it (CLASSPULSE_WEBHOOKS).")
        addresses = await _resolve(origin)
        if not is_listed and not all(map(is_public, addresses)):
            raise WebhookRefused(
                "The webhook leads into a private network: the operator may list it (CLASSPULSE_WEBHOOKS)."
            )
        return Checked(origin, addresses)


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet, also behind what carries IPv4 in IPv6."""
    if "%" in address:  # a scope: link-local
        return False
    found = ip_address(address)
    if isinstance(found, IPv4Address):
        return found.is_global and not found.is_multicast
    if found.ipv4_mapped is not None:
        return is_public(str(found.ipv4_mapped))
    if found in _NAT64:
        return is_public(str(IPv4Address(found.packed[12:])))
    if found.sixtofour is not None:  # Python 3.11.10 and 3.12.4 began to call all of 2002::/16 not global
        return is_public(str(found.sixtofour))
    return found in _GLOBAL_UNICAST and found.is_global and all(map(is_public, map(str, found.teredo or ())))


def _origin(url: str) -> Origin:
    try:
        parts = urlsplit(url)
        if parts.scheme not in PORTS or not parts.hostname or parts.username is not None or parts.fragment:
            raise ValueError
        port = PORTS[parts.scheme] if parts.port is None else parts.port
        return Origin(parts.scheme, parts.hostname.encode("idna").decode().lower().rstrip("."), port)
    except ValueError:  # of UnicodeError too
        raise WebhookRefused("A webhook is an address like https://HOST/PATH, without a user and a #.") from None


async def _resolve(origin: Origin) -> list[str]:
    async with asyncio.timeout(RESOLVE_S):
        found = await asyncio.get_running_loop().getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
