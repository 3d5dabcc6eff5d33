"""The video codecs that are decoded, a row each: FFmpeg's decoder, and what their frames say of themselves."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bot.rooms.codecs import av1, h264, vp8, vp9
from bot.rooms.codecs.h264 import Size


@dataclass(frozen=True, slots=True)
class VideoCodec:
    """How one codec is read."""

    decoder: str
    """FFmpeg's name."""
    is_key: Callable[[bytes], bool]
    """Whether an encoded frame can be decoded without the ones before it."""
    is_beginning: Callable[[bytes], bool]
    """Whether of all that came before a key frame nothing is needed any more."""
    sizes: Callable[[bytes], list[Size]]
    """The sizes that a frame announces, which hold from then on; raises ValueError where one cannot be read."""
    shown: Callable[[bytes], Size | None]
    """The size of the pictures that a frame whose sizes can be read announces; None where it announces none."""


def _last(sizes: Callable[[bytes], list[Size]]) -> Callable[[bytes], Size | None]:
    return lambda data: next(iter(sizes(data)[-1:]), None)


CODECS: Final = {
    # FFmpeg's own, which makes the same pictures as libvpx with a fifth less work and half of the memory, 1.5 MB a
    # person at 640x360.
    "VP8": VideoCodec("vp8", vp8.is_key, vp8.is_key, vp8.sizes, _last(vp8.sizes)),
    "H264": VideoCodec("h264", h264.is_key, h264.is_beginning, h264.announced_sizes, h264.shown_size),
    "VP9": VideoCodec("vp9", vp9.is_key, vp9.is_key, vp9.sizes, _last(vp9.sizes)),
    "AV1": VideoCodec("libdav1d", av1.is_key, av1.is_key, av1.sizes, _last(av1.sizes)),
}
"""By the name that descriptions of media use."""
