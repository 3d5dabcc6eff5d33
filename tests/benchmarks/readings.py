"""Whether a change of the code left the readings as they were: the same pictures, read by two checkouts.

Each engine reads every clip of the drawn people 4 times a second, and every file of a folder of one's own. What they
read goes through the meters and the change detection of this checkout: a person a clip makes up a class, calm, then as
in the clip, then calm again. So index and alerts differ by what was read alone; decoding a stream is no part of it.
`python -m tests.benchmarks.readings [OTHER_CHECKOUT] [--clips FOLDER] [--json]`: compares, or without another checkout
prints what this one reads. The other one needs a virtual environment of its own in .venv.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import Any, Self

import av
import numpy as np

from bot.classroom.change_detection import AlertParameters, Change, ChangeDetector
from bot.classroom.summary import Person
from bot.engagement import EngagementMeter, EngagementParameters
from bot.rooms.base import Participant
from bot.samples.story import CLIPS
from engine.crops import face_batch
from engine.faces import FaceFinder
from engine.readings import Box, Face, FaceReading
from engine.runtimes import load_runtime

HERE = Path(__file__).resolve().parents[2]
READS_PER_S = 4
CALM_S, SHOWN_S, AGAIN_S = 330, 330, 120
"""Long enough for the detector to know the class, and for an alert each way."""
ALONE_S = 60
"""So long a file of one's own is shown, again and again: there is no calm face to begin with."""
THOROUGH_EVERY = 8
"""As a bot searches where nobody is in view."""
MOST_POINTS = 2.0
"""Of the index, 0 to 100: the median difference up to which readings are the same."""
MEASURED = ("box_width_px", "yaw_deg", "pitch_deg", "roll_deg", "eye_openness", "iris_offset", "mouth_openness")

Index = list[float | None]
"""0 to 100, a value a second; None where nothing was measurable."""


@dataclass(frozen=True, slots=True)
class Clip:
    """What was read of one file, 4 times a second."""

    aspect: float
    """Width over height."""
    reads: list[list[float] | None]
    """In the order of `MEASURED`, then the seven expressions; None without a face."""

    @classmethod
    def of(cls, path: Path, finder: FaceFinder, runtime: Any) -> Self:
        """Read a file with an engine, as an observer does."""
        pictures, per_s = _pictures(path)
        step = max(per_s / READS_PER_S, Fraction(1))
        reads: list[list[float] | None] = []
        box, lost = None, 0
        for number in range(max(1, int(len(pictures) / step))):
            picture = pictures[int(number * step)]
            face = finder.find(picture, box, thorough=lost < 2 or lost % THOROUGH_EVERY == 0)
            box, lost = (face.box, 0) if face else (None, lost + 1)
            if face is None:
                reads.append(None)
                continue
            scores = runtime.infer(face_batch([(picture, face)], runtime.manifest.input))
            values = [*(getattr(face, name) for name in MEASURED), *scores.fer7[0].tolist()]
            reads.append([round(float(value), 4) for value in values])
        height, width = pictures[0].shape[:2]
        return cls(width / height, reads)

    def reading(self, number: int) -> FaceReading | None:
        """Return a reading; the clip begins anew when it is over."""
        values = self.reads[number % len(self.reads)]
        if values is None:
            return None
        measured = dict(zip(MEASURED, values, strict=False))
        face = Face(box=Box(0, 0, 1, 1), landmarks=np.zeros((478, 3), np.float32), **measured)
        return FaceReading(face, np.array(values[len(MEASURED) :], np.float32))


class Seat:
    """One person of a class."""

    def __init__(self, name: str) -> None:
        self.index: Index = []
        self._participant = Participant(name, name)
        self._meter = EngagementMeter(EngagementParameters())
        self._meter.camera_on(0.0)

    def show(self, clip: Clip, since_s: int) -> Person:
        """Be read for a second of a clip that began `since_s` seconds ago."""
        at = float(len(self.index))
        for number in range(READS_PER_S):
            at = len(self.index) + number / READS_PER_S
            self._meter.update(at, clip.reading(since_s * READS_PER_S + number), clip.aspect)
        values = self._meter.values(at)
        self.index.append(None if values.index is None else round(100 * values.index, 2))
        return Person(self._participant, values)


def drawn_class(clips: Mapping[str, Clip]) -> tuple[dict[str, Index], list[Change]]:
    """Seat a person for each clip, by its name `PERSON-SEGMENT`; return everybody's index, and the alerts."""
    seats, detector, alerts = {name: Seat(name) for name in clips}, ChangeDetector(AlertParameters()), []
    for second in range(CALM_S + SHOWN_S + AGAIN_S):
        is_shown = CALM_S <= second < CALM_S + SHOWN_S
        since_s = second - CALM_S if is_shown else second
        people = [
            seat.show(clips[name if is_shown else f"{name.partition('-')[0]}-calm"], since_s)
            for name, seat in seats.items()
        ]
        if change := detector.update(float(second), people):
            alerts.append(change)
    return {name: seat.index for name, seat in seats.items()}, alerts


def alone(name: str, clip: Clip) -> Index:
    """Show a clip again and again to a meter that knows nobody yet."""
    seat = Seat(name)
    for second in range(ALONE_S):
        seat.show(clip, second)
    return seat.index


def read(files: list[Path]) -> dict[str, Clip]:
    """Read files with the engine of the checkout whose modules these are."""
    with FaceFinder() as finder, load_runtime(None) as runtime:
        return {file.stem: Clip.of(file, finder, runtime) for file in sorted(files)}


def compare(before: Mapping[str, Clip], after: Mapping[str, Clip], own: set[str]) -> dict[str, Any]:
    """Set two engines' readings against each other; those of `own` files, by their stems, are no part of the class."""
    drawn = [{name: clip for name, clip in clips.items() if name not in own} for clips in (before, after)]
    (old, old_alerts), (new, new_alerts) = map(drawn_class, drawn)
    # Calm people fill most of the time, and differ least: compared is what the clips show.
    shown = [{name: i[CALM_S : CALM_S + SHOWN_S] for name, i in index.items()} for index in (old, new)]
    figures = {"drawn": _difference(*shown), "drawn_reads": _reads_difference(*drawn)}
    if own:
        lone = [{name: clip for name, clip in clips.items() if name in own} for clips in (before, after)]
        figures["own"] = _difference(*({name: alone(name, clip) for name, clip in clips.items()} for clips in lone))
        figures["own_reads"] = _reads_difference(*lone)
    alerts = [[f"{a.kind} {a.start:g} to {a.end:g} s" for a in found] for found in (old_alerts, new_alerts)]
    most = max(figures[kind]["median_points"] for kind in ("drawn", "own") if kind in figures)
    figures["alerts"] = {"before": alerts[0], "after": alerts[1]}
    return {**figures, "same": most <= MOST_POINTS and alerts[0] == alerts[1]}


def _difference(before: dict[str, Index], after: dict[str, Index]) -> dict[str, Any]:
    pairs = {name: list(zip(old, after[name], strict=True)) for name, old in before.items()}
    apart = {name: [abs(a - b) for a, b in both if a is not None and b is not None] for name, both in pairs.items()}
    points = sorted(point for clip in apart.values() for point in clip)
    by_clip = {name: round(median(clip), 2) for name, clip in apart.items() if clip}
    return {
        "seconds": sum(map(len, pairs.values())),
        "measured_by_one_alone": sum((a is None) != (b is None) for both in pairs.values() for a, b in both),
        "median_points": round(median(points), 2),
        "p95_points": round(points[int(0.95 * len(points))], 2),
        "most_points": round(points[-1], 2),
        "median_points_by_clip": dict(sorted(by_clip.items(), key=lambda clip: -clip[1])),
    }


def _reads_difference(before: Mapping[str, Clip], after: Mapping[str, Clip]) -> dict[str, Any]:
    """Compare read by read: the index says little of what is beyond its limits."""
    pairs = [pair for name, clip in before.items() for pair in zip(clip.reads, after[name].reads, strict=True)]
    both = [(old, new) for old, new in pairs if old is not None and new is not None]
    apart = [[abs(a - b) for a, b in zip(old, new, strict=True)] for old, new in both]
    shown = sum(_displayed(old) == _displayed(new) for old, new in both)
    return {
        "reads": len(pairs),
        "face_found_by_one_alone": sum((old is None) != (new is None) for old, new in pairs),
        "median": {name: round(median(row[place] for row in apart), 4) for place, name in enumerate(MEASURED)},
        "same_expression_first": round(shown / len(both), 4),
    }


def _displayed(read: list[float]) -> int:
    expressions = read[len(MEASURED) :]
    return expressions.index(max(expressions))


def _pictures(path: Path) -> tuple[list[Any], Fraction]:
    with av.open(str(path)) as file:
        rate = file.streams.video[0].average_rate or Fraction(READS_PER_S)
        return [_opened(picture) for picture in file.decode(video=0)], rate


def _opened(picture: av.VideoFrame) -> Any:
    """Open a picture as a bot of the checkout does; older ones make all of it RGB."""
    try:
        from bot.rooms.webrtc.orientation import UPRIGHT, open_picture
    except ImportError:
        return np.asarray(picture.to_ndarray(format="rgb24"), np.uint8)
    return open_picture(picture, UPRIGHT)


def _read_by(checkout: Path, folder: Path | None) -> dict[str, Clip]:
    """Have a process read whose modules are those of a checkout; this file is the same for both."""
    python = Path(sys.executable) if checkout == HERE else checkout / ".venv/bin/python"
    command = [str(python), "-P", __file__, *(["--clips", str(folder)] if folder else [])]
    done = subprocess.run(
        command, cwd=checkout, env={**os.environ, "PYTHONPATH": str(checkout)}, stdout=subprocess.PIPE, check=True
    )
    return {name: Clip(**clip) for name, clip in json.loads(done.stdout).items()}


def main() -> None:
    """Read with both checkouts and print how they differ; exit code 1 where they do."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("other", type=Path, nargs="?")
    parser.add_argument("--clips", type=Path, help="a folder of videos and pictures of people")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    folder: Path | None = options.clips.resolve() if options.clips else None
    own = sorted(folder.iterdir()) if folder else []
    if options.other is None:
        clips = read([*CLIPS.glob("*.webm"), *own])
        print(json.dumps({name: {"aspect": clip.aspect, "reads": clip.reads} for name, clip in clips.items()}))
        return
    before, after = (_read_by(checkout, folder) for checkout in (options.other.resolve(), HERE))
    figures = compare(before, after, {file.stem for file in own})
    print(json.dumps(figures, indent=None if options.json else 1))
    sys.exit(not figures["same"])


if __name__ == "__main__":
    main()
