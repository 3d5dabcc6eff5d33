"""Takes the picture of a read when the read begins, not when it was asked for: waiting in a queue makes nothing old."""

from collections.abc import AsyncIterator
from dataclasses import replace

from bot.rooms.base import Frame
from engine.readings import Image


class Shutter:
    """Passes a camera's frames on and remembers the newest. Iterate over it; one read at a time."""

    def __init__(self, frames: AsyncIterator[Frame]) -> None:
        self._frames = frames
        self._newest: Frame
        self._taken: Frame | None = None

    async def __aiter__(self) -> AsyncIterator[Frame]:
        async for frame in self._frames:
            self._newest = frame
            yield frame

    def late(self, frame: Frame) -> Frame:
        """Return a frame that, when it is converted, is the newest; `frame` is what it is until then."""
        self._taken = frame
        return replace(frame, to_rgb=self._take)

    @property
    def taken(self) -> Frame:
        """What the last read took, once it is over."""
        assert self._taken is not None
        return self._taken

    def has_taken(self, frame: Frame) -> bool:
        """Tell whether the last read took this very frame: it had to wait, and the camera has shown none since."""
        return frame is self._taken

    def _take(self) -> Image:
        # Called in a worker thread while frames come: one reference is read, and everything is taken from it.
        self._taken = newest = self._newest
        return newest.to_rgb()
