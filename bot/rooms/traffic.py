"""What a connection has received so far: whoever receives keeps it growing, whoever watches looks at it."""

import threading
from dataclasses import dataclass, field

from bot.rooms.decoding import Pictures


@dataclass(slots=True)
class Traffic:
    """What a connection has received so far; counts only grow."""

    datagrams: int = 0
    """Anything at all: connectivity checks, RTCP, RTP."""
    media_packets: int = 0
    """RTP packets with a payload."""
    goodbyes: int = 0
    """RTCP BYE packets: the sender has stopped its camera, and may start it again."""
    media_ssrc: int = 0
    """Source of the media; 0 before the first packet."""
    decoders: list[tuple[threading.Thread, Pictures]] = field(default_factory=list)
    """Decoders to wait for once the connection is closed."""
