"""A teacher's link: a signed list of rooms, which opens the home and, where its maker's key allows it, starts classes.

It lists rooms and not classes: what it shows of a room are the classes that its maker's key owns, or all of them where
an administrator made it. Whoever revokes the links of a room takes the room out of every list.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from dashboard_protocol.auth.revocations import Revocations
from dashboard_protocol.auth.tokens import Signer
from dashboard_protocol.errors import AccessDenied

TEACHER_S = 200 * 86_400.0
"""A term, and some."""
MOST_ROOMS = 50
_USE, _NO_ROOM = "teacher", ""


@dataclass(frozen=True, slots=True)
class Teacher:
    """What a teacher's link says."""

    owner: str
    """Name of the API key that made it."""
    sees_all: bool
    """Whether classes of other keys are shown too."""
    may_start: bool
    """Whether classes may be started with it, by the owner's key."""
    rooms: Mapping[str, str]
    """A meeting's key → its address without secrets, empty where nobody said it; only those not revoked since."""


class TeacherLinks:
    """Makes and reads them.

    Args:
        signer: holds the secret.
        revocations: the rooms' generations.
    """

    def __init__(self, signer: Signer, revocations: Revocations) -> None:
        self._signer = signer
        self._revocations = revocations

    def make(self, teacher: Teacher, valid_s: float = TEACHER_S) -> str:
        """Return the token of a link for a term, or so many seconds, or until the links of its rooms are revoked."""
        rooms = {room: [self._revocations.generation(_key(room)), url] for room, url in teacher.rooms.items()}
        return self._signer.sign(
            _USE,
            _NO_ROOM,
            0,
            self._signer.clock() + valid_s,
            owner=teacher.owner,
            may=" ".join(word for word, is_so in (("all", teacher.sees_all), ("start", teacher.may_start)) if is_so),
            rooms=json.dumps(rooms, separators=(",", ":")),
        )

    def read(self, token: str) -> Teacher:
        """Return what a token says.

        Raises:
            AccessDenied: It is none of ours, expired, or every room of it was revoked.
        """
        claims = self._signer.read(_USE, _NO_ROOM, token, "owner", "may", "rooms")
        listed: dict[str, tuple[int, str]] = json.loads(claims["rooms"])  # signed by us, so of the form above
        rooms = {
            room: url for room, (generation, url) in listed.items() if self._revocations.holds(_key(room), generation)
        }
        if not rooms:
            raise AccessDenied("This link opens nothing any more.")
        may = claims["may"].split()
        return Teacher(claims["owner"], "all" in may, "start" in may, rooms)


def _key(room: str) -> str:
    return f"room {room}"


def teacher_url(origin: str, token: str) -> str:
    """Return the address to hand to a teacher; the token stands in the fragment, which no server logs."""
    return f"{origin.rstrip('/')}/#t={token}"
