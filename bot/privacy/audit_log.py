"""The audit log: which policy a bot read a room under, and what people asked of it. Never a person's name."""

import json
import logging
import os
from datetime import UTC, datetime
from errno import ENOSPC
from pathlib import Path

from bot.errors import SettingsRefused
from dashboard_protocol.events import Profile

FILE = "audit.jsonl"
SCARCE_BYTES = 1 << 20
"""With less room than this on its disk the log will soon lack lines."""

log = logging.getLogger(__name__)


def audit_obstacle(state_dir: Path) -> str | None:
    """Say what keeps processes of this state directory from writing the audit log; None for nothing."""
    path = state_dir / FILE
    try:
        os.close(_opened(path))
        disk = os.statvfs(state_dir)
    except OSError as error:
        return f"the audit log {path} cannot be written ({error.strerror})"
    is_full = disk.f_bavail * disk.f_frsize < SCARCE_BYTES
    return f"the audit log {path} cannot be written for long: its disk is full" if is_full else None


def _opened(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


class Audit:
    """Appends one JSON line for each fact to `audit.jsonl` in the state directory; only its owner may read it.

    A bot that leaves no trace must not begin to read anybody, so `started` may fail. From then on nothing here raises:
    what people ask is carried out whether it can be noted or not. Lines that could not be written are counted:
    `obstacle` says so, and the next one that can be written says how many are missing before it.
    """

    def __init__(self, state_dir: Path, room: str) -> None:
        """Find the log of a room's bot, and see that it can be opened.

        Args:
            state_dir: Where the log is kept; made if absent.
            room: The room's name; a URL could hold secrets.

        Raises:
            SettingsRefused: It cannot be opened.
        """
        self._room = room
        self._path = state_dir / FILE
        self._missing = 0
        self._is_torn = False
        self._append_or_refuse(b"")

    def started(self, profile: Profile, k: int, notice_given: bool = False, leaves_out: bool = False) -> None:
        """A bot was asked to join under a policy.

        Args:
            profile: The policy's.
            k: Its fewest people.
            notice_given: The operator's word that people were informed.
            leaves_out: Whether somebody is no part of the class.

        Raises:
            SettingsRefused: It cannot be written.
        """
        self._append_or_refuse(
            self._line("started", policy=profile.value, k=k, notice_given=notice_given, leaves_out=leaves_out)
        )

    def reads_recording(self, files: int, *, all_agreed: bool) -> None:
        """Recordings are read, no meeting; `all_agreed` is the operator's word that everybody in them consented.

        Raises:
            SettingsRefused: It cannot be written.
        """
        self._append_or_refuse(self._line("reads_recording", files=files, all_agreed=all_agreed))

    def took_over(self) -> None:
        """Whoever started the bot had it take the room from any other bot that was there."""
        self._note("took_over")

    def shares_window(self, is_confirmed: bool) -> None:
        """A window that shows many people is shared; whether who shares it confirmed that they were informed."""
        self._note("shares_window", informed=is_confirmed)

    def left_out(self) -> None:
        """Somebody is no part of the class: who teaches said so, or whoever shares the window did."""
        self._note("left_out")

    def opted_out(self) -> None:
        """Somebody asked not to be read."""
        self._note("opted_out")

    def opted_in(self) -> None:
        """Somebody asked to be read again, or under their own name: themselves."""
        self._note("opted_in")

    def ended(self, reason: str) -> None:
        """The bot has left."""
        self._note("ended", reason=reason)

    def obstacle(self) -> str | None:
        """Say why the log cannot be written, or that it lacks lines; tries first whether it can be written now."""
        if self._missing:
            self._catch_up()
        lacking = f"the audit log {self._path} lacks {self._missing} lines that could not be written"
        return lacking if self._missing else audit_obstacle(self._path.parent)

    def _note(self, event: str, **facts: str | int | bool) -> None:
        try:
            if self._missing:
                self._catch_up()
            if not self._missing:
                self._append(self._line(event, **facts))
                return
        except OSError as error:
            log.error("the audit log %s cannot be written (%s); what was asked is done all the same", self._path, error)
        self._missing += 1

    def _catch_up(self) -> None:
        """Write how many lines are missing, if that can be written now."""
        try:
            self._append(self._line("lines_missing", count=self._missing))
        except OSError:
            return
        self._missing = 0

    def _append_or_refuse(self, line: bytes) -> None:
        try:
            self._append(line)
        except OSError as error:
            raise SettingsRefused(
                f"the audit log {self._path} cannot be written ({error.strerror}): "
                "set XDG_STATE_HOME to a folder that can"
            ) from error

    def _line(self, event: str, **facts: str | int) -> bytes:
        # The wall clock, not the room's: an audit log is compared with other records.
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        return json.dumps({"at": at, "room": self._room, "event": event, **facts}, ensure_ascii=False).encode() + b"\n"

    def _append(self, line: bytes) -> None:
        # Not held open: a request that comes while the bot says goodbye is noted too, and never into another file.
        file = _opened(self._path)
        try:
            text = b"\n" + line if self._is_torn else line
            written = os.write(file, text)  # one write: lines of several bots never mix
        finally:
            os.close(file)
        # A disk may become full within a line: what follows begins with one of its own.
        self._is_torn = 0 < written < len(text) if text else self._is_torn
        if written < len(text):
            raise OSError(ENOSPC, os.strerror(ENOSPC))
