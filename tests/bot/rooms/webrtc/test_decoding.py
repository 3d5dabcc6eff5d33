"""A decoder that lags never shows the past, and its pictures never wait."""

import asyncio
import threading
from contextlib import suppress
from dataclasses import dataclass

import pytest
from aiortc.codecs.h264 import H264Decoder
from aiortc.codecs.vpx import Vp8Decoder
from aiortc.jitterbuffer import JitterFrame
from av import CodecContext, VideoFrame
from av.video.codeccontext import VideoCodecContext
from prometheus_client import REGISTRY

from bot.rooms.publishing.encoded_clip import read_clip
from bot.rooms.video_size import MOST_PX, is_camera_size
from bot.rooms.webrtc import decoding, traffic
from bot.rooms.webrtc.aiortc_patches import ReceivedCodec
from bot.rooms.webrtc.decoding import (
    MAX_WAITING_FRAMES,
    Decoder,
    EncodedFrames,
    Pictures,
    is_keyframe,
    refusal,
)
from bot.rooms.webrtc.traffic import Traffic, join_decoders
from bot.samples.story import clip_path
from tests.contracts.rooms import until
from tests.h264 import START, parameter_sets, whole_picture
from tests.h264 import frame as whole_frame
from tests.hostile import VIDEO

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


def put(inbox: EncodedFrames, *frames: bytes, codec: str = "VP8") -> None:
    for data in frames:
        inbox.put((Codec(codec), Encoded(data)))


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


async def test_decoder_makes_no_further_picture_before_the_loop_has_taken_the_last() -> None:
    delivered: list[VideoFrame] = []
    pictures = Pictures(delivered.append)
    older, newer = VideoFrame(16, 16), VideoFrame(16, 16)
    first = pictures.put(older)
    waiting = asyncio.create_task(asyncio.to_thread(pictures.put, newer))
    assert await asyncio.wait([waiting], timeout=0.05) == (set(), {waiting})
    await first
    await (await waiting)
    assert delivered == [older, newer]


async def test_decoder_does_not_wait_for_a_loop_that_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "LOOP_PATIENCE_S", 0.01)
    delivered: list[VideoFrame] = []
    pictures = Pictures(delivered.append)
    frames = [VideoFrame(16, 16) for _ in range(3)]
    for handing_on in [pictures.put(frame) for frame in frames]:
        await handing_on
    assert delivered == frames


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


def h264(width_px: int, height_px: int, pictures: int = 1, **options: str) -> list[bytes]:
    """Encode grey pictures; the first announces their size."""
    encoder = CodecContext.create("libx264", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width_px, height_px, "yuv420p"
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", **options}
    picture = VideoFrame(width_px, height_px, "yuv420p")
    return [b"".join(map(bytes, encoder.encode(picture))) for _ in range(pictures)]


def test_h264_picture_of_a_size_no_camera_has_is_skipped_with_what_follows() -> None:
    large = h264(4112, 2304, pictures=2, profile="baseline")
    small = h264(640, 360, pictures=2, profile="baseline")
    inbox = EncodedFrames(threading.Event())
    put(inbox, *large, codec="H264")
    assert waiting(inbox) == []
    put(inbox, *small, codec="H264")
    assert waiting(inbox) == small


def test_h264_size_counts_also_when_it_comes_before_the_picture_that_has_it() -> None:
    """A decoder keeps what it was given, and fetches the memory with the first slice that refers to it."""
    large = h264(4112, 2304, profile="baseline")[0]
    sizes = large[: large.index(b"\x00\x00\x01\x65")]
    small = h264(640, 360, profile="baseline")[0]
    inbox = EncodedFrames(threading.Event())
    put(inbox, small, sizes + small, codec="H264")
    assert waiting(inbox) == [small]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (h264(4096, 2304)[0], False),
        (b"\x00\x00\x01\x67", True),
        (b"\x00\x00\x01\x67\x42\xe0\x1f" + b"\x00" * 40, True),
        (b"\x00\x00\x01\x41slice", False),
        (b"", False),
    ],
    ids=["the largest that is taken", "cut short", "an endless number", "no size", "nothing"],
)
def test_h264_size_that_is_too_large_or_cannot_be_read_is_refused(data: bytes, expected: bool) -> None:
    assert (refusal("H264", data) is not None) is expected


@pytest.mark.parametrize("row", VIDEO)
def test_frame_that_no_camera_sends_reaches_no_decoder_and_is_reported(row: str) -> None:
    codec, data = VIDEO[row]
    reported: list[str] = []
    inbox = EncodedFrames(threading.Event(), reported.append)
    put(inbox, data, codec=codec)
    assert waiting(inbox) == []
    assert len(reported) == 1


async def test_picture_larger_than_was_announced_is_not_handed_on() -> None:
    delivered, refused = list[VideoFrame](), list[str]()
    pictures = Pictures(delivered.append, refused.append)
    for size in ((33_600, 16), (16, 33_600), (640, 360)):
        await pictures.put(VideoFrame(*size))
    assert [picture.width for picture in delivered] == [640]
    assert refused == ["pictures of 33600x16", "pictures of 16x33600"]


@pytest.mark.parametrize("size", [(16, 16), (640, 360), (360, 640), (3840, 2160), (2304, 4096), (3840, 1080)])
def test_sizes_of_cameras_are_taken(size: tuple[int, int]) -> None:
    assert is_camera_size(*size)


def test_decoder_would_take_the_memory_that_is_refused() -> None:
    px = 4112 * 2304
    assert px > MOST_PX
    decoded = H264Decoder().decode(JitterFrame(h264(4112, 2304, profile="baseline")[0], 0))
    assert [picture.width * picture.height for picture in decoded if isinstance(picture, VideoFrame)] == [px]


def test_parameter_sets_of_the_description_are_put_before_pictures_of_a_stream_that_has_none() -> None:
    sets = b"".join(START + unit for unit in parameter_sets(640, 368))
    inbox = EncodedFrames(threading.Event())
    for number in range(2):
        inbox.put(
            (ReceivedCodec("video/H264", 90_000, parameter_sets=sets), Encoded(START + whole_picture(640, 368, number)))
        )
    decoder = H264Decoder()
    pictures = [picture for data in waiting(inbox) for picture in decoder.decode(JitterFrame(data, 0))]
    assert [(picture.width, picture.height) for picture in pictures if isinstance(picture, VideoFrame)] == [
        (640, 368)
    ] * 2


def test_parameter_sets_of_the_stream_itself_are_left_alone() -> None:
    sets = b"".join(START + unit for unit in parameter_sets(320, 240))
    inbox = EncodedFrames(threading.Event())
    codec = ReceivedCodec("video/H264", 90_000, parameter_sets=sets)
    sent = [whole_frame(640, 368), START + whole_picture(640, 368, 1)]
    for data in sent:
        inbox.put((codec, Encoded(data)))
    assert waiting(inbox) == sent


def test_sizes_of_the_description_are_bound_as_well() -> None:
    sets = b"".join(START + unit for unit in parameter_sets(33_600, 16))
    reported: list[str] = []
    inbox = EncodedFrames(threading.Event(), reported.append)
    inbox.put((ReceivedCodec("video/H264", 90_000, parameter_sets=sets), Encoded(START + whole_picture(33_600, 16))))
    assert waiting(inbox) == []
    assert reported == ["pictures of 33600x16"]


class Stuck:
    """A codec that hangs, as native code may, or fails in a way of its own."""

    def __init__(self, released: threading.Event) -> None:
        self.released = released

    def decode(self, frame: Encoded) -> list[VideoFrame]:
        if frame.data == b"\x10broken":
            raise ZeroDivisionError
        self.released.wait(30)
        return []


async def test_decoders_that_hang_are_left_behind_together_and_the_loop_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    released = threading.Event()
    monkeypatch.setattr(decoding, "get_decoder", lambda codec: Stuck(released))
    monkeypatch.setattr(traffic, "CLOSING_S", 0.3)
    before = _abandoned()
    traffics = [Traffic() for _ in range(25)]
    for each in traffics:
        each.decoders.append(decoder := _decoder())
        decoder.start()
        put(decoder._inbox, KEY)
    loop = asyncio.get_running_loop()
    began, latest_s = loop.time(), 0.0
    joining = asyncio.create_task(join_decoders(*traffics))
    while not joining.done():
        turn = loop.time()
        await asyncio.sleep(0)
        latest_s = max(latest_s, loop.time() - turn)
    assert _abandoned() == before + 25
    assert all(decoder.daemon for each in traffics for decoder in each.decoders), "the process may end"
    assert latest_s < 0.2, "the loop went on"
    assert loop.time() - began < 3.0, "not a patience for each"
    released.set()


async def test_frame_that_breaks_a_codec_does_not_end_the_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    released.set()
    monkeypatch.setattr(decoding, "get_decoder", lambda codec: Stuck(released))
    decoder = _decoder()
    decoder.start()
    put(decoder._inbox, b"\x10broken", KEY)
    await until(decoder._inbox.empty)
    put(decoder._inbox, b"\x10broken")
    assert decoder.is_alive()
    decoder._inbox.put(None)
    await join_decoders(Traffic(decoders=[decoder]))
    assert not decoder.is_alive()


def _decoder() -> Decoder:
    lost = threading.Event()
    return Decoder(EncodedFrames(lost), Pictures(lambda picture: None), lost, asyncio.get_running_loop())


def _abandoned() -> float:
    return REGISTRY.get_sample_value("classpulse_decoders_abandoned_total") or 0.0
