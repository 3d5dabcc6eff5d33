"""Pure: the address of a meeting, read by one parser for checking, naming and connecting; and the key it is known by.

A meeting's key stands in events, links, histories and the audit log: a slug for people to read, and a keyed hash of the
whole address, so that rooms of one name on two servers are two rooms. Secrets in the address are no part of it.
"""

import hashlib
import hmac
import re
import unicodedata
from base64 import b32encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from dashboard_protocol.errors import RoomNotAllowed

LOCAL = "local"
LOCAL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What a room of this process may be called."""
MAX_NAME = 128
MAX_ADDRESS = 4000
"""Characters of an address, or of several."""
SECRETS = frozenset({"checksum", "jwt", "password", "pin", "sessionToken", "token"})
"""What of an address's query opens the room, and does not name it."""
KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}-[a-z2-7]{10}")

_LOCALLY = f"{LOCAL}://"
_PORTS = {"janus+ws": 8188, "janus+wss": 8989, "http": 80, "https": 443, "ws": 80, "wss": 443}
_STREAMS = frozenset({"whep+http", "whep+https"})
"""Several of these make one meeting, and some servers name a stream in the query."""
_NAMED_BY_QUERY = _STREAMS | {"browser+http", "browser+https"}
"""Where what stands in the query says which stream or meeting is meant; of a page nobody knows what else it says."""
_ANY_CASE = frozenset({"jitsi+http", "jitsi+https"})
"""Sites to which the name of a room is the same in whatever case."""
JOIN_BY_API = ("bigbluebutton", "api", "join")
"""Path of a join link of BigBlueButton: its query is signed as it is written, and says which meeting is meant."""
_API_SCHEMES = frozenset({"bbb+http", "bbb+https"})
_API_NAME = "meetingID"
_WITHOUT_BROWSER = frozenset({LOCAL, "janus+ws", "janus+wss", *_STREAMS})
"""Meetings that a bot is in without a browser of its own; every other is somebody's page."""
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9._-]{0,251}[a-z0-9_])?")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,30}")
_EXAMPLE = "This is no room URL: it looks like janus+wss://HOST/ROOM or local://NAME."


@dataclass(frozen=True, slots=True)
class Place:
    """One address, taken apart and made the same however it was written."""

    scheme: str
    host: str
    """Lower case, ASCII; an IPv6 address without its brackets; empty for a room of this process."""
    port: int | None
    """The scheme's own where none was given; None where the scheme has none that we know."""
    segments: tuple[str, ...]
    """Of the path, decoded; a room of this process has one, its name."""
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    signed_query: str = field(default="", repr=False)
    """The same as it was written, where a signature is good for that only."""

    @property
    def name(self) -> str:
        """What people call the meeting: the last part of the path, or what a join link says; may be empty."""
        named = [value for name, value in self._named_by_api() if value.isprintable() and len(value) <= MAX_NAME]
        return (named or self.segments or ("",))[-1]

    @property
    def origin(self) -> tuple[str, str, int | None]:
        """What an operator allows: scheme, host and port."""
        return self.scheme, self.host, self.port

    @property
    def bare(self) -> str:
        """The address without what is secret, and without what names nothing."""
        return self._written(sorted(self._named(_STREAMS)))

    @property
    def identity(self) -> str:
        """What distinguishes meetings: the same, and of a page what stands in its query, which is not to be shown."""
        return self._written(sorted([*self._named(_NAMED_BY_QUERY), *self._named_by_api()]))

    @property
    def url(self) -> str:
        """The whole address, secrets included, in the one way of writing it that every part of this software reads."""
        return self._written(self.query, self.signed_query)

    def _named_by_api(self) -> list[tuple[str, str]]:
        is_signed = self.scheme in _API_SCHEMES and self.segments == JOIN_BY_API
        return [pair for pair in self.query if is_signed and pair[0] == _API_NAME]

    def _named(self, schemes: frozenset[str]) -> list[tuple[str, str]]:
        return [pair for pair in self.query if self.scheme in schemes and pair[0] not in SECRETS]

    def _written(self, query: Iterable[tuple[str, str]], signed: str = "") -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        path = "/".join(quote(segment, safe="!$&'()*+,;=:@") for segment in self.segments)
        if self.scheme == LOCAL:
            return f"{LOCAL}://{path}"
        behind = signed or urlencode(list(query))
        return f"{self.scheme}://{host}{port}{f'/{path}' if path else ''}{f'?{behind}' if behind else ''}"


@dataclass(frozen=True, slots=True)
class RoomAddress:
    """Where a meeting is."""

    places: tuple[Place, ...]
    """One; several streams of WHEP servers are one meeting."""

    @property
    def url(self) -> str:
        """What a bot connects to, secrets included."""
        return " ".join(place.url for place in self.places)

    @property
    def bare(self) -> str:
        """The same without secrets: what may be shown."""
        return " ".join(sorted(place.bare for place in self.places))

    @property
    def identity(self) -> str:
        """What distinguishes meetings; not to be shown."""
        return " ".join(sorted(place.identity for place in self.places))

    @property
    def name(self) -> str:
        """What people call the room; empty where its address has no name."""
        return min(self.places, key=lambda place: place.bare).name


def is_page(room_url: str) -> bool:
    """Whether a bot needs a browser of its own to be in a meeting; False for what is no address."""
    try:
        return read_room(room_url).places[0].scheme not in _WITHOUT_BROWSER
    except RoomNotAllowed:
        return False


def read_room(text: str) -> RoomAddress:
    """Take a meeting's address apart; several WHEP streams stand with spaces between them.

    Raises:
        RoomNotAllowed: It is none; the text repeats no secret.
    """
    if len(text) > MAX_ADDRESS or text != text.strip():
        raise RoomNotAllowed(_EXAMPLE)
    written = [text] if text.lower().startswith(_LOCALLY) else text.split(" ")
    places = tuple(_read_place(part) for part in written)
    if len(places) > 1 and not all(place.scheme in _STREAMS for place in places):
        raise RoomNotAllowed("Only streams of WHEP servers make one meeting of several addresses.")
    return RoomAddress(places)


def meeting_key(secret: bytes, address: RoomAddress) -> str:
    """Return what a meeting is known by everywhere; it stands in a path as it is.

    Args:
        secret: as of links and tokens: without it nobody can say of which address a key is.
        address: where the meeting is.
    """
    digest = hmac.new(secret, b"meeting key\0" + address.identity.encode(), hashlib.sha256).digest()
    return f"{slug(address.name or address.places[0].host)}-{b32encode(digest)[:10].decode().lower()}"


def slug(name: str) -> str:
    """Return a name as it stands in front of a key: letters, digits, `.`, `_` and `-`, at most 32."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:32].strip(".-_") or "room"


def is_key(text: str) -> bool:
    """Whether a text looks like a meeting's key."""
    return KEY.fullmatch(text) is not None


def slug_of(key: str) -> str:
    """Return the readable part of a key."""
    return key.rpartition("-")[0]


class AllowedRooms:
    """The operator's list: nothing else can be reached through an invitation.

    Args:
        entries: `SCHEME://HOST[:PORT]`, or `local`, for rooms that live in the worker; a port that is left out is the
            scheme's own, not any.
    """

    def __init__(self, entries: Iterable[str]) -> None:
        places = (Place(LOCAL, "", None, ()) if entry == LOCAL else _read_place(entry) for entry in entries)
        self._allowed = frozenset(place.origin for place in places)

    def check(self, room_url: str) -> RoomAddress:
        """Return the address behind a text: connect to this, and to nothing that is read from the text again.

        Raises:
            RoomNotAllowed: The text is none, names no room, or scheme, host and port of any part are not on the list.
        """
        address = read_room(room_url)
        if not all(place.origin in self._allowed for place in address.places):
            raise RoomNotAllowed("This room's scheme and host are not on the operator's list (CLASSPULSE_ROOMS).")
        if not all(place.segments for place in address.places):
            raise RoomNotAllowed("The URL must name a room.")
        return address


def _read_place(text: str) -> Place:
    if text.lower().startswith(_LOCALLY):
        return Place(LOCAL, "", None, (_local_name(unquote(text[len(_LOCALLY) :])),))
    # What splits URLs drops tabs and line ends without a word, and what connects may take a backslash for a slash.
    if not text.isprintable() or any(c.isspace() or c in "\\#" for c in text):
        raise RoomNotAllowed(_EXAMPLE)
    try:
        parts = urlsplit(text)
        if not _SCHEME.fullmatch(parts.scheme) or not text[len(parts.scheme) :].startswith("://"):
            raise ValueError
        if "@" in parts.netloc or parts.netloc.endswith(":"):
            raise ValueError
        port = parts.port or _port_of(parts.scheme)
        query = tuple(parse_qsl(parts.query, keep_blank_values=True, errors="strict", max_num_fields=20))
        segments = _segments(parts.path)
        if parts.scheme in _ANY_CASE and segments:
            segments = (*segments[:-1], unicodedata.normalize("NFKC", segments[-1]).lower())
        signed = parts.query if parts.scheme in _API_SCHEMES and segments == JOIN_BY_API else ""
        return Place(parts.scheme, _host(parts.hostname or ""), port, segments, query, signed)
    except ValueError:
        raise RoomNotAllowed(_EXAMPLE) from None


def _local_name(name: str) -> str:
    if not LOCAL_NAME.fullmatch(name):
        shown = "".join(c if c.isprintable() else "?" for c in name[:80])
        raise RoomNotAllowed(f"local://{shown} is no room name: use letters, digits, '.', '_' and '-', at most 64")
    return name


def _port_of(scheme: str) -> int | None:
    return _PORTS.get(scheme, _PORTS.get(scheme.rpartition("+")[2]))


def _host(host: str) -> str:
    """Raise ValueError where it is none."""
    if ":" in host and "%" not in host:
        return ip_address(host).compressed
    plain = host.encode("idna").decode().lower().removesuffix(".")
    if not _HOST.fullmatch(plain):
        raise ValueError
    return plain


def _segments(path: str) -> tuple[str, ...]:
    """Raise ValueError where two servers might read the path differently."""
    segments = tuple(unquote(part, errors="strict") for part in path.strip("/").split("/")) if path.strip("/") else ()
    if path.startswith("//") or any(
        part in ("", ".", "..") or len(part) > MAX_NAME or not part.isprintable() for part in segments
    ):
        raise ValueError
    return segments
