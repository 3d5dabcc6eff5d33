"""Pure: the STUN and TURN servers by which media finds its way. None is asked unless somebody names it."""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from bot.errors import SettingsRefused

CREDENTIALS_VARIABLE = "CLASSPULSE_ICE_CREDENTIALS"
EXAMPLE = "write stun:HOST[:PORT], turn:HOST[:PORT][?transport=tcp] or turns:HOST[:PORT]"
URL = re.compile(
    r"(?P<scheme>stun|turns?):(?:(?P<userinfo>[^@]*)@)?(?P<host>[A-Za-z0-9._-]+)(?::(?P<port>\d{1,5}))?"
    r"(?:\?transport=(?P<transport>udp|tcp))?"
)
LINK = re.compile(r"<(?P<url>[^>]*)>(?P<parameters>(?:\s*;\s*[\w*-]+\s*=\s*(?:\"[^\"]*\"|[^\s;,\"]+))*)")
PARAMETER = re.compile(r";\s*([\w*-]+)\s*=\s*(?:\"([^\"]*)\"|([^\s;,\"]+))")
PORTS = {"stun": 3478, "turn": 3478, "turns": 5349}


@dataclass(frozen=True, slots=True)
class IceServer:
    """One server."""

    scheme: str
    """`stun`, `turn`, or `turns` (TURN over TLS)."""
    host: str
    port: int
    transport: str = "udp"
    """How a TURN server is reached: `udp` or `tcp`."""
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Its address, without secrets."""
        return f"{self.scheme}:{self.host}:{self.port}" + (
            "" if self.scheme == "stun" else f"?transport={self.transport}"
        )


@dataclass(frozen=True, slots=True)
class Ice:
    """Where media may go."""

    servers: tuple[IceServer, ...] = ()
    """At most one STUN and one TURN server: the media library uses no more."""
    relay_only: bool = False
    """Whether media goes through the TURN server only, so that nobody learns this machine's address."""

    @property
    def relay(self) -> IceServer | None:
        """The TURN server."""
        return next((server for server in self.servers if server.scheme != "stun"), None)


NO_ICE = Ice()
"""Nobody is asked; media takes a direct path."""


def read_ice(urls: Sequence[str], credentials: str | None = None, *, relay_only: bool = False) -> Ice:
    """Read what the operator named.

    Args:
        urls: Servers; a TURN server's may carry its own `USER:PASSWORD@`, percent-encoded.
        credentials: The same for a TURN server whose address has none.
        relay_only: See `Ice`.

    Raises:
        SettingsRefused: They cannot be used; the text shows no secret.
    """
    servers = tuple(_read_server(url, credentials) for url in urls)
    relays = sum(server.scheme != "stun" for server in servers)
    if relays > 1 or len(servers) - relays > 1:
        raise SettingsRefused("--ice-server: name one STUN and one TURN server at most")
    if relay_only and not relays:
        raise SettingsRefused("--relay-only needs a TURN server to go through: give --ice-server turn:HOST")
    return Ice(servers, relay_only)


def read_links(links: Sequence[str]) -> Ice:
    """Read what a WHIP or WHEP server names (RFC 9725, section 4.6); what cannot be used is passed over.

    Args:
        links: Values of its Link headers.
    """
    servers: dict[bool, IceServer] = {}
    for link in LINK.finditer(", ".join(links)):
        given = {name.lower(): quoted or plain for name, quoted, plain in PARAMETER.findall(link["parameters"])}
        credentials = ":".join(quote(given.get(name, ""), safe="") for name in ("username", "credential"))
        if given.get("rel") == "ice-server":
            with suppress(SettingsRefused):
                server = _read_server(link["url"], credentials)
                servers.setdefault(server.scheme == "stun", server)
    return Ice(tuple(servers.values()))


def _read_server(url: str, credentials: str | None) -> IceServer:
    found = URL.fullmatch(url)
    if found is None or not 0 < int(found["port"] or 1) <= 65535:
        # What cannot be read is not shown either: a part of it may be a password.
        raise SettingsRefused(f"--ice-server: this is no ICE server: {EXAMPLE}")
    shown = url.rpartition("@")[2]
    scheme = found["scheme"]
    port = int(found["port"] or PORTS[scheme])
    if scheme == "stun":
        if found["userinfo"] or found["transport"]:
            raise SettingsRefused(f"--ice-server {shown}: a STUN server has neither user nor transport: {EXAMPLE}")
        return IceServer(scheme, found["host"], port)
    transport = found["transport"] or ("tcp" if scheme == "turns" else "udp")
    if scheme == "turns" and transport == "udp":
        raise SettingsRefused(f"--ice-server {shown}: TURN over TLS goes by TCP: leave out the transport")
    user, _, password = (found["userinfo"] or credentials or "").partition(":")
    if not user or not password:
        raise SettingsRefused(
            f"--ice-server {shown} needs a user and a password: set {CREDENTIALS_VARIABLE}=USER:PASSWORD, "
            f"or {CREDENTIALS_VARIABLE}_FILE to a file with them"
        )
    return IceServer(scheme, found["host"], port, transport, unquote(user), unquote(password))
