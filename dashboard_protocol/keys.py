"""API keys of programs: a name, scopes, and only the hash of the key, in one file that every gateway reads."""

import hashlib
import hmac
import os
import secrets
import time
from enum import StrEnum
from pathlib import Path

from pydantic import ValidationError

from dashboard_protocol.errors import AccessDenied, SecretRefused
from dashboard_protocol.secret import state_directory
from dashboard_protocol.vocabulary import Model

FILE_VARIABLE = "CLASSPULSE_KEYS"
PREFIX = "cpk_"


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

    def opens(self, scope: Scope) -> bool:
        """Whether the key opens this scope."""
        return scope in self.scopes or Scope.ADMIN in self.scopes


OPERATOR = ApiKey(name="", scopes=frozenset({Scope.ADMIN}), sha256="", made_at=0.0)
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
        self._read_at: tuple[int, int] | None = None
        self._keys: tuple[ApiKey, ...] = ()

    def add(self, name: str, scopes: frozenset[Scope]) -> str:
        """Make a key, replacing that of the same name, and return it; it is shown only now.

        Raises:
            SecretRefused: The file cannot be read or written.
        """
        key = PREFIX + secrets.token_urlsafe(32)
        made = ApiKey(name=name, scopes=scopes, sha256=_hash(key), made_at=round(time.time(), 3))
        others = tuple(known for known in self.known() if known.name != name)
        draft = self.path.with_name(f"{self.path.name}.{secrets.token_hex(8)}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(_File(keys=(*others, made)).model_dump_json(indent=2))
            draft.replace(self.path)
        except OSError as error:
            raise SecretRefused(f"{self.path} cannot be written ({error.strerror}): set {FILE_VARIABLE}.") from error
        return key

    def known(self) -> tuple[ApiKey, ...]:
        """Return the keys of the file; none while there is no file.

        Raises:
            SecretRefused: The file cannot be read, or is none of ours.
        """
        try:
            status = self.path.stat()
            if self._read_at != (status.st_mtime_ns, status.st_ino):
                self._keys = _File.model_validate_json(self.path.read_bytes()).keys
                self._read_at = (status.st_mtime_ns, status.st_ino)
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
            AccessDenied: No such key.
        """
        digest = _hash(key)
        found = None
        for known in self.known():  # all of them: the time must not tell which one was near
            if hmac.compare_digest(known.sha256, digest):
                found = known
        if found is None:
            raise AccessDenied("This API key is not known: make one with `classpulse key add`.")
        return found


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
