"""A decoder that lags never shows the past, and its pictures never wait."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pytest
from aiortc.codecs.h264 import H264Decoder
from aiortc.codecs.vpx import Vp8Decoder
from aiortc.jitterbuffer import JitterFrame
from av import CodecContext, Packet, VideoFrame
from av.video.codeccontext import VideoCodecContext
from prometheus_client import REGISTRY

from bot.rooms.base import PictureLost
from bot.rooms.codecs.h264 import nal_type, nal_units
from bot.rooms.publishing.encoded_clip import read_clip
from bot.rooms.video_size import MOST_PX, is_camera_size
from bot.rooms.webrtc import decoding, traffic
from bot.rooms.webrtc.aiortc_patches import ReceivedCodec
from bot.rooms.webrtc.decoding import (
    MAX_WAITING_FRAMES,
    CodedPicture,
    Decoder,
    EncodedFrames,
    is_keyframe,
    new_context,
    refusal,
)
from bot.rooms.webrtc.jitter_buffer import EncodedFrame
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


def put(inbox: EncodedFrames, *frames: bytes, codec: str = "VP8") -> list[int | None]:
    return [inbox.put(Codec(codec), EncodedFrame(data, 0, 96)) for data in frames]


def waiting(inbox: EncodedFrames) -> list[bytes]:
    return [each.frame.data for each in inbox.take(1_000_000)]


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


async def test_picture_larger_than_was_announced_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    made = [VideoFrame(*size) for size in ((33_600, 16), (16, 33_600), (640, 360))]
    monkeypatch.setattr(decoding, "new_context", lambda codec: Scripted(lambda data: [made.pop(0)]))
    async with decoding_thread() as (decoder, inbox, reported):
        numbers = put(inbox, KEY, DELTA, DELTA)
        outcomes = [await look(decoder, number) for number in numbers]
        assert [picture and picture.width for picture in outcomes] == [None, None, 640]
        await until(lambda: len(reported) == 2)
    assert reported == ["pictures of 33600x16", "pictures of 16x33600"]


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
    pictures = []
    decoder = H264Decoder()
    for number in range(2):
        codec = ReceivedCodec("video/H264", 90_000, parameter_sets=sets)
        inbox.put(codec, EncodedFrame(START + whole_picture(640, 368, number), 0, 96))
        pictures += [picture for data in waiting(inbox) for picture in decoder.decode(JitterFrame(data, 0))]
    assert [(picture.width, picture.height) for picture in pictures if isinstance(picture, VideoFrame)] == [
        (640, 368)
    ] * 2


def test_parameter_sets_of_the_stream_itself_are_left_alone() -> None:
    sets = b"".join(START + unit for unit in parameter_sets(320, 240))
    inbox = EncodedFrames(threading.Event())
    codec = ReceivedCodec("video/H264", 90_000, parameter_sets=sets)
    sent = [whole_frame(640, 368), START + whole_picture(640, 368, 1)]
    seen = []
    for data in sent:
        inbox.put(codec, EncodedFrame(data, 0, 96))
        seen += waiting(inbox)
    assert seen == sent


def test_sizes_of_the_description_are_bound_as_well() -> None:
    sets = b"".join(START + unit for unit in parameter_sets(33_600, 16))
    reported: list[str] = []
    inbox = EncodedFrames(threading.Event(), reported.append)
    codec = ReceivedCodec("video/H264", 90_000, parameter_sets=sets)
    inbox.put(codec, EncodedFrame(START + whole_picture(33_600, 16), 0, 96))
    assert waiting(inbox) == []
    assert reported == ["pictures of 33600x16"]


class Scripted:
    """A codec whose pictures the test makes."""

    def __init__(self, decode: Callable[[bytes], list[VideoFrame]]) -> None:
        self.seen: list[bytes] = []
        self._decode = decode

    def decode(self, packet: Any) -> list[VideoFrame]:
        self.seen.append(bytes(packet))
        return self._decode(bytes(packet))


def stuck(released: threading.Event) -> Callable[[str], Scripted]:
    """Open a codec that hangs, as native code may, or fails in a way of its own."""

    def decode(data: bytes) -> list[VideoFrame]:
        if data == b"\x10broken":
            raise ZeroDivisionError
        released.wait(30)
        return [VideoFrame(16, 16)]

    return lambda codec: Scripted(decode)


@asynccontextmanager
async def decoding_thread() -> AsyncIterator[tuple[Decoder, EncodedFrames, list[str]]]:
    """Run a decoder; gives its inbox and the reasons for what is refused, too."""
    reported: list[str] = []
    lost = threading.Event()
    inbox = EncodedFrames(lost, reported.append)
    decoder = Decoder(inbox, lost, asyncio.get_running_loop(), reported.append)
    decoder.start()
    try:
        yield decoder, inbox, reported
    finally:
        decoder.end()
        await join_decoders(Traffic(decoders=[decoder]))


async def look(decoder: Decoder, number: int | None) -> VideoFrame | None:
    """Want to see a picture, as a worker thread does; None where it is lost."""
    assert number is not None
    with suppress(PictureLost):
        return await asyncio.to_thread(decoder.picture, number)
    return None


@pytest.fixture
def codec(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """Have a codec make a picture of everything, and note what it is given."""
    scripted = Scripted(lambda data: [VideoFrame(16, 16)])
    monkeypatch.setattr(decoding, "new_context", lambda codec: scripted)
    return scripted


async def test_nothing_is_decoded_before_somebody_wants_to_see_it_and_then_all_in_one_go(codec: Scripted) -> None:
    async with decoding_thread() as (decoder, inbox, _):
        *_, third = put(inbox, KEY, DELTA, b"\x11third", b"\x11fourth")[:3]
        assert codec.seen == []
        assert await look(decoder, third)
        assert codec.seen == [KEY, DELTA, b"\x11third"], "what comes after it waits"
        assert await look(decoder, third)
        assert len(codec.seen) == 3, "and nothing is decoded twice"


async def test_what_lies_before_a_whole_picture_is_not_decoded(codec: Scripted) -> None:
    async with decoding_thread() as (decoder, inbox, _):
        first, *_, whole, last = put(inbox, KEY, DELTA, DELTA, KEY, b"\x11last")
        assert await look(decoder, first), "the whole picture shows more than what it took the place of"
        assert await look(decoder, whole), "which is there for whoever wants to see it, too"
        assert await look(decoder, last)
        assert codec.seen == [KEY, b"\x11last"]


async def test_pictures_that_no_other_needs_are_not_decoded_unless_they_are_looked_at(codec: Scripted) -> None:
    async with decoding_thread() as (decoder, inbox, _):
        put(inbox, KEY)
        for data in (b"\x11a", b"\x11b"):
            inbox.put(Codec(), EncodedFrame(data, 0, 96, is_discardable=True))
        put(inbox, DELTA)
        number = inbox.put(Codec(), EncodedFrame(b"\x11c", 0, 96, is_discardable=True))
        assert await look(decoder, number)
        assert codec.seen == [KEY, DELTA, b"\x11c"]


async def test_picture_is_proved_on_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "new_context", lambda codec: Scripted(lambda data: []))
    async with decoding_thread() as (decoder, inbox, _):
        loop, proofs = asyncio.get_running_loop(), list[tuple[bool, bool]]()
        [number] = put(inbox, KEY)
        assert number is not None
        picture = CodedPicture(16, 16, 0, number, decoder)
        picture.prove(lambda is_good: proofs.append((is_good, asyncio.get_running_loop() is loop)))
        await until(lambda: bool(proofs))
        assert proofs == [(False, True)], "nothing came of it"


async def test_frames_that_nobody_reads_do_not_pile_up(codec: Scripted) -> None:
    async with decoding_thread() as (decoder, inbox, _):
        number = put(inbox, KEY, *[DELTA] * (MAX_WAITING_FRAMES - 2))[-1]
        assert number is not None
        CodedPicture(16, 16, 0, number, decoder).decode_ahead()
        await until(lambda: len(codec.seen) == MAX_WAITING_FRAMES - 1)
        assert len(inbox) == 0


async def test_picture_of_a_stream_that_is_over_is_lost_at_once(codec: Scripted) -> None:
    async with decoding_thread() as (decoder, inbox, _):
        [number] = put(inbox, KEY)
    began = time.monotonic()
    assert await look(decoder, number) is None
    assert time.monotonic() - began < decoding.DECODING_S / 2


def test_real_streams_look_the_same_without_the_pictures_that_nobody_needs() -> None:
    encoder = CodecContext.create("libx264", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = 64, 64, "yuv420p"
    encoder.options = {
        "preset": "veryfast",
        "x264-params": "bframes=2:b-pyramid=none:b-adapt=0:rc-lookahead=0:weightp=0",
    }
    encoded = []
    for number in range(12):
        picture = VideoFrame(64, 64, "yuv420p")
        for plane in picture.planes:
            plane.update(bytes((at * number) % 251 for at in range(plane.buffer_size)))
        encoded += [bytes(packet) for packet in encoder.encode(picture)]
    encoded += [bytes(packet) for packet in encoder.encode(None)]
    needed = [data for data in encoded if any(unit[0] & 0x60 for unit in nal_units(data) if nal_type(unit) in (1, 5))]
    assert len(needed) < len(encoded)
    assert last_picture(needed) == last_picture(encoded)


def last_picture(frames: list[bytes]) -> bytes:
    context = CodecContext.create("h264", "r")
    assert isinstance(context, VideoCodecContext)
    shown = [picture for data in [*frames, None] for picture in context.decode(Packet(data) if data else None)]
    return bytes(shown[-1].planes[0])


async def test_decoders_that_hang_are_left_behind_together_and_the_loop_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    released = threading.Event()
    monkeypatch.setattr(decoding, "new_context", stuck(released))
    monkeypatch.setattr(traffic, "CLOSING_S", 0.3)
    before = _abandoned()
    traffics = [Traffic() for _ in range(25)]
    for each in traffics:
        each.decoders.append(decoder := _decoder())
        decoder.start()
        put(decoder._inbox, KEY)
        decoder.catch_up(1)
        decoder.end()
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
    await until(lambda: not any(decoder.is_alive() for each in traffics for decoder in each.decoders))


async def test_decoder_that_hangs_holds_up_one_read_and_not_every_one(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(decoding, "new_context", stuck(released))
    monkeypatch.setattr(decoding, "DECODING_S", 0.3)
    async with decoding_thread() as (decoder, inbox, _):
        first, second = put(inbox, KEY, DELTA)
        assert await look(decoder, first) is None
        began = time.monotonic()
        for _ in range(20):
            assert await look(decoder, second) is None
        assert time.monotonic() - began < 20 * decoding.DECODING_S / 2
        released.set()
        await until(lambda: decoder._last[0] == first)
        assert await look(decoder, second), "once it goes on, so do the reads"


async def test_frame_that_breaks_a_codec_does_not_end_the_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    released.set()
    monkeypatch.setattr(decoding, "new_context", stuck(released))
    async with decoding_thread() as (decoder, inbox, _):
        broken, good = put(inbox, b"\x10broken", b"\x11good")
        assert await look(decoder, broken) is None
        assert decoder._lost_picture.is_set(), "the sender is asked for a whole one"
        assert await look(decoder, good)


def test_vp8_pictures_are_those_of_the_reference_decoder() -> None:
    reference, ours = CodecContext.create("libvpx", "r"), new_context("VP8")
    assert isinstance(reference, VideoCodecContext)
    for encoded in read_clip(clip_path("kofi", "calm")).frames[:40]:
        [expected], [seen] = reference.decode(Packet(encoded.data)), ours.decode(Packet(encoded.data))
        assert (expected.to_ndarray() == seen.to_ndarray()).all()


@pytest.mark.parametrize("codec_name", ["VP8", "H264"])
def test_decoder_uses_one_thread_and_shows_a_picture_at_once(codec_name: str) -> None:
    context = new_context(codec_name)
    assert context.thread_count == 1
    data = read_clip(clip_path("yuki", "calm")).frames[0].data if codec_name == "VP8" else h264(640, 360)[0]
    assert len(context.decode(Packet(data))) == 1


def _decoder() -> Decoder:
    lost = threading.Event()
    return Decoder(EncodedFrames(lost), lost, asyncio.get_running_loop())


def _abandoned() -> float:
    return REGISTRY.get_sample_value("classpulse_decoders_abandoned_total") or 0.0
