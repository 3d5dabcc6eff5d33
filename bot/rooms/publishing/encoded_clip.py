"""Encoded video that is sent as it is: a file's packets, read once and shared by everybody who plays them."""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import av
from av.video.stream import VideoStream

from bot.errors import SettingsRefused
from bot.rooms.webrtc.orientation import UPRIGHT, turn_of

_MOST_BYTES = 64 * 1024 * 1024
_KEY_FRAME_EVERY_S = 5.0


class ClipUnreadable(SettingsRefused):
    """The file is missing or no video."""


class NotAsItIs(ClipUnreadable):
    """The file is video, but has to be encoded anew."""


@dataclass(frozen=True, slots=True)
class ClipFrame:
    """One encoded frame."""

    data: bytes
    """VP8 bitstream of one frame."""
    duration_s: float
    """Until the next frame is due."""
    is_key: bool
    """Whether decoding can start here."""


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """VP8 frames that begin with a key frame, so that playing can switch to the clip and loop it at any time."""

    path: Path
    frames: tuple[ClipFrame, ...]

    @property
    def duration_s(self) -> float:
        """Length of one turn."""
        return sum(frame.duration_s for frame in self.frames)


@lru_cache(maxsize=256)
def read_clip(path: Path) -> Clip:
    """Read the packets of a VP8 file; the same object for the same path.

    Raises:
        ClipUnreadable: There is no such file, or it holds no video.
        NotAsItIs: It holds video that is not VP8 with regular key frames, or is too long for memory.
    """
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise ClipUnreadable(f"{path} holds no video: give a video file")
            stream = container.streams.video[0]
            if stream.codec_context.name not in ("vp8", "libvpx"):
                raise NotAsItIs(f"{path} is {stream.codec_context.name}, not VP8: it has to be encoded anew")
            if container.size > _MOST_BYTES:
                raise NotAsItIs(f"{path} is larger than {_MOST_BYTES >> 20} MiB: it has to be encoded live")
            packets = [packet for packet in container.demux(stream) if packet.size and packet.pts is not None]
            if any(turn_of(picture) != UPRIGHT for packet in packets[:1] for picture in _decoded(stream, packet)):
                raise NotAsItIs(f"{path} is turned: it has to be turned back and encoded anew")
            time_base = Fraction(stream.time_base or Fraction(1, 1000))
            rate = stream.average_rate or Fraction(15)
    except (OSError, av.FFmpegError) as error:
        raise ClipUnreadable(f"{path} cannot be read as video ({error}): give a video file") from error
    return Clip(path, _frames(path, packets, time_base, float(1 / rate)))


def _decoded(stream: VideoStream, packet: "av.Packet[VideoStream]") -> list[av.VideoFrame]:
    return stream.codec_context.decode(packet)


def _frames(
    path: Path, packets: "list[av.Packet[VideoStream]]", time_base: Fraction, last_s: float
) -> tuple[ClipFrame, ...]:
    if not packets or not packets[0].is_keyframe:
        raise NotAsItIs(f"{path} does not begin with a key frame: it has to be encoded anew")
    times = [float((packet.pts or 0) * time_base) for packet in packets]
    keys = [at for at, packet in zip(times, packets, strict=True) if packet.is_keyframe]
    ends = [*keys[1:], times[-1]]
    if max(end - key for key, end in zip(keys, ends, strict=True)) > _KEY_FRAME_EVERY_S:
        raise NotAsItIs(f"{path} has too few key frames: it has to be encoded anew")
    durations = [max(0.001, after - before) for before, after in pairwise(times)]
    durations.append(durations[-1] if durations else last_s)  # a stated rate need not be true
    return tuple(
        ClipFrame(bytes(packet), duration, bool(packet.is_keyframe))
        for packet, duration in zip(packets, durations, strict=True)
    )
