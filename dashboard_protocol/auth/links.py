"""Who may watch which room: an instructor's link, and the short session token it is exchanged for.

Both are signed tokens (JWT, HS256 and nothing else) that name their use, their room and their class. Every cause of
refusal gives the same answer.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import quote

from dashboard_protocol.auth.consent import Consents
from dashboard_protocol.auth.pseudonyms import Pseudonyms
from dashboard_protocol.auth.revocations import Revocations
from dashboard_protocol.auth.teacher_links import TeacherLinks
from dashboard_protocol.auth.tokens import Signer
from dashboard_protocol.errors import AccessDenied
from dashboard_protocol.messages import REFUSAL
from dashboard_protocol.room_urls import meeting_key, read_room

LINK_S = 12 * 3600.0
SESSION_S = 600.0
"""A copied session opens nothing for longer than this; the page renews its own before."""
STANDING_S = 200 * 86_400.0
"""A term, and some."""
REPORT_S = 200 * 86_400.0
"""At most: a report is there for as long as the class's events are kept, and whoever revokes links ends it too."""
STANDING = ""
"""In place of a class: whichever is on."""
OPERATOR_S = 60.0
_OPERATOR = "operator"

Doing = Literal["mark", "overlay", "report"]
"""What an instructor does beside watching: sets marks, shows the class in a film, opens the report."""


@dataclass(frozen=True, slots=True)
class Session:
    """Leave to watch one class in a room, or whichever is on, until it expires or is revoked."""

    room: str
    meeting: str
    """Which class: as in its `hello`; `STANDING` for every one."""
    generation: int
    """Of the room, when the link was made."""
    expires_at: float
    """Unix seconds."""
    only_watches: bool = False
    """Whether it is of somebody in the class, who sees the page and does nothing there."""

    @property
    def may(self) -> tuple[Doing, ...]:
        """What whoever has it may do; the routes ask here, and the page shows no other controls."""
        return () if self.only_watches else ("mark", "overlay", "report")


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
        self.revocations = revocations or Revocations()
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
        return self._signer.sign(_OPERATOR, f"port {port}", 0, self._clock() + OPERATOR_S)

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

    @property
    def teachers(self) -> TeacherLinks:
        """What makes and reads teachers' links, with the same secret and the same revocations."""
        return TeacherLinks(self._signer, self.revocations)

    def join_token(self, room: str, meeting: str) -> str:
        """Return what people bring along into the local room of one class, whichever bot serves it."""
        return self.pseudonyms.mark(f"join {room} {meeting}")

    def link(self, room: str, meeting: str) -> str:
        """Return a link token that opens one class of a room for 12 h, or until `revoke`."""
        return self._sign("link", room, meeting, self._clock() + self._link_s)

    def class_link(self, room: str, meeting: str) -> str:
        """Return one for people in the class: it opens the page while the class is on, and nothing else.

        Neither its report, nor what only an instructor does, such as to teach or to share a window.
        """
        return self._sign("class", room, meeting, self._clock() + self._link_s)

    def standing_link(self, room: str) -> str:
        """Return one that opens every class of a room for a term, or until `revoke`: for who asked for just that."""
        return self._sign("link", room, STANDING, self._clock() + STANDING_S)

    def report_link(self, room: str, meeting: str, generation: int | None = None) -> str:
        """Return one that opens the report of a class for as long as it is kept, or until `revoke`, and nothing live.

        Args:
            room: the meeting's key.
            meeting: which class; `STANDING` for the newest that is kept.
            generation: of the link that it is made for; None for the room's present one.
        """
        return self._sign("report", room, meeting, self._clock() + REPORT_S, generation)

    def read_report(self, room: str, token: str) -> Session:
        """Return whose report a token opens.

        Raises:
            AccessDenied: It opens none here, whatever the cause.
        """
        return self._read("report", room, token)

    def read_link(self, room: str, link: str) -> Session:
        """Return what a link token says; whether its class is still on is not asked here.

        Raises:
            AccessDenied: The link does not open this room, whatever the cause.
        """
        return self._read("link", room, link)

    def read_viewers_link(self, room: str, link: str) -> Session:
        """Return what a link token says that opens the page: an instructor's, or one for people in the class.

        Raises:
            AccessDenied: The link does not open this room, whatever the cause.
        """
        try:
            return self.read_link(room, link)
        except AccessDenied:
            return replace(self._read("class", room, link), only_watches=True)

    def opens(self, room: str, meeting: str, link: str) -> bool:
        """Return whether a link token opens this class of a room now."""
        try:
            held = self.read_link(room, link)
        except AccessDenied:
            return False
        return held.meeting in (meeting, STANDING) and self.remaining_s(held) > 0

    def exchange(self, room: str, link: str, *, until: float = math.inf) -> tuple[str, float]:
        """Return a session token for a link token, and in how many seconds it expires.

        Args:
            room: the meeting's key.
            link: what `link`, `standing_link` or `class_link` made.
            until: when the link's class is over for good, Unix seconds.

        Raises:
            AccessDenied: The link does not open this room, whatever the cause.
        """
        held = self.read_viewers_link(room, link)
        now = self._clock()
        expires_at = min(held.expires_at, until, now + self._session_s)
        if expires_at <= now:
            raise AccessDenied(REFUSAL)
        use = "class session" if held.only_watches else "session"
        return self._sign(use, room, held.meeting, expires_at, held.generation), expires_at - now

    def verify_reader(self, room: str, token: str) -> Session:
        """Return the session behind a session token that may be of somebody in the class, who only watches.

        Raises:
            AccessDenied: The token does not open this room, whatever the cause.
        """
        try:
            return self.verify(room, token)
        except AccessDenied:
            return replace(self._read("class session", room, token), only_watches=True)

    def verify(self, room: str, token: str) -> Session:
        """Return the session of an instructor behind a session token.

        Raises:
            AccessDenied: The token does not open this room, whatever the cause.
        """
        return self._read("session", room, token)

    def remaining_s(self, session: Session) -> float:
        """Return for how many seconds the session still holds: 0 once it expired or was revoked."""
        if not self.revocations.holds(_key(session.room), session.generation):
            return 0.0
        return max(0.0, session.expires_at - self._clock())

    async def revoke(self, room: str) -> int:
        """Close every link and session of `room` made so far, and return the room's new generation.

        Raises:
            BusError, SecretRefused: They are closed here; at others once the store can be reached.
        """
        return await self.revocations.revoke(_key(room))

    def _sign(self, use: str, room: str, meeting: str, expires_at: float, generation: int | None = None) -> str:
        if generation is None:
            generation = self.revocations.generation(_key(room))
        return self._signer.sign(use, room, generation, expires_at, meeting=meeting)

    def _read(self, use: str, room: str, token: str) -> Session:
        try:
            claims = self._signer.read(use, room, token, "meeting")
        except AccessDenied:
            raise AccessDenied(REFUSAL) from None
        session = Session(room, claims["meeting"], claims["gen"], claims["exp"])
        if not self.remaining_s(session) > 0:
            raise AccessDenied(REFUSAL)
        return session


def _key(room: str) -> str:
    return f"room {room}"


def report_path(room: str) -> str:
    """Return where a room's report is, without what opens it."""
    return f"/rooms/{quote(room, safe='')}/report"


def report_url(origin: str, room: str, token: str) -> str:
    """Return the address of a report to hand to an instructor; what opens it stands in the fragment.

    Args:
        origin: as of `instructor_url`.
        room: the meeting's key.
        token: what `Access.report_link` made.
    """
    return f"{origin.rstrip('/')}{report_path(room)}#t={token}"


def instructor_url(origin: str, room: str, link: str) -> str:
    """Return the address to hand to an instructor; the link stands in the fragment, which no server logs.

    Args:
        origin: scheme, host and port, e.g. `http://127.0.0.1:8080`.
        room: the meeting's key.
        link: what `Access.link` made.
    """
    return f"{origin.rstrip('/')}/rooms/{quote(room, safe='')}#t={link}"
