"""Pure: the address of a Janus room, `janus+ws(s)://HOST:PORT/ROOM?pin=…&token=…`, taken apart."""

import re
from dataclasses import dataclass, field

from bot.errors import SettingsRefused
from dashboard_protocol.errors import RoomNotAllowed
from dashboard_protocol.room_urls import read_room

ROOM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
SCHEMES = {"janus+ws": "ws", "janus+wss": "wss"}


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
        """The room as Janus wants it named: by a number unless the server is set to use text."""
        return int(self.room) if self.room.isdecimal() else self.room


def read_address(url: str) -> JanusAddress:
    """Take an address apart.

    Raises:
        SettingsRefused: It is none.
    """
    example = "write janus+ws://HOST:8188/ROOM, with ?pin=… where the room has one"
    try:
        (place,) = read_room(url).places
    except (RoomNotAllowed, ValueError) as error:
        raise SettingsRefused(f"This is no address of a Janus room: {example}") from error
    scheme = SCHEMES.get(place.scheme)
    *path, room = place.segments or ("",)
    if scheme is None or not ROOM.fullmatch(room):
        raise SettingsRefused(f"{place.bare} is no address of a Janus room: {example}")
    shown_host = f"[{place.host}]" if ":" in place.host else place.host
    secrets = dict(reversed(place.query))  # the first of a name counts
    return JanusAddress(
        url="/".join([f"{scheme}://{shown_host}:{place.port}", *path]),
        host=place.host,
        room=room,
        pin=secrets.get("pin") or None,
        token=secrets.get("token") or None,
    )
