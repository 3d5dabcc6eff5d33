"""Pure: which requests a server takes, by Host and Origin, and whose they are, also behind proxies that are believed.

A page of a foreign name that a rebound DNS record leads to this server carries its own name as Host; a foreign page
that posts a form carries its own Origin. Neither gets past these rules, whatever the route behind them does.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
ANY_HOST_PATHS = frozenset({"/healthz", "/readyz"})
"""Load balancers ask these by whatever address they know; they say nothing of anybody and change nothing."""
LTI_LOGIN, LTI_LAUNCH = "/lti/login", "/lti/launch"
POSTED_FROM_ANYWHERE = frozenset({LTI_LOGIN, LTI_LAUNCH})
"""A page of a learning platform posts these, as LTI has it, and from which of its sites only it knows. Neither goes by
anything that a browser brings along unasked: the first changes nothing, the second takes what the platform signed, in
the browser that began it."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
DEFAULT_PORTS = {"http": "80", "https": "443", "ws": "80", "wss": "443"}
IPV6_SHARE = 64
"""Bits: what a household or a server gets, and walks through at will."""

_HOST = re.compile(r"(?:\[([0-9a-fA-F:.]{2,45})\]|([A-Za-z0-9._-]{1,253}))(?::([0-9]{1,5}))?")

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a request that is not taken is answered."""

    status: int
    text: str


WRONG_HOST = Refusal(
    421, "Nothing is served here under this name. Operators list names with --public-url or --allowed-host."
)
WRONG_ORIGIN = Refusal(403, "This request comes from a page of another site.")


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a request the rules look at; header texts as they came, empty where absent."""

    path: str
    method: str
    """Empty for a WebSocket."""
    host: str
    origin: str = ""
    fetch_site: str = ""
    """Of `Sec-Fetch-Site`: what the browser says of the page that asks."""
    reached_at: str = ""
    """The address of this machine at which the request arrived."""


@dataclass(frozen=True, slots=True)
class RequestRules:
    """What one server takes. This machine's loopback names and the address a request arrived at are always its own."""

    hosts: frozenset[str] = frozenset()
    """Further names and addresses of this server, lower case, without ports."""
    origins: frozenset[str] = frozenset()
    """Pages of other hosts that may open the feed and ask for changes, e.g. `https://lms.example.org`."""
    proxies: tuple[Network, ...] = ()
    """Whose word on the asker's address and scheme is believed."""

    @classmethod
    def reached_under(
        cls, public_url: str | None, *, hosts: Iterable[str] = (), proxies: Iterable[Network] = ()
    ) -> "RequestRules":
        """Return the rules of a server.

        Args:
            public_url: what links begin with, as `checked_public_url` returns it; its pages are the server's own.
            hosts: further names, as `allowed_hosts` returns them.
            proxies: whose word is believed.
        """
        names = frozenset(hosts) if public_url is None else {*hosts, _bare(urlsplit(public_url).hostname or "")}
        origins = frozenset(() if public_url is None else (public_url,))
        return cls(frozenset(names), origins, tuple(proxies))

    def serving(self, host: str) -> "RequestRules":
        """Return the same with the name or address that the server listens on."""
        return replace(self, hosts=self.hosts | {_bare(host)})

    def refusal(self, asked: Asked) -> Refusal | None:
        """Return why a request is not taken; None for one that is."""
        if not self._owns(asked):
            return WRONG_HOST
        if asked.method not in SAFE_METHODS and not self._takes_origin(asked):
            return WRONG_ORIGIN
        return None

    def believes(self, peer: str) -> bool:
        """Whether an address is that of a proxy whose word counts."""
        address = _address(peer)
        return address is not None and any(address in network for network in self.proxies)

    def asker(self, peer: str, forwarded: Sequence[str]) -> str:
        """Return the address of whoever asks.

        Args:
            peer: at the other end of the connection.
            forwarded: every `X-Forwarded-For` of the request, in order. Each proxy adds at the right whom it heard, so
                that what stands left of the first stranger is a stranger's word.
        """
        found = peer
        for text in reversed(",".join(forwarded).split(",") if forwarded else []):
            if not self.believes(found):
                break
            address = _address(_without_port(text.strip()))
            if address is None:
                break
            found = str(address)
        return found

    def _owns(self, asked: Asked) -> bool:
        if asked.path in ANY_HOST_PATHS and asked.method in SAFE_METHODS:
            return True
        name = host_name(asked.host)
        return name is not None and (name in LOOPBACK_NAMES or name in self.hosts or name == _bare(asked.reached_at))

    def _takes_origin(self, asked: Asked) -> bool:
        """Decide by what only browsers send, and only they carry foreign pages."""
        if asked.path in POSTED_FROM_ANYWHERE or asked.origin.lower() in self.origins:
            return True
        if asked.fetch_site:
            return asked.fetch_site in ("same-origin", "none")
        return not asked.origin or _is_same_site(asked.origin, asked.host)


OWN_ONLY = RequestRules()
"""Of a server that nobody reaches but by its own address."""


def asker(connection: "HTTPConnection") -> str:
    """Return the key under which whoever sent a request is limited: an IPv4 address, or the /64 of an IPv6 one."""
    return share_of(connection.client.host if connection.client else "")


def share_of(address: str) -> str:
    """Return the part of the internet that one asker has for themselves."""
    found = _address(address)
    if isinstance(found, IPv6Address):
        return str(IPv6Network((found, IPV6_SHARE), strict=False))
    return address if found is None else str(found)


def host_name(header: str) -> str | None:
    """Return the name or address in a Host header, lower case and without the port; None where it is no such header."""
    match = _HOST.fullmatch(header)
    if match is None or int(match[3] or 0) > 65_535:
        return None
    return _bare(match[1] or match[2])


def trusted_proxies(entries: Iterable[str]) -> tuple[Network, ...]:
    """Read addresses of proxies, `10.0.0.0/8` or `192.0.2.7`.

    Raises:
        ValueError: An entry is none; the text says which.
    """
    try:
        return tuple(ip_network(entry) for entry in entries)
    except ValueError as error:
        raise ValueError(f"{error}: write an address or a network, e.g. 192.0.2.7 or 10.0.0.0/8") from None


def allowed_hosts(entries: Iterable[str]) -> frozenset[str]:
    """Read names under which a server is reached.

    Raises:
        ValueError: An entry is none; the text says which.
    """
    names = set()
    for entry in entries:
        name = host_name(f"[{entry}]" if entry.count(":") > 1 and not entry.startswith("[") else entry)
        if name is None:
            raise ValueError(f"{entry!r} is no name of a server: write a host name or an address, without scheme")
        names.add(name)
    return frozenset(names)


def _is_same_site(origin: str, host: str) -> bool:
    """Whether an Origin names the host that was asked, the port included; a proxy may have ended TLS in between."""
    try:
        parts = urlsplit(origin)
        default = DEFAULT_PORTS.get(parts.scheme)
        theirs = (_bare(parts.hostname or ""), str(parts.port) if parts.port is not None else default)
    except ValueError:
        return False
    match = _HOST.fullmatch(host)
    return match is not None and default is not None and theirs == (_bare(match[1] or match[2]), match[3] or default)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def _without_port(text: str) -> str:
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


def _bare(host: str) -> str:
    """Write a name or an address in the one way in which it is compared."""
    name = host.lower().removesuffix(".")
    address = _address(name)
    return name if address is None else str(address)
