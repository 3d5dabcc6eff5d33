"""What files say of their pictures is believed where it is true, and checked where it is not."""

import struct
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from bot.rooms.publishing.camera import ClipCamera, FileCamera, open_camera
from bot.rooms.publishing.encoded_clip import read_clip
from bot.rooms.webrtc.orientation import UPRIGHT, Turn, read_matrix

WIDTH, HEIGHT = 128, 64


def write(path: Path, codec: str, *, turned_deg: float = 0.0, times_ms: tuple[int, ...] = (0, 100, 200)) -> Path:
    """Write pictures with a red corner at the upper left, and when each is shown."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[: HEIGHT // 2, : WIDTH // 2] = (255, 0, 0)
    with av.open(str(path), "w") as container:
        options = {"lag-in-frames": "0", "auto-alt-ref": "0"} if codec.startswith("libvpx") else {}
        stream = container.add_stream(codec, rate=1000, options=options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt, stream.time_base = WIDTH, HEIGHT, "yuv420p", Fraction(1, 1000)
        stream.codec_context.time_base = Fraction(1, 1000)
        if turned_deg:
            stream.set_display_rotation(turned_deg)
        for at in times_ms:
            picture = av.VideoFrame.from_ndarray(image, format="rgb24")
            picture.pts, picture.time_base = at, Fraction(1, 1000)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def red_corner(picture: av.VideoFrame) -> tuple[bool, bool]:
    """Return in which corner the red is: at the right, at the bottom."""
    red = picture.to_ndarray(format="rgb24")[:, :, 0].astype(float)
    rows, columns = red.shape
    return bool(red[:, columns // 2 :].sum() > red.sum() / 2), bool(red[rows // 2 :].sum() > red.sum() / 2)


@pytest.mark.parametrize(
    ("turned_deg", "size", "corner"),
    [
        (0, (WIDTH, HEIGHT), (False, False)),
        (-90, (HEIGHT, WIDTH), (True, False)),
        (180, (WIDTH, HEIGHT), (True, True)),
        (90, (HEIGHT, WIDTH), (False, True)),
    ],
)
@pytest.mark.parametrize(("name", "codec"), [("turned.mp4", "mpeg4"), ("turned.mkv", "libvpx")])
def test_file_that_is_turned_is_played_upright(
    tmp_path: Path, name: str, codec: str, turned_deg: float, size: tuple[int, int], corner: tuple[bool, bool]
) -> None:
    camera = FileCamera(write(tmp_path / name, codec, turned_deg=turned_deg))
    picture, _ = camera._ahead
    assert (picture.width, picture.height) == size
    assert red_corner(picture) == corner


def test_clip_that_is_turned_is_not_sent_as_it_is(tmp_path: Path) -> None:
    assert isinstance(open_camera(write(tmp_path / "upright.mkv", "libvpx")), ClipCamera)
    assert isinstance(open_camera(write(tmp_path / "turned.mkv", "libvpx", turned_deg=90)), FileCamera)


def test_pictures_are_shown_as_long_as_their_times_say_whatever_rate_the_file_states(tmp_path: Path) -> None:
    path = write(tmp_path / "slow.webm", "libvpx-vp9", times_ms=(0, 100, 400, 500))
    with av.open(str(path)) as container:
        assert (container.streams.video[0].average_rate or 0) > 100, "the file lies"
    camera = FileCamera(path)
    shown = [camera._ahead[1], *(shown_s for _, shown_s in islice(camera._pictures, 3))]
    assert shown == pytest.approx([0.1, 0.3, 0.1, 0.1], abs=0.002)


def test_last_picture_of_a_clip_is_shown_as_long_as_the_one_before(tmp_path: Path) -> None:
    clip = read_clip(write(tmp_path / "slow.mkv", "libvpx", times_ms=(0, 100, 200)))
    assert [frame.duration_s for frame in clip.frames] == pytest.approx([0.1, 0.1, 0.1], abs=0.002)


def matrix(a: float, b: float, c: float, d: float) -> bytes:
    return struct.pack("9i", *(round(65536 * x) for x in (a, b, 0, c, d, 0, 0, 0)), 1 << 30)


@pytest.mark.parametrize(
    ("data", "turn"),
    [
        (matrix(1, 0, 0, 1), UPRIGHT),
        (matrix(0, 1, -1, 0), Turn(1)),
        (matrix(-1, 0, 0, -1), Turn(2)),
        (matrix(0, -1, 1, 0), Turn(3)),
        (matrix(-1, 0, 0, 1), Turn(0, is_mirrored=True)),
        (matrix(1, 0, 0, -1), Turn(2, is_mirrored=True)),
        (matrix(0.05, 0.99, -0.99, 0.05), Turn(1)),
        (matrix(0, 0, 0, 0), UPRIGHT),
        (b"", UPRIGHT),
    ],
)
def test_display_matrix_is_read_to_the_nearest_quarter_turn(data: bytes, turn: Turn) -> None:
    assert read_matrix(data) == turn
