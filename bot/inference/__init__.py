"""Where faces are found and read."""

from typing import Protocol

from bot.rooms.base import Frame
from engine.readings import Box, FaceReading


class Inference(Protocol):
    """Reads faces without blocking the event loop."""

    async def read(self, frame: Frame, last_box: Box | None, *, thorough: bool = True) -> FaceReading | None:
        """Find the largest face of a frame and read its displayed expression.

        Args:
            frame: What the camera showed; converted to RGB in a worker thread.
            last_box: Where this participant's face was last, or None; makes finding it again cheap.
            thorough: Whether to search a picture without a face twice, at twice the price.

        Returns:
            The reading, or None when no face is in view. `fer7` is None when no network may run.

        Raises:
            EngineError: The read failed; the next one may succeed.
        """
