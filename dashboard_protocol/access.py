"""Who may watch which room: an instructor's link, and the short session token it is exchanged for.

Both are signed tokens (JWT, HS256 and nothing else) that name their use and their room. Every cause of refusal gives
the same answer.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from dashboard_protocol.consent import Consents
from dashboard_protocol.errors import AccessDenied
from dashboard_protocol.messages import REFUSAL
from dashboard_protocol.pseudonyms import Pseudonyms
from dashboard_protocol.revocations import Revocations
from dashboard_protocol.room_urls import meeting_key, read_room
from dashboard_protocol.tokens import Signer

LINK_S = 12 * 3600.0
SESSION_S = 600.0
OPERATOR_S = 60.0
_OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Session:
    """Leave to watch one room, until it expires or its link is revoked."""

    room: str
    since: float
    """When the link was made, Unix seconds."""
    expires_at: float
    """Unix seconds."""


class Access:
    """Makes and checks links and session tokens of all rooms."""

    def __init__(
        self,
        secret: bytes,
        *,
        link_s: float = LINK_S,
        session_s: float = SESSION_S,
        clock: Callable[[], float] = time.time,
        revocations: Revocations | None = None,
    ) -> None:
        """Take the signing secret.

        Args:
            secret: at least 32 bytes, the same in every gateway (`load_secret`).
            link_s: how long a link opens its room.
            session_s: how long a session token does.
            clock: Unix seconds.
            revocations: shared with other gateways; None for those of this process alone.

        Raises:
            SecretRefused: The secret is too short.
        """
        self._secret = secret
        self._signer = Signer(secret, clock)
        self._link_s = link_s
        self._session_s = session_s
        self._clock = clock
        self.revocations = revocations or Revocations(clock=clock)
        self.pseudonyms = Pseudonyms(secret)

    def key_of(self, room_url: str) -> str:
        """Return the key of the meeting at an address, the same wherever this secret is.

        Raises:
            RoomNotAllowed: It is no address.
        """
        return meeting_key(self._secret, read_room(room_url))

    def operator_token(self, port: int) -> str:
        """Return what opens the control API to whoever holds the secret: for a minute, and at one port only.

        Whoever else listens at that port and catches it can use it nowhere.
        """
        now = self._clock()
        return self._signer.sign(_OPERATOR, f"port {port}", now, now + OPERATOR_S)

    def is_operator(self, token: str, port: int) -> bool:
        """Whether a token is the operator's, for the port at which it came in."""
        try:
            self._signer.read(_OPERATOR, f"port {port}", token)
        except AccessDenied:
            return False
        return True

    @property
    def consents(self) -> Consents:
        """What makes and checks people's consents, with the same secret and the same revocations."""
        return Consents(self._signer, self.revocations, self.pseudonyms)

    def link(self, room: str) -> str:
        """Return a link token that opens `room` for 12 h, or until `revoke`."""
        now = self._clock()
        return self._signer.sign("link", room, now, now + self._link_s)

    def exchange(self, room: str, link: str) -> tuple[str, float]:
        """Return a session token for a link token, and in how many seconds it expires.

        Raises:
            AccessDenied: The link does not open this room, whatever the cause.
        """
        held = self._read("link", room, link)
        expires_at = min(held.expires_at, self._clock() + self._session_s)
        return self._signer.sign("session", room, held.since, expires_at), expires_at - self._clock()

    def verify(self, room: str, token: str) -> Session:
        """Return the session behind a session token.

        Raises:
            AccessDenied: The token does not open this room, whatever the cause.
        """
        return self._read("session", room, token)

    def remaining_s(self, session: Session) -> float:
        """Return for how many seconds the session still holds: 0 once it expired or was revoked."""
        if session.since <= self.revocations.at(_key(session.room)):
            return 0.0
        return max(0.0, session.expires_at - self._clock())

    def revoke(self, room: str) -> None:
        """Close every link and session of `room` made so far; links made later open it again."""
        # A link older than its life needs no revocation.
        self.revocations.note(_key(room), self._clock() + self._link_s)

    def _read(self, use: str, room: str, token: str) -> Session:
        try:
            claims = self._signer.read(use, room, token)
        except AccessDenied:
            raise AccessDenied(REFUSAL) from None
        session = Session(room=room, since=claims["since"], expires_at=claims["exp"])
        if not self.remaining_s(session) > 0:
            raise AccessDenied(REFUSAL)
        return session


def _key(room: str) -> str:
    return f"room {room}"


def instructor_url(origin: str, room: str, link: str) -> str:
    """Return the address to hand to an instructor; the link stands in the fragment, which no server logs.

    Args:
        origin: scheme, host and port, e.g. `http://127.0.0.1:8080`.
        room: the meeting's key.
        link: what `Access.link` made.
    """
    return f"{origin.rstrip('/')}/rooms/{quote(room, safe='')}#t={link}"
