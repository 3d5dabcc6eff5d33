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
from typing import Any
from urllib.parse import quote

import jwt

from dashboard_protocol.errors import AccessDenied, SecretRefused

LINK_S = 12 * 3600.0
SESSION_S = 600.0
REFUSAL = "This link does not open this class."
SECRET_VARIABLE = "CLASSPULSE_SECRET"
MIN_SECRET_BYTES = 32

_ALGORITHM = "HS256"
_REQUIRED = ["use", "room", "exp", "since"]


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
    ) -> None:
        """Take the signing secret.

        Args:
            secret: at least 32 bytes, the same in every gateway (`load_secret`).
            link_s: how long a link opens its room.
            session_s: how long a session token does.
            clock: Unix seconds.

        Raises:
            SecretRefused: The secret is too short.
        """
        self._secret = _checked(secret, "The secret")
        self._link_s = link_s
        self._session_s = session_s
        self._clock = clock
        self._revoked_at: dict[str, float] = {}

    def link(self, room: str) -> str:
        """Return a link token that opens `room` for 12 h, or until `revoke`."""
        now = self._clock()
        return self._sign("link", room, now, now + self._link_s)

    def exchange(self, room: str, link: str) -> tuple[str, float]:
        """Return a session token for a link token, and in how many seconds it expires.

        Raises:
            AccessDenied: The link does not open this room, whatever the cause.
        """
        held = self._read("link", room, link)
        expires_at = min(held.expires_at, self._clock() + self._session_s)
        return self._sign("session", room, held.since, expires_at), expires_at - self._clock()

    def verify(self, room: str, token: str) -> Session:
        """Return the session behind a session token.

        Raises:
            AccessDenied: The token does not open this room, whatever the cause.
        """
        return self._read("session", room, token)

    def remaining_s(self, session: Session) -> float:
        """Return for how many seconds the session still holds: 0 once it expired or was revoked."""
        if session.since <= self._revoked_at.get(session.room, -1.0):
            return 0.0
        return max(0.0, session.expires_at - self._clock())

    def revoke(self, room: str) -> None:
        """Close every link and session of `room` made so far; links made later open it again."""
        now = self._clock()
        # A link older than its life needs no revocation.
        self._revoked_at = {name: at for name, at in self._revoked_at.items() if at > now - self._link_s} | {room: now}

    def _sign(self, use: str, room: str, since: float, expires_at: float) -> str:
        claims = {"use": use, "room": room, "since": since, "exp": expires_at}
        return jwt.encode(claims, self._secret, algorithm=_ALGORITHM)

    def _read(self, use: str, room: str, token: str) -> Session:
        try:
            # The expiry is checked below, on our clock and to the fraction of a second.
            options: Any = {"require": _REQUIRED, "verify_exp": False}
            claims = jwt.decode(token, self._secret, algorithms=[_ALGORITHM], options=options)
            session = Session(room=claims["room"], since=float(claims["since"]), expires_at=float(claims["exp"]))
        except (jwt.InvalidTokenError, ValueError, TypeError):
            raise AccessDenied(REFUSAL) from None
        if claims["use"] != use or session.room != room or not self.remaining_s(session) > 0:
            raise AccessDenied(REFUSAL)
        return session


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
        return _checked(value.encode(), SECRET_VARIABLE)
    path = (state_dir or state_directory()) / "secret"
    try:
        if not path.exists():
            _create(path)
        if path.stat().st_mode & 0o077:
            raise SecretRefused(f"{path} can be read by other users: run chmod 600 on it, or delete it for a new one.")
        return _checked(path.read_bytes(), str(path))
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


def _checked(secret: bytes, source: str) -> bytes:
    if len(secret) < MIN_SECRET_BYTES:
        raise SecretRefused(f"{source} is too short: use at least {MIN_SECRET_BYTES} random bytes.")
    return secret
