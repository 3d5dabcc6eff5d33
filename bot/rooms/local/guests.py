"""What a publisher of a local room is to the room: a person, or a window that shows many."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bot.rooms.base import (
    Absence,
    CameraOff,
    CameraOn,
    CameraUnreadable,
    Frame,
    Joined,
    Left,
    Participant,
    RoomEvent,
)
from bot.rooms.gallery.people import FROZEN
from bot.rooms.gallery.shared_window import RETURN_S, SharedWindow, State
from bot.rooms.latest_frame import Mailbox
from bot.rooms.tracks import MailboxTrack

Publish = Callable[[RoomEvent], object]
MOST_REPLACED = 64
"""Shares that are remembered, so that their pages do not take their place back."""


class Guest(Protocol):
    """Somebody whose connection stands."""

    def enter(self) -> None:
        """They are connected."""

    def show(self, pictures: Mailbox[Frame]) -> None:
        """Pictures come, until the mailbox is closed."""

    def show_unreadable(self, reason: str) -> None:
        """Video comes of which no picture can be made."""

    def show_nothing(self) -> None:
        """Nothing comes any more."""

    def leave(self, absence: Absence) -> None:
        """They are gone."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a camera."""

    participant: Participant
    publish: Publish

    def enter(self) -> None:
        """See `Guest`."""
        self.publish(Joined(self.participant))

    def show(self, pictures: Mailbox[Frame]) -> None:
        """See `Guest`."""
        self.publish(CameraOn(self.participant, MailboxTrack(self.participant, pictures)))

    def show_unreadable(self, reason: str) -> None:
        """See `Guest`."""
        self.publish(CameraUnreadable(self.participant, reason))

    def show_nothing(self) -> None:
        """See `Guest`."""
        self.publish(CameraOff(self.participant))

    def leave(self, absence: Absence) -> None:
        """See `Guest`."""
        self.publish(Left(self.participant, absence))


class Shares:
    """Windows that are shared with a room: one at a time, the newest; the people in it go on from one to the next."""

    def __init__(self, publish: Publish, dismiss: Callable[[str], object]) -> None:
        """Wait for one.

        Args:
            publish: Takes what happens in the room.
            dismiss: Ends the stay of a share whose place another one takes.
        """
        self._window = SharedWindow(publish)
        self._dismiss = dismiss
        self._current: str | None = None
        self._replaced: deque[str] = deque(maxlen=MOST_REPLACED)
        self._patience: asyncio.TimerHandle | None = None
        self._watching: set[asyncio.Task[None]] = set()

    def window(self, resource: str) -> SharedWindow | None:
        """Return what whoever shares by this stay may see and decide; None where it is no share, or not any more."""
        return self._window if resource == self._current else None

    def was_replaced(self, resource: str) -> bool:
        """Whether another share took the place of this one."""
        return resource in self._replaced

    def guest(self, resource: str, *, asks_first: bool) -> "Share":
        """Return what a new stay is to the room."""
        return Share(self, resource, asks_first)

    async def close(self) -> None:
        """Look at nothing any more, and free what is held."""
        self._calm()
        await asyncio.gather(*self._watching)
        self._window.close()

    def begin(self, resource: str, *, asks_first: bool) -> None:
        """Take the place of the share that was there."""
        self._calm()
        earlier, self._current = self._current, resource
        if earlier is not None:
            self._replaced.append(earlier)
            self._dismiss(earlier)
        self._window.begin_share(asks_first=asks_first)

    def show(self, pictures: Mailbox[Frame]) -> None:
        """Look at its pictures."""
        task = asyncio.create_task(self._window.watch(pictures), name="a shared window")
        self._watching.add(task)
        task.add_done_callback(self._watching.discard)

    def end(self, absence: Absence) -> None:
        """It is gone; without a goodbye it may come back."""
        self._current = None
        if absence is Absence.LEFT:
            self._window.end_share(absence)
            return
        self._window.pause(State.CONNECTING, "its connection broke")
        self._patience = asyncio.get_running_loop().call_later(RETURN_S, self._window.end_share, absence)

    def _calm(self) -> None:
        if self._patience is not None:
            self._patience.cancel()


@dataclass(frozen=True, slots=True)
class Share:
    """A window in which many are seen; see `Guest`."""

    shares: Shares
    resource: str
    asks_first: bool

    def enter(self) -> None:
        """See `Guest`."""
        self.shares.begin(self.resource, asks_first=self.asks_first)

    def show(self, pictures: Mailbox[Frame]) -> None:
        """See `Guest`."""
        if self._window is not None:
            self.shares.show(pictures)

    def show_unreadable(self, reason: str) -> None:
        """See `Guest`."""
        if self._window is not None:
            self._window.pause(State.UNREADABLE, reason)

    def show_nothing(self) -> None:
        """See `Guest`: a window that nothing moves in sends nothing, and a class does not stand still."""
        if self._window is not None:
            self._window.pause(State.FROZEN, FROZEN)

    def leave(self, absence: Absence) -> None:
        """See `Guest`."""
        if self._window is not None:
            self.shares.end(absence)

    @property
    def _window(self) -> SharedWindow | None:
        return self.shares.window(self.resource)
