"""Pure: how large an H264 stream says its pictures are (ITU-T H.264, sections 7.3.2.1.1 and 9.1)."""

from typing import Final

from bot.rooms.codecs.bits import Bits

Size = tuple[int, int]
"""Width and height in pixels."""
_SPS: Final = 7
_WITH_CHROMA_FORMAT: Final = frozenset((44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244))
"""Profiles (`profile_idc`) that say more about their colours."""
_HALF_BOTH_WAYS: Final = 1
_CROPPED_BY_PX: Final = {_HALF_BOTH_WAYS: (2, 2), 2: (2, 1)}
"""Cropping is counted in pixels of the colours, by how fine these are."""
_LONGEST_NUMBER_BITS: Final = 32
_MACROBLOCK_PX: Final = 16


def nal_units(data: bytes) -> list[bytes]:
    """Split an encoded frame at its start codes; what stands before the first is left out."""
    return [unit for unit in data.split(b"\x00\x00\x01")[1:] if unit]


def nal_type(unit: bytes) -> int:
    """Return what a NAL unit is: 1 a slice, 5 a slice of a whole picture, 7 a sequence parameter set."""
    return unit[0] & 0x1F


def is_key(data: bytes) -> bool:
    """Return whether an encoded frame can be decoded without the ones before it, or announces one that can."""
    return any(nal_type(unit) in (5, 7) for unit in nal_units(data))


def is_beginning(data: bytes) -> bool:
    """Return whether nothing before an encoded frame is needed any more: a whole picture."""
    return any(nal_type(unit) == 5 for unit in nal_units(data))


def is_discardable(payload: bytes) -> bool:
    """Return whether no other picture needs what an RTP payload belongs to, by its first byte (`nal_ref_idc`).

    Parameter sets and the like always say that they are needed.
    """
    return not payload[0] & 0x60


def announced_sizes(data: bytes) -> list[Size]:
    """Return the sizes of the pictures that an encoded frame announces.

    Args:
        data: NAL units, each with a start code before it.

    Returns:
        Width and height in pixels as coded, before cropping; empty where it announces none.

    Raises:
        ValueError: It announces one in a way that cannot be read.
    """
    return [_read_size(_Bits(unit))[0] for unit in nal_units(data) if nal_type(unit) == _SPS]


def shown_size(data: bytes) -> Size | None:
    """Return what cropping leaves of the pictures that an encoded frame announces, whose sizes can be read.

    Returns:
        Width and height in pixels of the last announced; None where it announces none.
    """
    units = [unit for unit in nal_units(data) if nal_type(unit) == _SPS]
    if not units:
        return None
    bits = _Bits(units[-1])
    (width_px, height_px), fields, chroma_format = _read_size(bits)
    try:
        if fields == 2:
            bits.take(1)  # whether fields and frames may alternate within a picture
        bits.take(1)  # how motion is inferred
        left, right, top, bottom = (bits.number() for _ in range(4)) if bits.take(1) else (0, 0, 0, 0)
    except ValueError:
        return width_px, height_px
    across, down = _CROPPED_BY_PX.get(chroma_format, (1, 1))
    return width_px - (left + right) * across, height_px - (top + bottom) * down * fields


class _Bits(Bits):
    """Reads a NAL unit bit by bit, behind its first byte and without what keeps start codes out of it."""

    def __init__(self, unit: bytes) -> None:
        super().__init__(unit[1:].replace(b"\x00\x00\x03", b"\x00\x00"))

    def number(self) -> int:
        """Read a number of its own length (Exp-Golomb, `ue(v)`); one with a sign has as many bits."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > _LONGEST_NUMBER_BITS:
                raise ValueError("a number is too long")
        return (1 << zeros) - 1 + self.take(zeros)

    def signed(self) -> int:
        """Read a number with a sign (`se(v)`)."""
        code = self.number()
        return (code + 1) // 2 if code % 2 else -code // 2


def _read_size(bits: _Bits) -> tuple[Size, int, int]:
    """Read a parameter set as far as its size.

    Returns:
        The size as coded, how many fields a picture consists of, and how fine its colours are.
    """
    profile = bits.take(8)
    bits.take(16)  # constraints and level
    bits.number()  # its own number
    chroma_format = _read_colours(bits) if profile in _WITH_CHROMA_FORMAT else _HALF_BOTH_WAYS
    bits.number()  # bits of a frame's number
    _skip_order(bits)
    bits.number()  # pictures to keep
    bits.take(1)  # whether frames' numbers may have gaps
    width = bits.number() + 1
    height = bits.number() + 1
    fields = 2 - bits.take(1)
    return (width * _MACROBLOCK_PX, height * fields * _MACROBLOCK_PX), fields, chroma_format


def _read_colours(bits: _Bits) -> int:
    """Pass over how colours are coded; returns how fine they are (`chroma_format_idc`)."""
    chroma_format = bits.number()
    if chroma_format == 3:
        bits.take(1)
    bits.number(), bits.number()  # bits of a sample
    bits.take(1)
    if bits.take(1):
        for index in range(12 if chroma_format == 3 else 8):
            if bits.take(1):
                _skip_scaling_list(bits, 16 if index < 6 else 64)
    return chroma_format


def _skip_scaling_list(bits: _Bits, length: int) -> None:
    scale = 8
    for _ in range(length):
        scale = (scale + bits.signed()) % 256
        if scale == 0:  # the rest is as the last one
            return


def _skip_order(bits: _Bits) -> None:
    """Skip how the order of pictures is coded (`pic_order_cnt_type`)."""
    kind = bits.number()
    if kind == 0:
        bits.number()
    elif kind == 1:
        bits.take(1)
        bits.number(), bits.number()
        for _ in range(bits.number()):
            bits.number()
