"""What every room gives: participants, their tracks, and what happens to them. Imports no media library."""

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from bot.errors import BotError
from bot.rooms.opt_out_words import message_asks_not_to_be_read, message_asks_to_be_read_again
from dashboard_protocol.auth.consent import Consent
from engine.readings import Image, Picture

Clock = Callable[[], float]
"""The room's clock: Unix seconds at its start, from then on monotonic."""


@dataclass(frozen=True, slots=True)
class Participant:
    """A person in the room, for one stay."""

    id: str
    """Unique in the room and for this stay; says nothing about the person."""
    name: str
    """The display name the person chose."""
    opted_in: bool = False
    """Whether the person themselves agreed to be read individually."""
    consent: Consent | None = None
    """Their signed consent, where they agreed by one: it may end before they leave."""


class PictureLost(BotError):
    """A frame came of which no picture can be made; the next one may do."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a track, which is decoded when it is read."""

    at: float
    """Seconds on the room's clock when it had come whole."""
    width_px: int
    height_px: int
    """As announced; what `decode` gives is as large as it is."""
    decode: Callable[[], Image | Picture]
    """Decodes it, to (height, width, 3) RGB or what parts of that are cut from: call it in a worker thread, and only
    for frames that are read. Raises PictureLost."""
    decode_ahead: Callable[[], object] = lambda: None
    """Has it decoded meanwhile, so that `decode` need not wait; never blocks."""
    codec: str = ""
    """As what it was sent, e.g. VP8; empty where that is not known."""

    def to_rgb(self) -> Image:
        """Decode it and convert all of it; as `decode`."""
        picture = self.decode()
        return picture.whole() if isinstance(picture, Picture) else picture


class Track(Protocol):
    """The video of one participant, from camera on to camera off."""

    @property
    def participant(self) -> Participant:
        """Whose video it is."""

    def frames(self) -> AsyncIterator[Frame]:
        """Yield frames as they come, to whoever is slow the newest; ends when the track ends. One reader."""


@runtime_checkable
class Scalable(Protocol):
    """A track whose room may have it in several sizes, each with its price."""

    def prefer(self, frame: Frame, factor: float) -> None:
        """Say that pictures `factor` times as wide as this one would serve; never blocks.

        The room comes as near to it as it can, in its own time: say it with every frame that was read.
        """


class Absence(StrEnum):
    """Why a participant is gone."""

    LEFT = "left"
    """Said goodbye, or the room said so."""
    VANISHED = "vanished"
    """Stopped sending without a word, for longer than the room's patience."""


@dataclass(frozen=True, slots=True)
class Joined:
    """A participant entered; the camera is off until a `CameraOn`."""

    participant: Participant


@dataclass(frozen=True, slots=True, eq=False)
class CameraOn:
    """A participant's camera was switched on; `track` yields its frames."""

    participant: Participant
    track: Track


@dataclass(frozen=True, slots=True)
class CameraOff:
    """A participant's camera was switched off; the participant is still there."""

    participant: Participant


@dataclass(frozen=True, slots=True)
class Left:
    """A participant is gone; a camera that was on is off, without a `CameraOff` of its own."""

    participant: Participant
    absence: Absence


@dataclass(frozen=True, slots=True)
class CameraUnreadable:
    """A participant's camera is on, but its video cannot be received: not measurable until a `CameraOn`."""

    participant: Participant
    reason: str
    """One line, e.g. the codec."""


@dataclass(frozen=True, slots=True)
class Renamed:
    """A participant goes on under another display name, which may ask not to be read."""

    participant: Participant
    """With the name of now; the same id."""


@dataclass(frozen=True, slots=True)
class OptedOut:
    """A participant said in the room's own chat that they are not to be read."""

    participant: Participant


@dataclass(frozen=True, slots=True)
class Unheard:
    """A participant who may write in the room's chat cannot be listened to: whoever cannot be heard is not read."""

    participant: Participant


@dataclass(frozen=True, slots=True)
class OptedIn:
    """A participant said that they are to be read again, for this stay: in the room's own chat, or by a consent.

    By a consent it is said before they have `Joined`: when they brought it, and not when their connection was made.
    """

    participant: Participant


@dataclass(frozen=True, slots=True)
class Admitted:
    """The room confirmed the join, for the first time or again after `Held` or `Lost`."""


@dataclass(frozen=True, slots=True)
class Held:
    """The bot waits to be let in; the room tries again by itself, and says so every time."""

    reason: str
    """`not_open`: there is no such room yet; `full`: it takes nobody more; `lobby`: somebody has to let the bot in."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection broke, or a try to mend it failed; the room tries again by itself.

    Cameras went off; participants stay, and those who do not come back come as `Left` after the next `Admitted`.
    """

    reason: str
    """One line."""


RoomEvent = (
    Joined
    | Renamed
    | CameraOn
    | CameraOff
    | CameraUnreadable
    | Left
    | OptedOut
    | Unheard
    | OptedIn
    | Admitted
    | Held
    | Lost
)


def request_in_chat(participant: Participant, text: str) -> OptedOut | OptedIn | None:
    """Return what somebody asks of the bot by something that they, and nobody else, wrote in a room's chat.

    A message of a client may carry more than what its person wrote, such as their name with the word in it.
    """
    if message_asks_to_be_read_again(text):
        return OptedIn(participant)
    return OptedOut(participant) if message_asks_not_to_be_read(text) else None


class Room(Protocol):
    """A meeting as the bot sees it. Entering it joins, leaving the `async with` leaves the room, always.

    Raises on entering: RoomUnreachable, RoomRefused. `events` raises RoomClosed, RoomKicked, RoomRefused or
    RoomUnreachable when the stay ends.
    """

    name: str
    """The room's name, used in events and links."""

    async def __aenter__(self) -> Self:
        """Join the room under the bot's visible name; returns once the room answered: `events` gives what it said."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the room and free every socket, thread and task of the stay."""

    def events(self) -> AsyncIterator[RoomEvent]:
        """Yield what happens: `Admitted` or `Held` first, then the participants already present. One reader."""


def sleepless_s() -> float:
    """Return seconds since some moment: no setting of a clock moves them, and they count while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class RoomClock:
    """Shows Unix time when it is made and is steady from then on, whatever happens to the machine's clock.

    It goes on while the machine sleeps: to a bot that wakes up an hour later, an hour has passed.
    """

    def __init__(self) -> None:
        self._offset_s = time.time() - sleepless_s()

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self._offset_s + sleepless_s()
