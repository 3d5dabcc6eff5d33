"""Pure: what an AV1 temporal unit says of itself (AV1 bitstream specification 1.0.0, sections 5.3 and 5.5)."""

from collections.abc import Iterator
from typing import Final

from bot.rooms.codecs.bits import Bits
from bot.rooms.codecs.h264 import Size

_SEQUENCE_HEADER: Final = 1
_LONGEST_LENGTH: Final = 8
"""Bytes of a number in leb128."""
_WITH_TIER: Final = 7
_HEADER_BYTES: Final = 512
"""More than a sequence header has before its size."""


def is_key(data: bytes) -> bool:
    """Return whether a temporal unit begins anew: encoders for calls say only then what the sequence is."""
    try:
        return any(kind == _SEQUENCE_HEADER for kind, _ in _units(data))
    except ValueError:
        return False


def sizes(data: bytes) -> list[Size]:
    """Return the largest size of the pictures of each sequence that a temporal unit announces.

    Raises:
        ValueError: It cannot be read.
    """
    return [_read_size(Bits(unit[:_HEADER_BYTES])) for kind, unit in _units(data) if kind == _SEQUENCE_HEADER]


def _units(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield kind and payload of each unit (OBU)."""
    if not data:
        raise ValueError("it is empty")
    at = 0
    while at < len(data):
        head = data[at]
        if head & 0x81:
            raise ValueError("it is no unit")
        at += 2 if head & 4 else 1
        length = len(data) - at
        if head & 2:
            length, at = _length(data, at)
        if length < 0 or at + length > len(data):
            raise ValueError("it ends too early")
        yield head >> 3 & 15, data[at : at + length]
        at += length


def _length(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for number in range(_LONGEST_LENGTH):
        if at + number >= len(data):
            break
        byte = data[at + number]
        value |= (byte & 0x7F) << 7 * number
        if not byte & 0x80:
            return value, at + number + 1
    raise ValueError("it ends too early")


def _read_size(bits: Bits) -> Size:
    bits.take(4)  # profile, and whether it is a still picture
    if bits.take(1):
        bits.take(5)
    else:
        _pass_operating_points(bits, _pass_timing(bits))
    across, down = bits.take(4) + 1, bits.take(4) + 1
    return bits.take(across) + 1, bits.take(down) + 1


def _pass_timing(bits: Bits) -> int | None:
    """Pass over when pictures are shown; returns how many bits a delay has, None where there is none."""
    if not bits.take(1):
        return None
    bits.take(64)
    if bits.take(1):
        zeros = 0
        while not bits.take(1):
            zeros += 1
        bits.take(zeros if zeros < 32 else 0)
    if not bits.take(1):
        return None
    delay_bits = bits.take(5) + 1
    bits.take(32)
    bits.take(10)
    return delay_bits


def _pass_operating_points(bits: Bits, delay_bits: int | None) -> None:
    has_first_delay = bits.take(1)
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        if bits.take(5) > _WITH_TIER:
            bits.take(1)
        if delay_bits is not None and bits.take(1):
            bits.take(2 * delay_bits + 1)
        if has_first_delay and bits.take(1):
            bits.take(4)
