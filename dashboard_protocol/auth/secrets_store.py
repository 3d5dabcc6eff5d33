"""Secrets and where they are kept: the one that signs every token, and those that come in settings."""

import os
import secrets
from pathlib import Path

from dashboard_protocol.auth.private_files import write_draft
from dashboard_protocol.errors import SecretRefused

SECRET_VARIABLE = "CLASSPULSE_SECRET"
MIN_SECRET_BYTES = 32


def checked_secret(secret: bytes, source: str) -> bytes:
    """Return a secret that is long enough.

    Raises:
        SecretRefused: It is not; the text names the source.
    """
    if len(secret) < MIN_SECRET_BYTES:
        raise SecretRefused(f"{source} is too short: use at least {MIN_SECRET_BYTES} random bytes.")
    return secret


def state_directory() -> Path:
    """Return where this user's classpulse keeps its state: below `XDG_STATE_HOME`, or `~/.local/state`.

    Raises:
        SecretRefused: This user has no home, as in a container with a number for a user.
    """
    base = os.environ.get("XDG_STATE_HOME")
    try:
        return (Path(base) if base else Path.home() / ".local" / "state") / "classpulse"
    except RuntimeError as error:
        raise SecretRefused(
            "This user has no home directory: set XDG_STATE_HOME to a folder that this user can write."
        ) from error


def secret_file(state_dir: Path | None = None) -> Path:
    """Return where the signing secret is, where no setting holds it."""
    return (state_dir or state_directory()) / "secret"


def load_secret(state_dir: Path | None = None) -> bytes:
    """Return the signing secret: `CLASSPULSE_SECRET` or its file, else a private file, made at first start.

    Args:
        state_dir: where the file `secret` is; None for `state_directory()`.

    Raises:
        SecretRefused: The secret is too short, its file readable by others, or the file cannot be made or read.
    """
    if value := secret_setting(SECRET_VARIABLE):
        return checked_secret(value.encode(), SECRET_VARIABLE)
    path = secret_file(state_dir)
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
    draft = write_draft(path, secrets.token_hex(MIN_SECRET_BYTES))
    try:
        # A link, not a rename: when two processes start together, both read what the first one wrote.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)
