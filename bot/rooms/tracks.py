"""The videos of rooms that put every newest frame into a mailbox."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from bot.rooms.base import Frame, Participant
from bot.rooms.latest_frame import Mailbox


@dataclass(frozen=True, slots=True, eq=False)
class MailboxTrack:
    """The video of one participant, from camera on to camera off."""

    participant: Participant
    mailbox: Mailbox[Frame]

    def frames(self) -> AsyncIterator[Frame]:
        """Yield the newest frames; ends when the camera goes off or the participant is gone. One reader."""
        return self.mailbox


@dataclass(frozen=True, slots=True, eq=False)
class ScalableTrack(MailboxTrack):
    """A video that may come in another size."""

    scale: Callable[[Frame, float], object]

    def prefer(self, frame: Frame, factor: float) -> None:
        """See `Scalable`; without effect where there is one size only."""
        self.scale(frame, factor)
