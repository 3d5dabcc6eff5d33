"""Pure: how a picture was turned on its way, and how it stands upright again, to be looked at."""

import math
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
from av import VideoFrame
from av.video.plane import VideoPlane

from engine.parts import Plane, VideoPicture
from engine.readings import Image, Picture

_BT601: Final = (2, 5, 6)
"""FFmpeg's numbers of its colours; 2 says nothing, and means them."""
_FULL_RANGE: Final = 2


@dataclass(frozen=True, slots=True)
class Turn:
    """What makes a picture upright: quarter turns to the right, then a mirror between left and right."""

    quarters: int = 0
    """0 to 3."""
    is_mirrored: bool = False

    def size(self, width_px: int, height_px: int) -> tuple[int, int]:
        """Return width and height of a picture once it is upright."""
        return (height_px, width_px) if self.quarters % 2 else (width_px, height_px)

    def upright(self, image: Image) -> Image:
        """Turn a picture; a view of it, and itself where nothing is to be done."""
        turned = np.rot90(image, -self.quarters) if self.quarters else image
        return turned[:, ::-1] if self.is_mirrored else turned


UPRIGHT = Turn()


def read_orientation(data: bytes) -> Turn | None:
    """Read the header extension `urn:3gpp:video-orientation` (3GPP TS 26.114, section 7.4.5); None if it is none.

    Its last two bits are the quarter turns, the third last the mirror. The text leaves open which comes first where
    both are said; this way a mirrored face is upright as well.
    """
    return Turn(data[0] & 3, bool(data[0] & 4)) if len(data) == 1 else None


def read_matrix(data: bytes) -> Turn:
    """Read a file's display matrix, nine numbers of 32 bits, to the nearest quarter turn; upright if it is none."""
    if len(data) != 36:
        return UPRIGHT
    across, down, _, across_down, down_down = np.frombuffer(data, np.int32)[:5].astype(float).tolist()
    is_mirrored = across * down_down - down * across_down < 0
    return Turn(round(math.atan2(down, -across if is_mirrored else across) / (math.pi / 2)) % 4, is_mirrored)


def turn_of(picture: VideoFrame) -> Turn:
    """Return how a file wants a picture turned before it is shown."""
    said = picture.side_data.get("DISPLAYMATRIX")
    return UPRIGHT if said is None else read_matrix(bytes(memoryview(cast(bytes, said))))


def open_picture(frame: VideoFrame, turn: Turn) -> Image | Picture:
    """Open a picture for reading, upright; converts nothing yet where it is as cameras send it."""
    is_usual = frame.format.name == "yuv420p" and frame.colorspace in _BT601 and frame.color_range != _FULL_RANGE
    if is_usual and turn == UPRIGHT and not (frame.width % 2 or frame.height % 2):
        return VideoPicture(*map(_plane, frame.planes))
    # By itself it would start threads for each picture: as much work, and a wait for them on a busy machine.
    return turn.upright(cast(Image, frame.to_ndarray(format="rgb24", threads=1)))


def _plane(plane: VideoPlane) -> Plane:
    """View a plane, whose rows may have something behind them."""
    rows: Plane = np.frombuffer(memoryview(cast(bytes, plane)), np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]
