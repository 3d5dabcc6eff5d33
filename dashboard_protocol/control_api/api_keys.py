"""API keys of programs: a name, scopes, and only the hash of the key, in one file that every gateway reads."""

import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from dashboard_protocol.auth.private_files import in_turn, write_draft
from dashboard_protocol.auth.secrets_store import state_directory
from dashboard_protocol.auth.security_log import SecurityEvent, note
from dashboard_protocol.errors import AccessDenied, SecretRefused
from dashboard_protocol.vocabulary import Model

FILE_VARIABLE = "CLASSPULSE_KEYS"
PREFIX = "cpk_"
MAX_NAME = 64
MAX_BOTS = 25
"""Of one key at once, unless it is made for more or fewer."""


class Scope(StrEnum):
    """What a key opens."""

    INVITE = "invite"
    """Invite bots, see them, make them leave."""
    WATCH = "watch"
    """Links to the live page, and histories."""
    CONSENT = "consent"
    """Make and revoke tokens by which people who were asked agree; they count only where the person brings them."""
    ADMIN = "admin"
    """Everything, and deletion."""


class ApiKey(Model):
    """A key as it is kept."""

    name: str
    scopes: frozenset[Scope]
    sha256: str
    """Of the key; it has 256 random bits, so that a slow hash would protect nothing more."""
    made_at: float
    """Unix seconds."""
    expires_at: float | None = None
    """Unix seconds; None for never."""
    max_bots: Annotated[int, Field(ge=0)] | None = MAX_BOTS
    """Bots that the key may have at once, those to come included; None for any number."""

    @property
    def fingerprint(self) -> str:
        """What the audit log calls the key."""
        return self.sha256[:8]

    @property
    def is_admin(self) -> bool:
        """Whether the key opens everything, whoever's it is."""
        return Scope.ADMIN in self.scopes

    def owns(self, owner: str) -> bool:
        """Whether what this owner made is the key's own."""
        return self.name != "" and owner == self.name

    def is_over(self, now: float) -> bool:
        """Whether the key has expired, by Unix seconds."""
        return self.expires_at is not None and self.expires_at <= now

    def opens(self, scope: Scope) -> bool:
        """Whether the key opens this scope."""
        return scope in self.scopes or Scope.ADMIN in self.scopes


OPERATOR = ApiKey(name="", scopes=frozenset({Scope.ADMIN}), sha256="operator", made_at=0.0, max_bots=None)
"""Whoever holds the signing secret; nobody can make a key of no name."""


class _File(Model):
    keys: tuple[ApiKey, ...] = ()


class ApiKeys:
    """The keys of one file, read again when it changes.

    Args:
        path: the file; None for `CLASSPULSE_KEYS`, or `keys.json` in the state directory.
    """

    def __init__(self, path: Path | None = None) -> None:
        named = os.environ.get(FILE_VARIABLE)
        self.path = path or (Path(named) if named else state_directory() / "keys.json")
        self._read_at: tuple[int, int, int] | None = None
        self._keys: tuple[ApiKey, ...] = ()

    def add(
        self, name: str, scopes: frozenset[Scope], *, valid_s: float | None = None, max_bots: int | None = MAX_BOTS
    ) -> str:
        """Make a key, replacing that of the same name, and return it; it is shown only now.

        Args:
            name: 1 to 64 printable characters; what the key invites belongs to whoever has a key of this name.
            scopes: what it opens.
            valid_s: seconds until it opens nothing any more; None for never.
            max_bots: bots that it may have at once; None for any number.

        Raises:
            SecretRefused: The name is none, or the file cannot be read or written.
        """
        if not 0 < len(name) <= MAX_NAME or not name.isprintable() or name != name.strip():
            raise SecretRefused(f"A key's name has 1 to {MAX_NAME} printable characters.")
        key = PREFIX + secrets.token_urlsafe(32)
        now = round(time.time(), 3)
        made = ApiKey(
            name=name,
            scopes=scopes,
            sha256=_hash(key),
            made_at=now,
            expires_at=None if valid_s is None else now + valid_s,
            max_bots=max_bots,
        )
        self._change(lambda known: (*(each for each in known if each.name != name), made))
        note(SecurityEvent.KEY_MADE, key=made.fingerprint)
        return key

    def remove(self, name: str) -> bool:
        """Remove a key, so that it opens nothing any more; False where there is none of this name.

        Raises:
            SecretRefused: The file cannot be read or written.
        """
        removed: list[ApiKey] = []

        def without(known: tuple[ApiKey, ...]) -> tuple[ApiKey, ...]:
            removed.extend(each for each in known if each.name == name)
            return tuple(each for each in known if each.name != name)

        self._change(without)
        for each in removed:
            note(SecurityEvent.KEY_REMOVED, key=each.fingerprint)
        return bool(removed)

    def _change(self, change: Callable[[tuple[ApiKey, ...]], tuple[ApiKey, ...]]) -> None:
        """Write the file anew, whole or not at all; others that change it at the same time wait for their turn."""
        try:
            with in_turn(self.path):
                self._read_at = None
                changed = change(self.known())
                write_draft(self.path, _File(keys=changed).model_dump_json(indent=2)).replace(self.path)
        except OSError as error:
            raise SecretRefused(f"{self.path} cannot be written ({error.strerror}): set {FILE_VARIABLE}.") from error

    def known(self) -> tuple[ApiKey, ...]:
        """Return the keys of the file; none while there is no file.

        Raises:
            SecretRefused: The file cannot be read, or is none of ours.
        """
        try:
            status = self.path.stat()
            found = (status.st_mtime_ns, status.st_ino, status.st_size)
            if self._read_at != found:
                self._keys = _File.model_validate_json(self.path.read_bytes()).keys
                self._read_at = found
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise SecretRefused(f"{self.path} cannot be read ({error.strerror}): set {FILE_VARIABLE}.") from error
        except ValidationError as error:
            raise SecretRefused(f"{self.path} is no file of API keys: make one with `classpulse key add`.") from error
        return self._keys

    def check(self, key: str) -> ApiKey:
        """Return what is known of a key.

        Raises:
            AccessDenied: No such key, or it has expired.
        """
        digest = _hash(key)
        found = None
        for known in self.known():  # all of them: the time must not show which one was near
            if hmac.compare_digest(known.sha256, digest):
                found = known
        if found is None:
            raise AccessDenied("This API key is not known: make one with `classpulse key add`.")
        if found.is_over(time.time()):
            raise AccessDenied("This API key has expired: make a new one with `classpulse key add`.")
        return found


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
