"""What was revoked, and when: asked from memory, shared with other processes, and kept over a restart."""

import asyncio
import fcntl
import json
import logging
import os
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from dashboard_protocol.bus.base import is_shared
from dashboard_protocol.errors import BusError, SecretRefused

LOOK_S = 1.0
"""How often others' revocations are looked for."""
FILE = "revoked.json"

Stamp = tuple[int, int, int]
"""Tells a file from the one that replaced it: inode, time in nanoseconds, bytes."""

log = logging.getLogger(__name__)


class Store(Protocol):
    """Where revocations are kept: key → when it was revoked, and until when that matters; all Unix seconds."""

    async def add(self, key: str, at: float, until: float) -> None:
        """Keep one. Raises BusError or SecretRefused where it cannot be kept."""

    async def all(self) -> Mapping[str, float]:
        """Return the keys that still matter and when each was revoked. Raises as `add`."""

    async def close(self) -> None:
        """Free what it holds."""


class Revocations:
    """The revocations of all rooms, as far as this process knows; `follow` keeps it up to date.

    Args:
        store: what other processes share; None for this process alone.
        clock: Unix seconds.
    """

    def __init__(self, store: Store | None = None, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[str, tuple[float, float]] = {}
        self._untold: dict[str, tuple[float, float]] = {}

    def at(self, key: str) -> float:
        """Return when a key was revoked for the last time; −1 for never."""
        return self._known.get(key, (-1.0, 0.0))[0]

    def note(self, key: str, until: float) -> None:
        """Revoke a key from now on; others learn of it at the next `exchange`."""
        now = self._clock()
        self._known = {known: (at, end) for known, (at, end) in self._known.items() if end > now}
        self._known[key] = self._untold[key] = (now, until)

    async def exchange(self) -> None:
        """Tell the store what it does not know, and learn what it knows.

        Raises:
            BusError, SecretRefused: It cannot be reached; what it was to be told is told the next time.
        """
        if self._store is None:
            return
        for key, (at, until) in list(self._untold.items()):
            await self._store.add(key, at, until)
            self._untold.pop(key, None)
        for key, at in (await self._store.all()).items():
            if at > self.at(key):
                self._known[key] = (at, float("inf"))

    async def begin(self) -> None:
        """Learn what was revoked before anybody is let in; a bus that is away is asked again by `follow`.

        Raises:
            SecretRefused: The file is damaged or cannot be read: what it said would be forgotten.
        """
        try:
            await self.exchange()
        except BusError as error:
            log.warning("revocations: %s", error)

    async def close(self) -> None:
        """Free the store."""
        if self._store is not None:
            await self._store.close()

    async def follow(self) -> None:
        """Exchange every second, for as long as the process serves anybody."""
        told_of = ""
        while True:
            try:
                await self.exchange()
                told_of = ""
            except (BusError, SecretRefused) as error:
                if str(error) != told_of:
                    log.warning("revocations: %s", error)
                told_of = str(error)
            await asyncio.sleep(LOOK_S)


class FileStore:
    """A file of the state directory, for all processes of one user on one machine; only they may read it."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        self._found: dict[str, list[float]] = {}
        self._found_in: Stamp | None = None

    async def add(self, key: str, at: float, until: float) -> None:
        """Keep one."""
        await asyncio.to_thread(self._keep, key, at, until)

    async def all(self) -> Mapping[str, float]:
        """Return what is kept; nothing while there is no file, which is read again only when it was replaced."""
        stamp = self._stamp()  # before the file is read: what replaces it meanwhile is seen the next time
        if stamp != self._found_in:
            self._found = await asyncio.to_thread(self._read)
            self._found_in = stamp
        now = self._clock()
        return {name: at for name, (at, until) in self._found.items() if until > now}

    async def close(self) -> None:
        """Nothing is held open."""

    def _stamp(self) -> Stamp | None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._refused(error.strerror) from error
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _keep(self, key: str, at: float, until: float) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with open(os.open(self._path.with_suffix(".lock"), os.O_WRONLY | os.O_CREAT, 0o600), "wb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)  # others that write at the same time wait
                now = self._clock()
                kept = {name: when for name, when in self._read().items() if when[1] > now}
                kept[key] = [max(at, kept[key][0]) if key in kept else at, until]
                draft = self._path.with_name(f"{self._path.name}.{secrets.token_hex(8)}")
                with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
                    json.dump(kept, file)
                draft.replace(self._path)
        except OSError as error:
            raise self._refused(error.strerror) from error

    def _read(self) -> dict[str, list[float]]:
        try:
            found = json.loads(self._path.read_bytes())
            return {str(name): [float(at), float(until)] for name, (at, until) in found.items()}
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._refused(error.strerror) from error
        except (ValueError, TypeError, AttributeError) as error:
            # To go on as if nothing were revoked would open what somebody closed.
            raise self._refused("it is damaged") from error

    def _refused(self, why: str | None) -> SecretRefused:
        return SecretRefused(f"The revocations in {self._path} cannot be used ({why}): mend or remove that file.")


def open_revocations(bus: str, state_dir: Path) -> Revocations:
    """Return the revocations that go with a bus: shared through its Redis, else through the state directory.

    Raises:
        BusError: The scheme is unknown, or the URL unusable.
    """
    if not is_shared(bus):
        return Revocations(FileStore(state_dir / FILE))
    from dashboard_protocol.bus.redis_revocations import RedisStore

    return Revocations(RedisStore(bus))
