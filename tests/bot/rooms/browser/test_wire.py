"""What crosses the frame socket is a frame, or an error of ours."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rooms.browser.wire import HEADER, MOST_BYTES, FrameMalformed, WireFrame, read_frame


def message(data: bytes = b"\x10rest", **changed: float) -> bytes:
    fields = {
        "at": 1000.5, "receiver": 3, "ssrc": 7, "csrc": 0, "timestamp": 90_000, "width": 640, "height": 360,
        "codec": 1, "key": 1, "temporal": 0, "spatial": 0, "length": len(data),
    } | changed  # fmt: skip
    return HEADER.pack(*fields.values()) + data


def test_frame_is_read_as_it_was_sent() -> None:
    assert read_frame(message()) == WireFrame(1000.5, 3, 7, 0, 90_000, 640, 360, "VP8", True, 0, 0, b"\x10rest")


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\x00" * HEADER.size,
        message(b""),
        message(codec=0),
        message(codec=9),
        message(length=3),
        message(length=2**32 - 1),
        message(at=float("nan")),
        message(at=float("inf")),
        message(temporal=200),
        message(spatial=8),
        message(b"x" * MOST_BYTES),
    ],
)
def test_what_is_no_frame_is_refused(broken: bytes) -> None:
    with pytest.raises(FrameMalformed):
        read_frame(broken)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_frame_or_refused(data: bytes) -> None:
    with suppress(FrameMalformed):
        assert read_frame(data).data
