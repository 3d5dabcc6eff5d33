"""A decoded picture is opened as what it is: whatever is not as cameras send it is converted whole, and rightly."""

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace

from bot.rooms.webrtc.orientation import UPRIGHT, Turn, open_picture
from engine.readings import Image

RED, GREEN = (200, 40, 50), (30, 180, 60)


def painted(width_px: int = 64, height_px: int = 48) -> Image:
    image = np.empty((height_px, width_px, 3), np.uint8)
    image[:, : width_px // 2], image[:, width_px // 2 :] = RED, GREEN
    return image


def decoded(image: Image, kind: str, space: Colorspace = Colorspace.ITU601, full: bool = False) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(image, format="rgb24")
    span = ColorRange.JPEG if full else ColorRange.MPEG
    return frame.reformat(format=kind, dst_colorspace=space, dst_color_range=span)


def shown(frame: av.VideoFrame, turn: Turn = UPRIGHT) -> Image:
    picture = open_picture(frame, turn)
    return picture if isinstance(picture, np.ndarray) else picture.whole()


@pytest.mark.parametrize(
    ("kind", "space", "full", "is_cut"),
    [
        ("yuv420p", Colorspace.ITU601, False, True),
        ("yuv420p", Colorspace.ITU601, True, False),
        ("yuvj420p", Colorspace.ITU601, True, False),
        ("yuv420p", Colorspace.ITU709, False, False),
        ("yuv444p", Colorspace.ITU601, False, False),
        ("nv12", Colorspace.ITU601, False, False),
    ],
)
def test_picture_of_every_kind_has_the_colours_that_it_was_made_of(
    kind: str, space: Colorspace, full: bool, is_cut: bool
) -> None:
    frame = decoded(painted(), kind, space, full)
    assert isinstance(open_picture(frame, UPRIGHT), np.ndarray) != is_cut
    assert np.abs(shown(frame).astype(int) - painted())[:, 4:28].max() < 9
    assert np.abs(shown(frame).astype(int) - painted())[:, 36:60].max() < 9


@pytest.mark.parametrize(("width_px", "height_px"), [(63, 48), (64, 47), (63, 47)])
def test_picture_of_odd_sides_keeps_them(width_px: int, height_px: int) -> None:
    assert shown(decoded(painted(width_px, height_px), "yuv420p")).shape == (height_px, width_px, 3)


def test_turned_picture_is_upright() -> None:
    seen = shown(decoded(painted(), "yuv420p"), Turn(1))
    assert seen.shape == (64, 48, 3)
    assert np.abs(seen[8, 24].astype(int) - RED).max() < 9
    assert np.abs(seen[56, 24].astype(int) - GREEN).max() < 9
