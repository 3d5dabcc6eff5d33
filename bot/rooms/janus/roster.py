"""Pure: who is in a room that names people by numbers of its own, also across a broken connection."""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from bot.rooms.base import Joined, Participant, Renamed
from bot.rooms.notice import clean_name
from bot.rooms.webrtc.sdp_video import CODECS

Feed = int | str
"""The room's own name of one stay of one person."""


def _nobody(feed: Feed) -> bool:
    return False


@dataclass(slots=True)
class Roster:
    """Keeps who is present. Only the room's number says who somebody is: a name, anybody can take after a break."""

    is_bot: Callable[[Feed], bool] = _nobody
    """Whether a number is a bot's, which is nobody to read."""
    _present: dict[Feed, Participant] = field(default_factory=dict)
    _awaited: dict[Feed, Participant] = field(default_factory=dict)

    def enter(self, feed: Feed, display: object) -> tuple[Participant, Joined | Renamed | None] | None:
        """Note that somebody is in the room.

        Args:
            feed: The room's number of this stay.
            display: The name the person chose, as it came; anything but text says nothing of it.

        Returns:
            The participant, and what there is to publish of them; None for a bot.
        """
        if self.is_bot(feed):
            return None
        known = self._present.get(feed) or self._awaited.pop(feed, None)
        if known is None:
            name = clean_name(display if isinstance(display, str) else "")
            participant = self._present[feed] = Participant(secrets.token_hex(8), name)
            return participant, Joined(participant)
        self._present[feed] = known
        renamed = self.rename(feed, display)
        return self._present[feed], renamed

    def rename(self, feed: Feed, display: object) -> Renamed | None:
        """Note that somebody goes on under another name; None where it shows as before, or nobody is there."""
        known = self._present.get(feed)
        if known is None or not isinstance(display, str) or clean_name(display) == known.name:
            return None
        self._present[feed] = replace(known, name=clean_name(display))
        return Renamed(self._present[feed])

    def leave(self, feed: Feed) -> Participant | None:
        """Note that somebody is gone; None if they were not there."""
        return self._present.pop(feed, None)

    def participant(self, feed: Feed) -> Participant | None:
        """Return who this is; None for somebody who is not there."""
        return self._present.get(feed)

    def interrupt(self) -> None:
        """Note that the connection broke: everybody is awaited back."""
        self._awaited |= self._present
        self._present.clear()

    def give_up(self) -> list[Participant]:
        """Return those who did not come back, and await them no longer."""
        missing = list(self._awaited.values())
        self._awaited.clear()
        return missing


RECEIVABLE = frozenset(codec.lower() for codec in CODECS)


@dataclass(frozen=True, slots=True)
class Sender:
    """A person in the room and what they send."""

    feed: Feed
    display: object
    """As it came; text if the person chose one."""
    mid: str | None = None
    """The video to receive; None if there is none."""
    unreadable_codec: str | None = None
    """Codec of a video that cannot be received, if that is all there is."""
    is_simulcast: bool = False
    """Whether the video to receive comes in several sizes."""
    text_mid: str | None = None
    """The data channels; None if there are none."""


def read_people(people: object) -> Iterable[Sender]:
    """Read a list of publishers or attendees; what cannot be read is left out.

    Of several videos the first that can be received is taken: browsers send the camera before the screen.
    """
    for person in people if isinstance(people, list) else []:
        if not isinstance(person, dict) or not isinstance(person.get("id"), int | str):
            continue
        streams = person.get("streams")
        streams = [
            stream
            for stream in (streams if isinstance(streams, list) else [])
            if isinstance(stream, dict) and not stream.get("disabled")
        ]
        videos = [stream for stream in streams if stream.get("type") == "video"]
        texts = [str(stream["mid"]) for stream in streams if stream.get("type") == "data" and "mid" in stream]
        receivable = [v for v in videos if str(v.get("codec")).lower() in RECEIVABLE and "mid" in v]
        foreign = [str(v.get("codec")) for v in videos]
        yield Sender(
            feed=person["id"],
            display=person.get("display"),
            mid=str(receivable[0]["mid"]) if receivable else None,
            unreadable_codec=foreign[0] if foreign and not receivable else None,
            text_mid=texts[0] if texts else None,
            is_simulcast=bool(receivable and receivable[0].get("simulcast")),
        )
