"""The size of an H264 stream is read as a decoder reads it, whatever its profile."""

import re

import pytest
from av import CodecContext, VideoFrame
from av.video.codeccontext import VideoCodecContext

from bot.rooms.codecs.h264 import announced_sizes, nal_units

FORMATS = {"high444": "yuv444p", "high422": "yuv422p", "high10": "yuv420p10le"}


def encode(width_px: int, height_px: int, profile: str, parameters: str = "") -> bytes:
    """Encode a grey picture."""
    encoder = CodecContext.create("libx264", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width_px, height_px, FORMATS.get(profile, "yuv420p")
    encoder.options = {"preset": "veryfast", "tune": "zerolatency", "profile": profile, "x264-params": parameters}
    picture = VideoFrame(width_px, height_px, encoder.pix_fmt)
    for plane in picture.planes:  # what memory held is no 10-bit picture: x264 aborts where a sample is over 1023
        plane.update(b"\x80\x00" * (plane.buffer_size // 2))
    return b"".join(map(bytes, [*encoder.encode(picture), *encoder.encode(None)]))


@pytest.mark.parametrize("profile", ["baseline", "main", "high", "high10", "high422", "high444"])
@pytest.mark.parametrize(("width_px", "height_px"), [(64, 48), (642, 362), (1920, 1080)])
def test_size_is_read_in_every_profile(profile: str, width_px: int, height_px: int) -> None:
    assert announced_sizes(encode(width_px, height_px, profile)) == [
        (-(-width_px // 16) * 16, -(-height_px // 16) * 16)
    ]


@pytest.mark.parametrize(
    "parameters", ["interlaced=1", "cqm=jvt", "cqm4=" + ",".join(["17"] * 16), "bframes=2", "ref=5"]
)
def test_size_is_read_behind_what_stands_before_it(parameters: str) -> None:
    # An interlaced picture is coded in pairs of rows.
    rows = 384 if "interlaced" in parameters else 368
    assert announced_sizes(encode(640, 360, "high", parameters)) == [(640, rows)]


def test_every_size_of_several_is_reported() -> None:
    small, large = encode(64, 48, "baseline"), encode(320, 240, "baseline")
    assert announced_sizes(large + small) == [(320, 240), (64, 48)]
    assert announced_sizes(b"".join(b"\x00\x00\x01" + unit for unit in nal_units(small)[2:])) == []


def written(*numbers: int | str) -> bytes:
    """Write a sequence parameter set of the baseline profile: numbers in Exp-Golomb, text as bits."""
    coded = (n if isinstance(n, str) else "0" * ((n + 1).bit_length() - 1) + f"{n + 1:b}" for n in numbers)
    bits = "".join(coded) + "1"
    bits += "0" * (-len(bits) % 8)
    payload = int(bits, 2).to_bytes(len(bits) // 8, "big")
    return b"\x00\x00\x01\x67\x42\xe0\x1f" + re.sub(rb"\x00\x00(?=[\x00-\x03])", b"\x00\x00\x03", payload)


def test_order_in_cycles_is_skipped() -> None:
    order = (1, "0", 2, 3, 2, 4, 5)
    assert announced_sizes(written(0, 0, *order, 1, "0", 39, 22, "1")) == [(640, 368)]


def test_largest_size_that_can_be_written_is_read_past_escaped_zeros() -> None:
    assert announced_sizes(written(0, 0, 2, 1, "0", 2**31, 2**31, "0")) == [((2**31 + 1) * 16, (2**31 + 1) * 32)]


@pytest.mark.parametrize("numbers", [(), (0, 0, 1, "0", 0, 0, 2**30), (0, 0, 2, 1, "0"), ("0" * 80,)])
def test_size_that_cannot_be_read_is_an_error(numbers: tuple[int | str, ...]) -> None:
    with pytest.raises(ValueError, match=r"ends too early|too long"):
        announced_sizes(written(*numbers))
