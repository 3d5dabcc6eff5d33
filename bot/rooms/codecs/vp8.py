"""Pure: what a VP8 frame says of itself (RFC 6386, section 9.1)."""

from bot.rooms.codecs.h264 import Size


def is_key(data: bytes) -> bool:
    """Return whether a frame can be decoded without the ones before it: its first bit is 0."""
    return bool(data) and not data[0] & 1


def sizes(data: bytes) -> list[Size]:
    """Return the size that a key frame announces; empty for other frames, and for what is none."""
    if len(data) < 10 or data[0] & 1 or data[3:6] != b"\x9d\x01\x2a":
        return []
    width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (6, 8))
    return [(width, height)]
