"""What the audit log holds of who asked for what: keys used, links made, things revoked, refused, erased. Names nobody.

`note` never raises: what is asked for is done, or refused, whatever becomes of the record.
"""

import json
import logging
import os
import threading
import time
from collections import OrderedDict
from datetime import UTC, datetime
from enum import StrEnum

from dashboard_protocol.auth.secrets_store import state_directory

FILE = "audit.jsonl"
QUIET_S = 60.0
"""What happens again and again is noted so often, with how many times it was."""
MOST_KINDS = 1024

log = logging.getLogger(__name__)


class SecurityEvent(StrEnum):
    """What is noted."""

    KEY_USED = "key_used"
    KEY_MADE = "key_made"
    KEY_REMOVED = "key_removed"
    LINK_MADE = "link_made"
    REVOKED = "revoked"
    REFUSED = "refused"
    ERASED = "erased"
    LIMIT_HIT = "limit_hit"


OFTEN = frozenset({SecurityEvent.KEY_USED, SecurityEvent.REFUSED, SecurityEvent.LIMIT_HIT})
"""What whoever asks can cause at will: lines about it are few, however often it happens."""

_lock = threading.Lock()
_counted: OrderedDict[tuple[str, ...], tuple[float, int]] = OrderedDict()
"""Kind → when its last line was written, and how often it happened since."""


def note(event: SecurityEvent, what: str = "", *, room: str = "", key: str = "") -> None:
    """Note an event; callers pass what they know.

    Args:
        event: what happened.
        what: machine word: of what, or why, e.g. `host`, `scope`, `standing`.
        room: the meeting's key, where whoever asked may know it; never what a stranger wrote.
        key: fingerprint of the API key; never its name, which may be a person's.
    """
    try:
        with _lock:
            times = _times(event, what, key)
            if times:
                _write({"room": room, "event": event.value, "what": what, "key": key, "times": times})
    except Exception:
        log.exception("the audit log could not be written; what was asked for went on")


def _times(event: SecurityEvent, what: str, key: str) -> int:
    """Return how often the event happened since its last line; 0 where none is due."""
    if event not in OFTEN:
        return 1
    kind, now_s = (event.value, what, key), time.monotonic()
    written_s, before = _counted.get(kind, (-QUIET_S, 0))
    is_due = now_s - written_s >= QUIET_S
    _counted[kind] = (now_s, 0) if is_due else (written_s, before + 1)
    _counted.move_to_end(kind)
    if len(_counted) > MOST_KINDS:
        _counted.popitem(last=False)
    return before + 1 if is_due else 0


def _write(facts: dict[str, str | int]) -> None:
    # The wall clock: an audit log is compared with other records.
    line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds")}
    line |= {name: value for name, value in facts.items() if value not in ("", 1)}  # type: ignore[misc]
    folder = state_directory()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = os.open(folder / FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, json.dumps(line).encode() + b"\n")  # one write: lines of several processes never mix
    finally:
        os.close(file)
