"""What a shared window costs a bot: 25 and 49 drawn people at 1920x1080 and 10 pictures a second.

The window is drawn and encoded beforehand, as browsers encode one, and sent by a process of its own; cores and memory
are those of the bot's process, with room, gateway and page. `found` is how many people the class has, in its median
second. `python -m tests.benchmarks.gallery [--json] [--seconds 40] [--counts 25,49]`
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from bot.samples.window import Style
from bot.samples.window_story import gallery_that_flows
from dashboard_protocol.client import watch
from dashboard_protocol.events import ClassSummary
from tests.benchmarks.gallery_bot import Row
from tests.benchmarks.local import line_with, running
from tests.benchmarks.process import cpu_s, machine, percentile, rss_mb
from tests.benchmarks.window_film import share

RATE, LOOP_S = 10, 8
WARM_UP_S = 15.0
"""Until everybody has moved often enough to be known as living, and rates are what they stay."""
BUDGETS = {25: (1.3, 3.5, 700), 49: (None, 2.0, None)}
"""Most cores, least reads a second of everybody, most milliseconds of age; by people."""


async def measure(count: int, seconds: float, folder: Path) -> dict[str, Any]:
    """Measure one bot with one window of so many people."""
    drawn, _ = gallery_that_flows(count, seed=count, changes=0, stills=(), style=Style())
    film, reads = share(drawn, folder / f"{count}.webm", LOOP_S, RATE), folder / f"{count}.json"
    flags = ("--policy", "aggregate", "--port", "0", "--notice-given")
    os.environ["READS"] = str(reads)
    async with running("tests.benchmarks.gallery_bot", "join", "local://bench", *flags) as bot:
        dashboard = await line_with(bot.stderr, "dashboard")
        join = await line_with(bot.stderr, "join")
        await line_with(bot.stderr, "live")
        whip = f"{join.replace('/join/', '/whip/')}?as=gallery#{dashboard.partition('#')[2]}"
        publisher = ("bot.rooms.publishing.publisher", whip, "--clip", str(film))
        async with running(*publisher) as shared, watch(dashboard) as feed:
            await line_with(shared.stderr, "publishing 1")
            loop = asyncio.get_running_loop()
            begin_s = loop.time() + WARM_UP_S
            present, used_s, began_at = list[int](), 0.0, 0.0
            async for event in feed:
                if loop.time() < begin_s:
                    continue
                if not began_at:
                    used_s, began_at = cpu_s(bot.pid), time.time()
                if isinstance(event.body, ClassSummary):
                    present.append(event.body.present)
                if loop.time() > begin_s + seconds:
                    break
            ended_at = time.time()
            cores, memory = (cpu_s(bot.pid) - used_s) / (ended_at - began_at), rss_mb(bot.pid)
    figures = of_reads([(*row,) for row in json.loads(reads.read_text())], began_at, ended_at)
    return {"cores": round(cores, 2), **figures, "found": median(present), "rss_mb": round(memory)}


def of_reads(rows: Sequence[Row], began_at: float, ended_at: float) -> dict[str, float]:
    """Say how often the person who was read least was read, and how old newest readings were, looked at every 0.1 s."""
    people = defaultdict[str, list[tuple[float, float]]](list)
    for participant, taken_at, known_at in rows:
        people[participant].append((known_at, taken_at))
    rates, ages = [], []
    for reads in people.values():
        within = [known_at for known_at, _ in reads if began_at <= known_at <= ended_at]
        rates.append(len(within) / (ended_at - began_at))
        ages += _ages(reads, began_at, ended_at)
    if not ages:
        raise RuntimeError("nobody was read")
    return {"reads_per_s_min": round(min(rates), 2), "age_p95_ms": round(1000 * percentile(ages, 0.95))}


def _ages(reads: Sequence[tuple[float, float]], began_at: float, ended_at: float) -> list[float]:
    ages, number = [], 0
    for tenth in range(int((ended_at - began_at) * 10)):
        at = began_at + tenth / 10
        while number + 1 < len(reads) and reads[number + 1][0] <= at:
            number += 1
        if reads[number][0] <= at:
            ages.append(at - reads[number][1])
    return ages


async def main() -> None:
    """Measure every count and say how it stands to its budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--counts", type=lambda text: [int(part) for part in text.split(",")], default=[25, 49])
    options = parser.parse_args()
    print(machine(), file=sys.stderr)
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        for count in options.counts:
            rows[str(count)] = row = await measure(count, options.seconds, Path(folder))
            most_cores, least_reads, oldest_ms = BUDGETS.get(count, (None, 0.0, None))
            print(
                f"{count} people: {row['found']:g} found, {row['cores']} cores (≤ {most_cores or 'any'}), "
                f"{row['reads_per_s_min']} reads/s of whoever was read least (≥ {least_reads}), "
                f"newest reading {row['age_p95_ms']} ms old, p95 (≤ {oldest_ms or 'any'}), {row['rss_mb']} MB (≤ 450)",
                file=sys.stderr, flush=True,
            )  # fmt: skip
    if options.json:
        print(json.dumps(rows))


if __name__ == "__main__":
    asyncio.run(main())
