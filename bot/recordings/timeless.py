"""An inference whose reads take none of a recording's time."""

from bot.inference import Inference
from bot.recordings.file_time import FileTimeLoop
from bot.rooms.base import Frame
from engine.readings import Box, FaceReading


class Timeless:
    """See `Inference`; time stands still on the loop while another one reads."""

    def __init__(self, inference: Inference, loop: FileTimeLoop) -> None:
        self._inference = inference
        self._loop = loop

    async def read(
        self, frame: Frame, last_box: Box | None, *, participant: str, thorough: bool = True
    ) -> FaceReading | None:
        """Read a face; see `Inference`."""
        with self._loop.standing():
            return await self._inference.read(frame, last_box, participant=participant, thorough=thorough)
