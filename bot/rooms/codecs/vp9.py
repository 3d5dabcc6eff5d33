"""Pure: what a VP9 frame says of itself (VP9 bitstream specification 0.6, sections 6.1, 6.2 and annex B)."""

from collections.abc import Sequence
from typing import Final

from bot.rooms.codecs.bits import Bits
from bot.rooms.codecs.h264 import Size

_MARKER: Final = 0b10
_SYNC: Final = 0x498342
_RGB: Final = 7
_INDEX: Final = 0b110
"""Top bits of the byte that begins and ends the index of a superframe."""
_MOST_FRAMES: Final = 8
_HEADER_BYTES: Final = 64
"""More than an uncompressed header has before its size."""


def is_key(data: bytes) -> bool:
    """Return whether a frame, or the first of a superframe, can be decoded without the ones before it."""
    try:
        return _read(split(data)[0])[0]
    except ValueError:
        return False


def sizes(data: bytes) -> list[Size]:
    """Return the sizes that a frame, or the frames of a superframe, announce.

    Raises:
        ValueError: One cannot be read.
    """
    return [size for frame in split(data) for size in _read(frame)[1]]


def join(layers: Sequence[bytes]) -> bytes:
    """Make one superframe of the spatial layers of a picture, the smallest first."""
    if len(layers) == 1:
        return layers[0]
    width = max(1, max((len(layer).bit_length() + 7) // 8 for layer in layers))
    marker = bytes([_INDEX << 5 | (width - 1) << 3 | (len(layers) - 1)])
    lengths = b"".join(len(layer).to_bytes(width, "little") for layer in layers)
    return b"".join(layers) + marker + lengths + marker


def split(data: bytes) -> list[bytes]:
    """Return the frames of a superframe; a frame that is none alone.

    Raises:
        ValueError: Its index contradicts it.
    """
    if not data:
        raise ValueError("it is empty")
    marker = data[-1]
    count, width = (marker & 7) + 1, (marker >> 3 & 3) + 1
    begins = len(data) - 2 - count * width
    if marker >> 5 != _INDEX or begins < 0 or data[begins] != marker:
        return [data]
    frames, at = [], 0
    for number in range(count):
        place = begins + 1 + number * width
        length = int.from_bytes(data[place : place + width], "little")
        if length == 0 or at + length > begins:
            raise ValueError("its index contradicts it")
        frames.append(data[at : at + length])
        at += length
    return frames


def _read(frame: bytes) -> tuple[bool, list[Size]]:
    """Return whether a frame is a key frame, and the size that it announces, if it announces one."""
    bits = Bits(frame[:_HEADER_BYTES])
    if bits.take(2) != _MARKER:
        raise ValueError("it is no frame")
    profile = bits.take(1) | bits.take(1) << 1
    if profile == 3:
        bits.take(1)
    if bits.take(1):  # shows an earlier one
        return False, []
    is_key, is_shown, is_resilient = not bits.take(1), bits.take(1), bits.take(1)
    if is_key:
        _pass_colours(bits, profile)
        return True, [_size(bits)]
    is_intra = False if is_shown else bool(bits.take(1))
    if not is_resilient:
        bits.take(2)
    if is_intra:
        if profile:
            _pass_colours(bits, profile)
        elif bits.take(24) != _SYNC:
            raise ValueError("it is no frame")
        bits.take(8)
        return False, [_size(bits)]
    bits.take(8)
    bits.take(12)  # which three frames it refers to
    return False, [] if any(bits.take(1) for _ in range(3)) else [_size(bits)]


def _pass_colours(bits: Bits, profile: int) -> None:
    if bits.take(24) != _SYNC:
        raise ValueError("it is no frame")
    if profile >= 2:
        bits.take(1)
    if bits.take(3) != _RGB:
        bits.take(1)
        if profile in (1, 3):
            bits.take(3)
    elif profile in (1, 3):
        bits.take(1)


def _size(bits: Bits) -> Size:
    return bits.take(16) + 1, bits.take(16) + 1
