"""A decoder that lags never shows the past, and its pictures never wait."""

import threading
from contextlib import suppress
from dataclasses import dataclass

import pytest
from aiortc.codecs.vpx import Vp8Decoder
from aiortc.jitterbuffer import JitterFrame
from av import VideoFrame

from bot.rooms.clip import read_clip
from bot.rooms.decoding import MAX_WAITING_FRAMES, EncodedFrames, Pictures, is_keyframe
from bot.samples.story import clip_path

KEY = b"\x10rest"
DELTA = b"\x11rest"


@dataclass
class Codec:
    """As aiortc names it."""

    name: str = "VP8"


@dataclass
class Encoded:
    """An encoded frame."""

    data: bytes


def put(inbox: EncodedFrames, *frames: bytes) -> None:
    for data in frames:
        inbox.put((Codec(), Encoded(data)))


def waiting(inbox: EncodedFrames) -> list[bytes]:
    return [inbox.get_nowait()[1].data for _ in range(inbox.qsize())]


def test_decoding_starts_with_a_whole_picture() -> None:
    lost = threading.Event()
    inbox = EncodedFrames(lost)
    put(inbox, DELTA)
    assert lost.is_set()
    put(inbox, KEY, DELTA)
    assert waiting(inbox) == [KEY, DELTA]


def test_decoder_that_lags_skips_to_the_next_whole_picture() -> None:
    lost = threading.Event()
    inbox = EncodedFrames(lost)
    put(inbox, KEY, *[DELTA] * (MAX_WAITING_FRAMES - 1))
    assert not lost.is_set()
    put(inbox, DELTA, DELTA)
    assert lost.is_set()
    assert waiting(inbox) == []
    put(inbox, KEY, DELTA)
    assert waiting(inbox) == [KEY, DELTA]


def test_end_of_the_decoder_overtakes_what_waits() -> None:
    inbox = EncodedFrames(threading.Event())
    put(inbox, KEY, DELTA)
    inbox.put(None)
    assert inbox.get_nowait() is None
    assert inbox.empty()


@pytest.mark.parametrize(
    ("codec", "data", "expected"),
    [
        ("VP8", KEY, True),
        ("VP8", DELTA, False),
        ("VP8", b"", False),
        ("H264", b"\x00\x00\x00\x01\x67sps\x00\x00\x00\x01\x68pps\x00\x00\x00\x01\x65idr", True),
        ("H264", b"\x00\x00\x01\x65idr", True),
        ("H264", b"\x00\x00\x00\x01\x41slice", False),
        ("H264", b"", False),
    ],
)
def test_whole_pictures_are_recognised(codec: str, data: bytes, expected: bool) -> None:
    assert is_keyframe(codec, data) is expected


async def test_pictures_are_handed_on_until_the_decoder_ends() -> None:
    delivered: list[VideoFrame] = []
    pictures = Pictures(delivered.append)
    frame = VideoFrame(16, 16)
    await pictures.put(frame)
    assert delivered == [frame]
    await pictures.put(None)
    assert pictures.ended.is_set()


def test_empty_frame_never_reaches_a_decoder_for_it_would_decode_nothing_more() -> None:
    key, delta = (frame.data for frame in read_clip(clip_path("yuki", "calm")).frames[:2])
    stock = Vp8Decoder()
    assert stock.decode(JitterFrame(key, 0))
    with suppress(EOFError):
        stock.decode(JitterFrame(b"", 6000))
    with pytest.raises(EOFError):  # if this fails, the library has learnt it
        stock.decode(JitterFrame(key, 12000))
    inbox = EncodedFrames(threading.Event())
    put(inbox, key, b"", delta)
    assert waiting(inbox) == [key, delta]


def test_picture_of_a_size_no_camera_has_is_skipped_with_what_follows() -> None:
    key = bytearray(read_clip(clip_path("yuki", "calm")).frames[0].data)
    key[6:10] = b"\xff\x3f\xff\x3f"  # 16383 x 16383
    lost = threading.Event()
    inbox = EncodedFrames(lost)
    put(inbox, bytes(key), DELTA)
    assert waiting(inbox) == []
    assert lost.is_set()
    put(inbox, KEY, DELTA)
    assert waiting(inbox) == [KEY, DELTA]
