"""Recordings: how many times faster than the class itself one core reads them.

One drawn person at 640x360 and 30 pictures a second, four reads a second under `individual`; the process runs on one
core, from when it is live to its last word, without what it takes to start.
`python -m tests.benchmarks.recording [--json] [--seconds 120]`
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from dashboard_protocol.codec import decode
from dashboard_protocol.events import BotState, Bye, State
from tests.benchmarks.process import machine

CLIPS = Path(__file__).resolve().parents[2] / "bot/samples/clips"
RATE = 30
BUDGET = 8.0
"""Times real time, of one person on one core."""


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


def measure(path: Path, seconds: int, state: str) -> dict[str, float]:
    """Read a recording on one core."""
    cores = os.sched_getaffinity(0)
    command = [sys.executable, "-m", "bot", "recording", str(path), "--policy", "individual", "--json"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with subprocess.Popen(
        [*command, "--csv-people", str(path.with_suffix(".csv"))],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, "XDG_STATE_HOME": state},
        preexec_fn=lambda: os.sched_setaffinity(0, {min(cores)}),
    ) as process:  # fmt: skip
        assert process.stdout is not None
        live_at = ended_at = 0.0
        for line in process.stdout:
            body = decode(line).body
            if isinstance(body, BotState) and body.state is State.LIVE:
                live_at = time.monotonic()
            elif isinstance(body, Bye):
                ended_at = time.monotonic()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "times_real_time": round(seconds / (ended_at - live_at), 1),
        "cpu_s": round(cpu_s, 1),
        "seconds": seconds,
        "memory_mb": round(after.ru_maxrss / 1024),
    }


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=int, default=120)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = one_person(Path(folder) / "Amara.mp4", arguments.seconds)
        figures = {"one": measure(path, arguments.seconds, folder)}
    one = figures["one"]
    print(f"one person  {one['times_real_time']} times real time on one core (budget {BUDGET:g})", file=sys.stderr)
    print(
        f"            {one['cpu_s']} CPU s for {one['seconds']} s, start included; {one['memory_mb']} MB",
        file=sys.stderr,
    )
    print(machine(), file=sys.stderr)
    if arguments.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
