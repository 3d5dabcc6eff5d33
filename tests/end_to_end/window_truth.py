"""What people do in a window, as it was read through the share, against what was drawn."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import pytest

from bot.meeting import observers
from bot.meeting.observer import observe
from engine.expressions import FER7, Expression
from engine.readings import FaceReading

Reading = tuple[float, FaceReading]
"""With its time on the room's clock."""


@contextmanager
def readings_kept() -> Iterator[Mapping[str, Sequence[Reading]]]:
    """Keep what is read of everybody, by display name, as long as a block lasts."""
    kept = defaultdict[str, list[Reading]](list)

    async def tapped(track: Any, inference: Any, meter: Any, turns: Any, **more: Any) -> None:
        taken, update = kept[track.participant.name], meter.update

        class Tap:
            def update(self, at: float, reading: FaceReading | None, aspect: float | None = None) -> None:
                if reading is not None:
                    taken.append((at, reading))
                update(at, reading, aspect)

            def __getattr__(self, name: str) -> Any:
                return getattr(meter, name)

        await observe(track, inference, Tap(), turns, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(observers, "observe", tapped)
        yield kept


@dataclass(frozen=True)
class Held:
    """What was read of somebody while they held a segment."""

    readings: Sequence[FaceReading]
    calm: Sequence[FaceReading]
    """Of before."""
    drawn: Callable[[str], float]
    """Gives the median of what was drawn, by the name of a value of the pose."""

    def check_expression(self, expression: Expression) -> None:
        scores = np.mean([each.fer7 for each in self.readings if each.fer7 is not None], axis=0)
        assert FER7[int(scores.argmax())] is expression

    def check_turned_as_drawn(self) -> None:
        turned_deg = median(each.face.yaw_deg for each in self.readings)
        assert turned_deg == pytest.approx(self.drawn("yaw_deg"), abs=10.0)

    def check_eyes_closed(self) -> None:
        opened = median(each.face.eye_openness for each in self.calm)
        assert median(each.face.eye_openness for each in self.readings) < 0.4 * opened

    def check_gaze_aside(self) -> None:
        straight = median(each.face.iris_offset for each in self.calm)
        moved = median(each.face.iris_offset for each in self.readings) - straight
        assert abs(moved) > 0.1
        assert moved * self.drawn("gaze") > 0

    def check_looks_away(self) -> None:
        assert median(abs(each.face.yaw_deg) for each in self.readings) > 30
        assert abs(self.drawn("yaw_deg")) > 30
