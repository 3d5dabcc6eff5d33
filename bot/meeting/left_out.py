"""Who is no part of the class though they are in the room: who teaches it, and whoever else the operator names. Pure.

The one rule, and the rest of a meeting never hears of them, save for what they ask: they are neither read nor counted,
whatever their camera does. They are known by display name, compared as opt-outs are, or by their own proven word; and
whoever is left out stays so for their stay, under whatever name they go on.
"""

from collections.abc import Iterable

from bot.rooms.base import (
    Absence,
    CameraOff,
    CameraOn,
    CameraUnreadable,
    Joined,
    Left,
    Participant,
    Renamed,
    RoomEvent,
)
from bot.rooms.notice import name_key

MOST_EARLY = 256
"""People who said so before the room reported them; more are not remembered."""


class LeftOut:
    """Lets those events of a room through that are the class's.

    Args:
        names: display names of those to leave out.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = {key for name in names if (key := name_key(name))}
        self._ids: set[str] = set()
        """Of those in the room."""
        self._early: set[str] = set()
        """Of those who said so before the room announced them."""

    @property
    def is_anybody(self) -> bool:
        """Whether anybody is left out, or would be if they came."""
        return bool(self._names or self._ids or self._early)

    @property
    def present(self) -> int:
        """How many of them are in the room."""
        return len(self._ids)

    def holds(self, participant: Participant) -> bool:
        """Whether somebody is left out, or will be once the room has announced them."""
        return participant.id in self._ids | self._early or name_key(participant.name) in self._names

    def leave_out(self, participant: Participant, *, is_in_class: bool) -> Left | None:
        """Leave somebody out from now on, for this stay.

        Args:
            participant: who said so, proven to be who may.
            is_in_class: whether the class counts them now.

        Returns:
            How they leave the class; None where they were no part of it.
        """
        if is_in_class:
            self._ids.add(participant.id)
            return Left(participant, Absence.LEFT)
        if participant.id not in self._ids and len(self._early) < MOST_EARLY:
            self._early.add(participant.id)
        return None

    def admit(self, event: RoomEvent) -> RoomEvent | None:
        """Give what an event is to the class; None for nothing. What people ask of the bot passes always."""
        match event:
            case Joined(participant=participant) if self.holds(participant):
                self._ids.add(participant.id)
                self._early.discard(participant.id)
                return None
            case Renamed(participant=participant) if participant.id in self._ids:
                return None
            case Renamed(participant=participant) if self.holds(participant):
                self._ids.add(participant.id)
                return Left(participant, Absence.LEFT)
            case CameraOn() | CameraOff() | CameraUnreadable() if event.participant.id in self._ids:
                return None
            case Left(participant=participant) if participant.id in self._ids:
                self._ids.discard(participant.id)
                return None
        return event
