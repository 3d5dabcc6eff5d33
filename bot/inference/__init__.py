"""Where faces are found and read."""

from typing import Protocol

from bot.inference.reader import FaceReader
from bot.rooms.base import Frame
from engine.readings import Box, FaceReading


class Inference(Protocol):
    """Reads faces without blocking the event loop."""

    async def read(
        self, frame: Frame, last_box: Box | None, *, participant: str, thorough: bool = True
    ) -> FaceReading | None:
        """Find the largest face of a frame and read its displayed expression.

        Args:
            frame: What the camera showed; converted to RGB in a worker thread.
            last_box: Where this participant's face was last, or None; makes finding it again cheap.
            participant: Whose camera it is; of several faces that wait for the network, only the newest is read.
            thorough: Whether to search a picture without a face twice, at twice the price.

        Returns:
            The reading, or None when no face is in view. `fer7` is None when no network may run, or the engine is away.

        Raises:
            EngineError: The read failed; the next one may succeed.
        """


def open_inference(engine: str | None, *, threads: int, expressions: bool, fallback: bool = False) -> FaceReader:
    """Choose where faces are read; nothing is loaded or connected before the reader is entered.

    Args:
        engine: The file of an expression network, run in this process; or `ipc://PATH` of an engine process, `ipc://`
            of that with the default address; None is the network that ships.
        threads: Faces searched for at the same time.
        expressions: Whether a network may run. False, as under `presence`, never opens, imports or reaches one.
        fallback: Read on the CPU, with a warning, where a plan does not fit this machine.

    Raises:
        SettingsRefused: The address cannot be used.
    """
    if not expressions:
        return FaceReader(None, threads=threads)
    if engine is not None and engine.startswith("ipc:"):
        from bot.inference.client import SharedNetwork

        return FaceReader(SharedNetwork(engine), threads=threads)
    from bot.inference.local import LocalNetwork

    return FaceReader(LocalNetwork(engine, fallback=fallback), threads=threads)
