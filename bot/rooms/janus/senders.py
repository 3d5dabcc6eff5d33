"""Pure: what a VideoRoom says of its people, read."""

from collections.abc import Iterable
from dataclasses import dataclass

from bot.rooms.roster import Feed
from bot.rooms.webrtc.sdp_video import CODECS

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
