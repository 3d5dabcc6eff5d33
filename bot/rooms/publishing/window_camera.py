"""Shares a drawn gallery as its window: draws and encodes picture by picture, in a thread, as a browser would."""

import asyncio
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Final

import av

from bot.rooms.publishing.camera import Camera, EncodedPicture
from bot.rooms.publishing.publisher import Publisher
from engine.readings import Image

PICTURES_PER_S: Final = 10
BITS_PER_S: Final = 2_500_000
"""What browsers send of a window."""
_KEY_FRAME_EVERY_S: Final = 2
"""Whoever begins to watch waits for one at most; a request for one needs no answer."""


class WindowCamera(Camera):
    """Sends what a window shows, VP8, from its second 0 on."""

    def __init__(self, picture: Callable[[float], Image]) -> None:
        """Send what `picture` draws for a time in seconds; it is called in a worker thread, with times that grow."""
        super().__init__()
        self._picture = picture
        self._number = 0
        self._encoder: Any = None

    async def _next(self) -> tuple[EncodedPicture, float]:
        # What is late shows a later moment: the window keeps time, however slow the machine is.
        at_s = self._due - (self._origin or 0.0)
        return await asyncio.to_thread(self._encode, at_s), 1 / PICTURES_PER_S

    def _encode(self, at_s: float) -> EncodedPicture:
        while True:
            picture = self._picture(at_s)
            height, width = picture.shape[:2]
            if self._encoder is None or (self._encoder.width, self._encoder.height) != (width, height):
                self._encoder = window_encoder(width, height, PICTURES_PER_S)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = self._number, self._encoder.time_base
            self._number += 1
            for packet in self._encoder.encode(frame):
                return av.Packet(bytes(packet))


async def share_window(picture: Callable[[float], Image], whip_url: str) -> None:
    """Share a window with a room, without end.

    Args:
        picture: As for `WindowCamera`.
        whip_url: Where it is shared, with the token of an instructor's link behind `#t=`.

    Raises:
        RoomError: It cannot be shared.
    """
    async with Publisher(whip_url, "", WindowCamera(picture)):
        await asyncio.Event().wait()


def window_encoder(width: int, height: int, rate: int) -> Any:
    """Open an encoder that makes of a window what a browser does: VP8 in real time, so many pictures a second."""
    encoder: Any = av.CodecContext.create("libvpx", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.bit_rate = Fraction(1, rate), BITS_PER_S
    encoder.gop_size = _KEY_FRAME_EVERY_S * rate
    encoder.options = {
        "deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "auto-alt-ref": "0", "static-thresh": "100",
    }  # fmt: skip
    return encoder
