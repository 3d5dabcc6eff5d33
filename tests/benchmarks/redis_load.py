"""What a class and a worker ask of Redis: commands, processor time, traffic, and the memory that fills.

The differences between a service with one class and one worker, one with more classes, and one with more workers, a
second; four people a class, as Redis sees no more of 25 under `aggregate`, and two readers at one gateway. Commands are
counted by Redis, those inside of scripts included.
`python -m tests.benchmarks.redis_load [--more 3] [--seconds 20] [--json]`
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.benchmarks.process import machine
from tests.end_to_end import load
from tests.end_to_end.load import Load, a_load

PEOPLE = 4
Figures = dict[str, float]


async def counts(service: Load) -> Figures:
    """Return what Redis counts."""
    redis = service.service.queue._redis
    cpu, stats, memory = [await redis.info(part) for part in ("cpu", "stats", "memory")]
    scripts: dict[str, Any] = await redis.info("commandstats")
    calls = {name.removeprefix("cmdstat_"): row["calls"] for name, row in scripts.items()}
    return {
        "at": time.monotonic(),
        "cpu_ms": 1000 * (cpu["used_cpu_sys"] + cpu["used_cpu_user"]),
        "commands": sum(calls.values()),
        "kb_in": stats["total_net_input_bytes"] / 1000,
        "kb_out": stats["total_net_output_bytes"] / 1000,
        "memory_kb": memory["used_memory"] / 1000,
    }


async def a_second(folder: Path, classes: int, workers: int, seconds: float) -> Figures:
    """Run classes and return what Redis did a second."""
    load.GATEWAYS, load.WORKERS = 1, workers
    async with a_load(folder, meetings=classes, people=PEOPLE, is_sparing=True) as running:
        await running.everybody_seen()
        await asyncio.sleep(3)  # joining is over
        before = await counts(running)
        await asyncio.sleep(seconds)
        after = await counts(running)
    passed_s = after["at"] - before["at"]
    return {name: (after[name] - before[name]) / passed_s for name in after if name != "at"}


def main() -> None:
    """Measure, and print what a class adds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--more", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    print(machine(), file=sys.stderr)
    found = []
    for classes, workers in ((1, 1), (1 + options.more, 1), (1, 1 + options.more)):
        with tempfile.TemporaryDirectory() as folder:
            found.append(asyncio.run(a_second(Path(folder), classes, workers, options.seconds)))
    one = found[0]
    rows = {"class and worker": {name: round(value, 2) for name, value in one.items()}}
    for name, more in zip(("further class", "further worker"), found[1:], strict=True):
        rows[name] = {figure: round((more[figure] - one[figure]) / options.more, 2) for figure in one}
    print(json.dumps(rows) if options.json else "\n".join(f"{name:17}{row}" for name, row in rows.items()))


if __name__ == "__main__":
    main()
