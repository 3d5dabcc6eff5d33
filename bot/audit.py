"""The audit log: which policy a bot read a room under, and what people asked of it. Never a person's name."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from bot.errors import SettingsRefused
from dashboard_protocol.events import Profile

FILE = "audit.jsonl"


class Audit:
    """Appends one JSON line for each fact to `audit.jsonl` in the state directory; only its owner may read it."""

    def __init__(self, state_dir: Path, room: str) -> None:
        """Find the log of a room's bot, and see that it can be written.

        Args:
            state_dir: Where the log is kept; made if absent.
            room: The room's name; a URL could hold secrets.

        Raises:
            SettingsRefused: It cannot be written: a bot that leaves no trace must not read anybody.
        """
        self._room = room
        self._path = state_dir / FILE
        try:
            state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._append(b"")
        except OSError as error:
            raise SettingsRefused(
                f"the audit log {self._path} cannot be written ({error.strerror}): "
                "set XDG_STATE_HOME to a folder that can"
            ) from error

    def started(self, profile: Profile, k: int, notice_given: bool = False) -> None:
        """A bot was asked to join under a policy; `notice_given` is the operator's word that people were told."""
        self._note("started", policy=profile.value, k=k, notice_given=notice_given)

    def opted_out(self) -> None:
        """Somebody asked not to be read."""
        self._note("opted_out")

    def opted_in(self) -> None:
        """Somebody asked to be read again, or under her own name: herself."""
        self._note("opted_in")

    def ended(self, reason: str) -> None:
        """The bot has left."""
        self._note("ended", reason=reason)

    def _note(self, event: str, **facts: str | int) -> None:
        # The wall clock, not the room's: an audit log is compared with other records.
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"at": at, "room": self._room, "event": event, **facts}, ensure_ascii=False)
        self._append(line.encode() + b"\n")

    def _append(self, text: bytes) -> None:
        # Not held open: a wish that comes while the bot says goodbye is noted too, and never into another file.
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, text)  # one write: lines of several bots never mix
        finally:
            os.close(file)
