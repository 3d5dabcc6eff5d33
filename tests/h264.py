"""Writes H264 bit by bit: grey pictures of any size in a few bytes, and their parameter sets apart from them.

No encoder of ours makes pictures as large or as narrow as those that strangers can send.
"""

import re

START = b"\x00\x00\x00\x01"


def bits_of(*numbers: int | str) -> str:
    """Write numbers in Exp-Golomb (`ue(v)`), and text as the bits it is."""
    return "".join(n if isinstance(n, str) else "0" * ((n + 1).bit_length() - 1) + f"{n + 1:b}" for n in numbers)


def nal_unit(head: bytes, bits: str) -> bytes:
    """Close bits as a NAL unit, without a start code; what would look like one is escaped (section 7.4.1)."""
    bits += "1" + "0" * (-(len(bits) + 1) % 8)
    payload = int(bits, 2).to_bytes(len(bits) // 8, "big")
    escaped = re.sub(rb"\x00\x00(?=[\x00-\x03])", b"\x00\x00\x03", head[1:] + payload)
    return head[:1] + escaped


def parameter_sets(width_px: int, height_px: int) -> tuple[bytes, bytes]:
    """Write the sequence and the picture parameter set of the baseline profile; sides are multiples of 16."""
    order = (2,)  # pictures come in the order in which they are shown
    sps = bits_of(0, 0, *order, 1, "0", width_px // 16 - 1, height_px // 16 - 1, "1", "1", "0", "0")
    pps = bits_of(0, 0, "0", "0", 0, 0, 0, "0", "00", 0, 0, 0, "0", "0", "0")
    return nal_unit(b"\x67\x42\xe0\x33", sps), nal_unit(b"\x68", pps)


def whole_picture(width_px: int, height_px: int, number: int = 0) -> bytes:
    """Write the slice of a grey picture: every macroblock is predicted from nothing, and nothing is added.

    Args:
        width_px: A multiple of 16.
        height_px: A multiple of 16.
        number: Of this picture; neighbours need different ones.
    """
    head = bits_of(0, 7, 0, "0000", number % 2, "0", "0", 0)
    macroblock = bits_of(3, 0, 0, "1")
    return nal_unit(b"\x65", head + macroblock * (width_px * height_px // 256))


def frame(width_px: int, height_px: int, number: int = 0) -> bytes:
    """Write a picture with all that a decoder needs, each unit behind a start code."""
    return b"".join(
        START + unit for unit in (*parameter_sets(width_px, height_px), whole_picture(width_px, height_px, number))
    )
