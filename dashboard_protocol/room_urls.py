"""Pure: which meetings an invitation may name, and what a meeting is called on the bus."""

from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from dashboard_protocol.errors import RoomNotAllowed

LOCAL = "local"
MAX_NAME = 128


class AllowedRooms:
    """The operator's list: nothing else can be reached through an invitation.

    Args:
        entries: `SCHEME://HOST[:PORT]`, or `local`, for rooms that live in the worker; a port that is left out is the
            scheme's own, not any.
    """

    def __init__(self, entries: Iterable[str]) -> None:
        self._allowed = frozenset(_origin(entry) for entry in entries)

    def check(self, room_url: str) -> str:
        """Return the room's name on the bus.

        Raises:
            RoomNotAllowed: The URL is none, or its scheme, host and port are not on the list.
        """
        origin = _origin(room_url)
        if origin not in self._allowed:
            raise RoomNotAllowed("This room's scheme and host are not on the operator's list (CLASSPULSE_ROOMS).")
        return room_name(room_url)


def room_name(room_url: str) -> str:
    """Return what a meeting is called on the bus: the whole of a local room's name, else the last part of the path.

    Raises:
        RoomNotAllowed: The URL names no room.
    """
    parts = urlsplit(room_url)
    name = unquote(parts.netloc + parts.path if parts.scheme == LOCAL else parts.path.rstrip("/").rpartition("/")[2])
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise RoomNotAllowed(f"The URL must name a room, with 1 to {MAX_NAME} printable characters.")
    return name


def _origin(url: str) -> tuple[str, str, int | None]:
    try:
        parts = urlsplit(url)
        if parts.username is not None or parts.password is not None or url != url.strip():
            raise ValueError
        if url == LOCAL or parts.scheme == LOCAL:
            return LOCAL, "", None
        if not parts.scheme or not parts.hostname:
            raise ValueError
        return parts.scheme, parts.hostname, parts.port
    except ValueError:
        raise RoomNotAllowed("This is no room URL: it looks like janus+wss://HOST/ROOM or local://NAME.") from None
