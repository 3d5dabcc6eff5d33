"""What was revoked: a number for each room and person, which grows by one each time; kept over a restart and shared.

Links and consents carry the number of their day. One that is lower than today's was revoked; no clock is asked.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, TypeVar

from dashboard_protocol.auth.private_files import in_turn, write_draft
from dashboard_protocol.bus.base import is_shared
from dashboard_protocol.errors import BusError, SecretRefused

LOOK_S = 1.0
"""How often others' revocations are looked for."""
FILE = "revocations.json"

Stamp = tuple[int, int, int]
"""Distinguishes a file from the one that replaced it: inode, time in nanoseconds, bytes."""
Answer = TypeVar("Answer")

log = logging.getLogger(__name__)


class Store(Protocol):
    """Where generations are kept. Methods raise BusError or SecretRefused where it cannot be used."""

    reach: str
    """For whom it counts, in words."""

    async def next(self, key: str, above: int) -> int:
        """Set a key to the next generation, above this one and above what is kept, at once; return it."""

    async def keep(self, generations: Mapping[str, int]) -> None:
        """Raise those that are kept lower, or not at all."""

    async def all(self) -> Mapping[str, int | None]:
        """Return what is kept; None for what cannot be read."""

    async def wait(self, within_s: float) -> None:
        """Return when others may have revoked something, or after so many seconds."""

    async def close(self) -> None:
        """Free what it holds."""


class Revocations:
    """The generations of all rooms and consents, as far as this process knows; `follow` keeps them up to date.

    Args:
        store: what other processes share; None for this process alone.
    """

    def __init__(self, store: Store | None = None) -> None:
        self._store = store
        self._known: dict[str, int] = {}
        self._unreadable: frozenset[str] = frozenset()

    @property
    def reach(self) -> str:
        """For whom a revocation counts, in words."""
        return "this process alone" if self._store is None else self._store.reach

    def generation(self, key: str) -> int:
        """Return what is to be written into what is made now; 0 where nothing was ever revoked."""
        return self._known.get(key, 0)

    def holds(self, key: str, generation: int) -> bool:
        """Whether what was made in a generation was not revoked since.

        A higher one than this process knows was made where somebody already knew more.
        """
        return generation >= self.generation(key) and key not in self._unreadable

    async def revoke(self, key: str) -> int:
        """Revoke a key, here at once, and return its new generation.

        Raises:
            BusError, SecretRefused: It counts here, and will count for others once the store can be reached.
        """
        before = self.generation(key)
        self._known[key] = before + 1
        if self._store is not None:
            self._known[key] = max(self._known[key], await self._store.next(key, before))
            self._unreadable -= {key}
        return self._known[key]

    async def exchange(self) -> None:
        """Learn what the store knows, and give it what it does not: also one that lost its memory.

        Raises:
            BusError, SecretRefused: It cannot be reached; what it was to be given is given the next time.
        """
        if self._store is None:
            return
        found = await self._store.all()
        self._unreadable = frozenset(key for key, generation in found.items() if generation is None)
        for key, generation in found.items():
            self._known[key] = max(self.generation(key), generation or 0)
        unsaved = {key: mine for key, mine in self._known.items() if mine > (found.get(key, 0) or 0)}
        if unsaved := {key: mine for key, mine in unsaved.items() if key not in self._unreadable}:
            await self._store.keep(unsaved)

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
        last_warning = ""
        while True:
            try:
                await self.exchange()
                last_warning = ""
            except (BusError, SecretRefused) as error:
                if str(error) != last_warning:
                    log.warning("revocations: %s", error)
                last_warning = str(error)
                await asyncio.sleep(LOOK_S)
            else:
                await self._wait()

    async def _wait(self) -> None:
        try:
            if self._store is not None:
                await self._store.wait(LOOK_S)
                return
        except (BusError, SecretRefused):
            pass  # the next exchange meets it again, and says so
        await asyncio.sleep(LOOK_S)


class FileStore:
    """A file of the state directory, for all processes of one user on one machine; only they may read it."""

    reach = "every process of this user on this machine"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: dict[str, int] = {}
        self._found_in: Stamp | None = None

    async def next(self, key: str, above: int) -> int:
        """Set a key to the next generation."""

        def grow(kept: dict[str, int]) -> int:
            kept[key] = max(above, kept.get(key, 0)) + 1
            return kept[key]

        return await asyncio.to_thread(self._change, grow)

    async def keep(self, generations: Mapping[str, int]) -> None:
        """Raise those that are kept lower."""
        await asyncio.to_thread(
            self._change, lambda kept: kept.update({key: max(kept.get(key, 0), n) for key, n in generations.items()})
        )

    async def all(self) -> Mapping[str, int | None]:
        """Return what is kept; nothing while there is no file, which is read again only when it was replaced."""
        stamp = self._stamp()  # before the file is read: what replaces it meanwhile is seen the next time
        if stamp != self._found_in:
            self._found = await asyncio.to_thread(self._read)
            self._found_in = stamp
        return dict(self._found)

    async def wait(self, within_s: float) -> None:
        """Wait; a file rings no bell."""
        await asyncio.sleep(within_s)

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

    def _change(self, change: Callable[[dict[str, int]], Answer]) -> Answer:
        try:
            with in_turn(self._path):
                kept = self._read()
                answer = change(kept)
                write_draft(self._path, json.dumps(kept)).replace(self._path)
        except OSError as error:
            raise self._refused(error.strerror) from error
        return answer

    def _read(self) -> dict[str, int]:
        try:
            found = json.loads(self._path.read_bytes())
            if not all(type(number) is int and number >= 0 for number in found.values()):
                raise ValueError
            return {str(name): number for name, number in found.items()}
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._refused(error.strerror) from error
        except (ValueError, AttributeError) as error:
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
    from dashboard_protocol.auth.redis_revocations import RedisStore

    return Revocations(RedisStore(bus))
