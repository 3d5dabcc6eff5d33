"""Pure: the address of a Janus room, `janus+ws(s)://HOST:PORT/ROOM?pin=…&token=…`, taken apart."""

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from bot.errors import SettingsRefused

ROOM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
SCHEMES = {"janus+ws": "ws", "janus+wss": "wss"}
PORTS = {"ws": 8188, "wss": 8989}


@dataclass(frozen=True, slots=True)
class JanusAddress:
    """Where a VideoRoom is, and what opens it."""

    url: str
    """WebSocket address of the server, without secrets."""
    host: str
    room: str
    """As it stands in the address."""
    pin: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    @property
    def room_id(self) -> int | str:
        """The room as Janus wants it named: by a number unless the server was told to use text."""
        return int(self.room) if self.room.isdecimal() else self.room


def read_address(url: str) -> JanusAddress:
    """Take an address apart.

    Raises:
        SettingsRefused: It is none.
    """
    example = "write janus+ws://HOST:8188/ROOM, with ?pin=… where the room has one"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise SettingsRefused(f"This is no address of a Janus room ({error}): {example}") from error
    scheme = SCHEMES.get(parts.scheme)
    path, _, room = unquote(parts.path).rpartition("/")
    if scheme is None or not host or not ROOM.fullmatch(room):
        raise SettingsRefused(f"{parts.scheme}://{host or ''}{parts.path} is no address of a Janus room: {example}")
    secrets = parse_qs(parts.query)
    shown_host = f"[{host}]" if ":" in host else host
    return JanusAddress(
        url=f"{scheme}://{shown_host}:{port or PORTS[scheme]}{path}",
        host=host,
        room=room,
        pin=secrets.get("pin", [None])[0],
        token=secrets.get("token", [None])[0],
    )
