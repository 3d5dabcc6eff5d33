"""Recordings: how many times faster than the class itself they are read.

One drawn person at 640x360 and 30 pictures a second under `individual`, by one core; a gallery of 25 at 1920x1080 and
10 pictures a second under `aggregate`, by two. Four reads a second of everybody; from when the process is live to its
last word, without what it takes to start. `python -m tests.benchmarks.recording [--json] [--seconds 120]`
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from bot.samples.people import PEOPLE
from dashboard_protocol.codec import decode
from dashboard_protocol.events import BotState, Bye, State
from engine.readings import Image
from tests.benchmarks.process import machine

CLIPS = Path(__file__).resolve().parents[2] / "bot/samples/clips"
RATE = 30
BUDGET = 8.0
"""Times real time, of one person on one core."""
GALLERY, GALLERY_RATE, GALLERY_BUDGET = 5, 10, 1.5
"""Tiles in a row and in a column; pictures a second; times real time on two cores."""


def one_person(path: Path, seconds: int) -> Path:
    """Write a recording of somebody who is calm, as a camera sends it."""
    with av.open(str(CLIPS / "amara-calm.webm")) as clip, av.open(str(path), "w") as file:
        pictures = [picture.reformat(format="yuv420p") for picture in clip.decode(video=0)]
        stream: Any = file.add_stream("libx264", rate=RATE, options={"preset": "veryfast"})
        stream.width, stream.height = pictures[0].width, pictures[0].height
        # There and back again, so that nothing jumps.
        round_trip = [*pictures, *pictures[-2:0:-1]]
        for number in range(seconds * RATE):
            picture = round_trip[number // 2 % len(round_trip)]
            picture.pts, picture.time_base = number, Fraction(1, RATE)
            file.mux(stream.encode(picture))
        file.mux(stream.encode(None))
    return path


def gallery(path: Path, seconds: int) -> Path:
    """Write a recording of the drawn class in other lights, so often that it fills a gallery; with gaps of 4 pixels."""
    wide, tall = 1920 // GALLERY, 1080 // GALLERY
    calm = [pictures(CLIPS / f"{person.id}-calm.webm", (wide - 4, tall - 4)) for person in PEOPLE]
    lights = np.random.default_rng(25).uniform(0.6, 1.0, (GALLERY**2, 3))
    with av.open(str(path), "w") as file:
        stream: Any = file.add_stream("libx264", rate=GALLERY_RATE, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        for number in range(seconds * GALLERY_RATE):
            shown = np.zeros((1080, 1920, 3), np.uint8)
            for place, light in enumerate(lights):
                clip, (row, column) = calm[place % len(calm)], divmod(place, GALLERY)
                lit = clip[(number * 15 // GALLERY_RATE + 7 * place) % len(clip)] * light
                shown[row * tall : (row + 1) * tall - 4, column * wide : (column + 1) * wide - 4] = lit
            file.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="rgb24")))
        file.mux(stream.encode(None))
    return path


def pictures(path: Path, size: tuple[int, int]) -> list[Image]:
    """Return a clip's pictures in another size."""
    with av.open(str(path)) as clip:
        return [
            np.asarray(picture.reformat(*size, format="rgb24").to_ndarray(), np.uint8)
            for picture in clip.decode(video=0)
        ]


def measure(path: Path, seconds: int, state: str, how: Sequence[str], cores: int) -> dict[str, float]:
    """Read a recording on so many cores."""
    usable = sorted(os.sched_getaffinity(0))[:cores]
    command = [sys.executable, "-m", "bot", "recording", str(path), "--json", *how]
    present = 0
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, "XDG_STATE_HOME": state},
        preexec_fn=lambda: os.sched_setaffinity(0, usable),
    ) as process:  # fmt: skip
        assert process.stdout is not None
        live_at = ended_at = 0.0
        for line in process.stdout:
            body = decode(line).body
            if isinstance(body, BotState) and body.state is State.LIVE:
                live_at = time.monotonic()
            elif isinstance(body, Bye):
                ended_at, present = time.monotonic(), body.present_max
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "times_real_time": round(seconds / (ended_at - live_at), 1),
        "cpu_s": round(cpu_s, 1),
        "seconds": seconds,
        "people": present,
        "memory_mb": round(after.ru_maxrss / 1024),
    }


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=int, default=120)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path, table = Path(folder) / "Amara.mp4", Path(folder) / "people.csv"
        one = ["--each-file-is-one-person", "--policy", "individual", "--csv-people", str(table)]
        of_many = ["--policy", "aggregate"]
        figures = {
            "one": measure(one_person(path, arguments.seconds), arguments.seconds, folder, one, 1),
            "gallery25": measure(gallery(path, arguments.seconds // 3), arguments.seconds // 3, folder, of_many, 2),
        }
    for name, cores, budget in (("one", 1, BUDGET), ("gallery25", 2, GALLERY_BUDGET)):
        read = figures[name]
        print(
            f"{name:10}  {read['times_real_time']} times real time on {cores} of the cores (budget {budget:g})\n"
            f"            {read['cpu_s']} CPU s for {read['seconds']} s, start included; {read['memory_mb']} MB; "
            f"{read['people']} people",
            file=sys.stderr,
        )
    print(machine(), file=sys.stderr)
    if arguments.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
