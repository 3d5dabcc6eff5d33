"""The command `classpulse` for measurements of galleries: keeps when every person was read, which no event says.

Run it in place of `bot`, with the file in `READS`; it is written at the end: a row [participant, when the picture was
taken, when its reading was known, in Unix seconds] each.
"""

import json
import os
import time
from pathlib import Path
from typing import Any

from bot.__main__ import main
from bot.inference import Inference
from bot.meeting import observers
from bot.meeting.observer import observe
from bot.meeting.read_rate import ReadSchedule
from bot.rooms.base import Track
from engine.readings import FaceReading

Row = tuple[str, float, float]


class Noting:
    """Stands before a meter and notes what goes in."""

    def __init__(self, meter: Any, participant: str, rows: list[Row]) -> None:
        self._meter = meter
        self._participant = participant
        self._rows = rows

    def update(self, at: float, reading: FaceReading | None, aspect: float | None = None) -> None:
        """Note a reading, and hand it on."""
        if reading is not None:
            self._rows.append((self._participant, at, time.time()))
        self._meter.update(at, reading, aspect)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._meter, name)


def note_reads(rows: list[Row]) -> None:
    """Have every observer that begins from now on note its readings."""

    async def noted(track: Track, inference: Inference, meter: Any, turns: ReadSchedule, **more: Any) -> None:
        await observe(track, inference, Noting(meter, track.participant.id, rows), turns, **more)

    setattr(observers, "observe", noted)  # noqa: B010  a module's name is none of an object's


if __name__ == "__main__":
    noted_rows: list[Row] = []
    note_reads(noted_rows)
    try:
        main()
    finally:
        Path(os.environ["READS"]).write_text(json.dumps(noted_rows))
