"""What a connection has received so far: whoever receives keeps it growing, whoever watches looks at it."""

from dataclasses import dataclass, field

from bot.rooms.decoding import Decoder


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
    refused: int = 0
    """Frames and pictures that must not be decoded or read."""
    refusal: str = ""
    """Why the last of them must not."""
    decoders: list[Decoder] = field(default_factory=list)
    """Decoders to wait for once the connection is closed."""

    def refuse(self, reason: str) -> None:
        """Count a frame or a picture that must not be decoded or read."""
        self.refused += 1
        self.refusal = reason
