"""Pictures of which only the parts that are looked at become RGB: of a known face, a quarter of the picture or less."""

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.errors import ImageUnreadable
from engine.pictures import checked_image, is_within_bounds
from engine.readings import Image, Picture
from engine.scratch import scratch

Plane = NDArray[np.uint8]
"""One channel, (height, width), uint8; need not be contiguous."""


class RgbPicture(Picture):
    """A picture that is RGB already."""

    def __init__(self, image: Image) -> None:
        """Take it.

        Raises:
            ImageUnreadable: It is none, or out of the bounds of `engine.pictures`.
        """
        self._image = checked_image(image)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self._image.shape[0], self._image.shape[1]

    def cut(self, left: int, top: int, right: int, bottom: int) -> Image:
        """Return a view."""
        return self._image[top:bottom, left:right]

    def whole(self) -> Image:
        """Return it."""
        return self._image


class VideoPicture(Picture):
    """A picture as video carries it, 4:2:0 after BT.601 in limited range."""

    def __init__(self, luma: Plane, blue: Plane, red: Plane) -> None:
        """Take its planes, and convert nothing yet.

        Args:
            luma: (H, W), both even.
            blue: (H / 2, W / 2).
            red: the same.

        Raises:
            ImageUnreadable: They are none, or out of the bounds of `engine.pictures`.
        """
        height, width = luma.shape
        half = (height // 2, width // 2)
        if height % 2 or width % 2 or not blue.shape == red.shape == half or not is_within_bounds(width, height):
            raise ImageUnreadable(f"planes of {luma.shape}, {blue.shape} and {red.shape} are no picture")
        self._luma, self._colours = luma, (blue, red)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self._luma.shape[0], self._luma.shape[1]

    def cut(self, left: int, top: int, right: int, bottom: int) -> Image:
        """Convert a part."""
        x, y = left // 2 * 2, top // 2 * 2  # where a sample of the colours begins
        height, width = (bottom - y + 1) // 2 * 2, (right - x + 1) // 2 * 2
        image = self._converted(x, y, scratch("image", (height, width, 3)))
        return image[top - y : bottom - y, left - x : right - x]

    def whole(self) -> Image:
        """Convert it."""
        return self._converted(0, 0, np.empty((*self.shape, 3), np.uint8))

    def _converted(self, left: int, top: int, image: Image) -> Image:
        """Convert as much as there is room for in an image of even sides; returns it."""
        height, width = image.shape[:2]
        packed = scratch("packed", (height * 3 // 2, width))  # as OpenCV takes it: a plane behind the other
        packed[:height] = self._luma[top : top + height, left : left + width]
        rows, columns = (slice(start // 2, (start + side) // 2) for start, side in ((top, height), (left, width)))
        for space, colour in zip(packed[height:].reshape(2, height // 2, width // 2), self._colours, strict=True):
            space[:] = colour[rows, columns]
        cv2.cvtColor(packed, cv2.COLOR_YUV2RGB_I420, dst=image)
        return image


def as_picture(image: Image | Picture) -> Picture:
    """Take a picture of either kind; raises as `RgbPicture`."""
    return image if isinstance(image, Picture) else RgbPicture(image)
