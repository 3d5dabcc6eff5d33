"""Who may watch which room: an instructor's link, and the short session token it is exchanged for.

Both are signed tokens (JWT, HS256 and nothing else) that name their use and their room. Every cause of refusal gives
the same answer.
"""

import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from dashboard_protocol.consent import Consents
from dashboard_protocol.errors import AccessDenied, SecretRefused
from dashboard_protocol.revocations import Revocations
from dashboard_protocol.tokens import MIN_SECRET_BYTES, Signer, checked_secret

LINK_S = 12 * 3600.0
SESSION_S = 600.0
REFUSAL = "This link does not open this class."
SECRET_VARIABLE = "CLASSPULSE_SECRET"


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
        self._signer = Signer(secret, clock)
        self._secret = secret
        self._link_s = link_s
        self._session_s = session_s
        self._clock = clock
        self.revocations = revocations or Revocations(clock=clock)

    @property
    def consents(self) -> Consents:
        """What makes and checks people's consents, with the same secret and the same revocations."""
        return Consents(self._signer, self.revocations, self._secret)

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
        room: the room's name.
        link: what `Access.link` made.
    """
    return f"{origin.rstrip('/')}/rooms/{quote(room, safe='')}#t={link}"


def state_directory() -> Path:
    """Return where this user's classpulse keeps its state: below `XDG_STATE_HOME`, or `~/.local/state`."""
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "classpulse"


def load_secret(state_dir: Path | None = None) -> bytes:
    """Return the signing secret: `CLASSPULSE_SECRET` or its file, else a private file, made at first start.

    Args:
        state_dir: where the file `secret` is; None for `state_directory()`.

    Raises:
        SecretRefused: The secret is too short, its file readable by others, or the file cannot be made or read.
    """
    if value := secret_setting(SECRET_VARIABLE):
        return checked_secret(value.encode(), SECRET_VARIABLE)
    path = (state_dir or state_directory()) / "secret"
    try:
        if not path.exists():
            _create(path)
        if path.stat().st_mode & 0o077:
            raise SecretRefused(f"{path} can be read by other users: run chmod 600 on it, or delete it for a new one.")
        return checked_secret(path.read_bytes(), str(path))
    except OSError as error:
        raise SecretRefused(f"No secret at {path} ({error.strerror}): set {SECRET_VARIABLE} instead.") from error


def secret_setting(variable: str) -> str | None:
    """Return a secret setting: the variable, else the text of the file that `VARIABLE_FILE` names; None for neither.

    Raises:
        SecretRefused: The file cannot be read.
    """
    named = os.environ.get(f"{variable}_FILE")
    if os.environ.get(variable) or not named:
        return os.environ.get(variable) or None
    try:
        return Path(named).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SecretRefused(f"{named} cannot be read: check {variable}_FILE.") from error


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"secret.{secrets.token_hex(8)}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(secrets.token_hex(MIN_SECRET_BYTES))
        # A link, not a rename: when two processes start together, both read what the first one wrote.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)
