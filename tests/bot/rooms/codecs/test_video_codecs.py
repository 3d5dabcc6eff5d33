"""What frames say of themselves, by real encoders; and what no decoder gets to see."""

import threading
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rooms.codecs import vp9
from bot.rooms.codecs.video_codecs import CODECS
from bot.rooms.webrtc.decoding import EncodedFrames, new_context, refusal
from bot.rooms.webrtc.jitter_buffer import EncodedFrame
from tests.bot.rooms.webrtc.test_decoding import Codec
from tests.hostile import BROWSER_VIDEO

ENCODERS = {"VP8": "libvpx", "VP9": "libvpx-vp9", "H264": "libx264", "AV1": "libsvtav1"}


def encoded(codec: str, width_px: int, height_px: int, count: int = 6) -> list[bytes]:
    """Encode a moving picture; the first frame is a whole one."""
    context = av.CodecContext.create(ENCODERS[codec], "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = width_px, height_px, "yuv420p"
    context.time_base, context.framerate, context.gop_size = Fraction(1, 15), Fraction(15), 100
    if codec == "H264":
        context.options = {"tune": "zerolatency", "profile": "baseline"}
    elif codec == "AV1":
        context.options = {"preset": "12", "svtav1-params": "pred-struct=1:rc=2:tbr=300"}
    else:
        context.options = {"lag-in-frames": "0", "deadline": "realtime"}
    frames = []
    for number in range(count):
        picture = np.full((height_px, width_px, 3), (200, 10 * number, 40), np.uint8)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts = number
        frames += [bytes(packet) for packet in context.encode(frame)]
    return frames + [bytes(packet) for packet in context.encode(None)]


@pytest.mark.parametrize("codec", CODECS)
def test_whole_picture_and_its_size_are_recognised(codec: str) -> None:
    key, delta, *_ = encoded(codec, 320, 192)
    assert CODECS[codec].is_key(key)
    assert not CODECS[codec].is_key(delta)
    assert CODECS[codec].shown(key) == (320, 192)
    assert refusal(codec, key) is None
    assert refusal(codec, delta) is None


@pytest.mark.parametrize("codec", CODECS)
def test_picture_comes_of_every_frame_at_once(codec: str) -> None:
    context = new_context(codec)
    for data in encoded(codec, 320, 192):
        (picture,) = context.decode(av.Packet(data))
        assert (picture.width, picture.height) == (320, 192)


@pytest.mark.parametrize("row", BROWSER_VIDEO)
def test_frame_that_must_not_be_decoded_reaches_no_decoder(row: str) -> None:
    codec, data = BROWSER_VIDEO[row]
    refused: list[str] = []
    inbox = EncodedFrames(threading.Event(), refused.append)
    assert inbox.put(Codec(codec), EncodedFrame(data, 0, 0)) is None
    assert len(inbox) == 0


@pytest.mark.parametrize("codec", CODECS)
@given(data=st.binary(max_size=80))
def test_any_bytes_are_judged_without_a_bug(codec: str, data: bytes) -> None:
    assert CODECS[codec].is_key(data) in (True, False)
    assert refusal(codec, data) is None or refusal(codec, data)


def test_layers_of_a_vp9_picture_are_one_frame_and_can_be_taken_apart() -> None:
    small, large = encoded("VP9", 160, 96)[0], encoded("VP9", 320, 192)[0]
    whole = vp9.join([small, large])
    assert vp9.split(whole) == [small, large]
    assert vp9.sizes(whole) == [(160, 96), (320, 192)]
    assert CODECS["VP9"].shown(whole) == (320, 192)
    pictures = new_context("VP9").decode(av.Packet(whole))
    assert (pictures[-1].width, pictures[-1].height) == (320, 192)
