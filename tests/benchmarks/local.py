"""What a bot in a local room costs: 6, 12, 25 and 40 people, 640x360 at 15 frames a second, read 4 times a second.

Publishers run in a process of their own; cores and memory are those of the bot's process, with room, gateway and page.
`python -m tests.benchmarks.local [--json] [--seconds 40] [--counts 6,12,25,40] [--engine ipc://…]`
"""

import argparse
import asyncio
import json
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from statistics import fmean
from typing import Any

from dashboard_protocol.client import watch
from dashboard_protocol.events import ClassSummary, Event, ParticipantUpdate
from tests.benchmarks.process import cpu_s, machine, pages_given, percentile, rss_mb
from tests.benchmarks.staged_bot import stages_s

START_WITHIN_S = 90.0
WARM_UP_S = 12.0
"""The rates in the events are means of ten seconds."""


@asynccontextmanager
async def running(*command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a Python module's command and end it politely."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", *command, stdout=pipe, stderr=pipe)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def line_with(stream: asyncio.StreamReader | None, word: str) -> str:
    """Wait for the line that begins with a word; return what follows it."""
    assert stream is not None
    async with asyncio.timeout(START_WITHIN_S):
        while line := (await stream.readline()).decode():
            if line.startswith(word):
                return line.removeprefix(word).strip()
    raise RuntimeError(f"the process ended before it said {word!r}")


class Figures:
    """What a dashboard sees, as seconds and rates."""

    def __init__(self) -> None:
        self.latency_s: list[float] = []
        self.age_s: list[float] = []
        self.reads_per_s: defaultdict[str, list[float]] = defaultdict(list)
        self.all_reads_per_s: list[float] = []

    def take(self, event: Event, now: float) -> None:
        """Note one event, received at `now` (Unix seconds, as the room's clock shows on the same machine)."""
        match event.body:
            case ClassSummary(as_of=float(as_of), reads_per_s=rate):
                self.latency_s.append(now - as_of)
                self.all_reads_per_s.append(rate)
            case ParticipantUpdate(participant=participant, as_of=float(as_of), reads_per_s=rate):
                self.age_s.append(now - as_of)
                self.reads_per_s[participant].append(rate)


async def measure(count: int, seconds: float, engine: str | None = None) -> dict[str, Any]:
    """Measure one bot with `count` participants, its network in its own process or in that of an engine."""
    flags = ("--policy", "individual", "--port", "0", *(("--engine", engine) if engine else ()))
    async with running("tests.benchmarks.staged_bot", "join", "local://bench", *flags) as bot:
        dashboard = await line_with(bot.stderr, "dashboard")
        join = await line_with(bot.stderr, "join")
        await line_with(bot.stderr, "live")
        whip = join.replace("/join/", "/whip/")
        async with running("tests.benchmarks.publishers", whip, str(count)) as publishers:
            await line_with(publishers.stdout, f"publishing {count}")
            return await measure_bot(bot.pid, dashboard, count, seconds)


async def measure_bot(pid: int, dashboard: str, count: int, seconds: float) -> dict[str, Any]:
    """Measure a bot's process that serves `count` participants, by what its dashboard receives."""
    figures = Figures()
    async with watch(dashboard) as feed:
        loop = asyncio.get_running_loop()
        begin_s = loop.time() + WARM_UP_S
        used_s, stages_before_s, pages_before = None, dict[str, float](), 0
        async for event in feed:
            if loop.time() < begin_s:
                continue
            if used_s is None:
                used_s, stages_before_s, pages_before = cpu_s(pid), stages_s(pid), pages_given(pid)
            figures.take(event, time.time())
            if loop.time() > begin_s + seconds:
                break
    assert used_s is not None
    elapsed_s = loop.time() - begin_s
    if len(figures.reads_per_s) != count:
        raise RuntimeError(f"only {len(figures.reads_per_s)} of {count} participants were read")
    cores, reads_per_s = (cpu_s(pid) - used_s) / elapsed_s, fmean(figures.all_reads_per_s)
    stages = {name: after_s - stages_before_s.get(name, 0.0) for name, after_s in sorted(stages_s(pid).items())}
    return {
        "cores": round(cores, 2),
        "cpu_ms_a_read": round(1000 * cores / reads_per_s, 1),
        "stages_ms_a_read": {name: round(1000 * s / elapsed_s / reads_per_s, 2) for name, s in stages.items()},
        "pages_a_read": round((pages_given(pid) - pages_before) / elapsed_s / reads_per_s),
        "reads_per_s_min": round(min(min(rates) for rates in figures.reads_per_s.values()), 2),  # of every second
        "reads_per_s_slowest": round(min(fmean(rates) for rates in figures.reads_per_s.values()), 2),
        "p95_ms": round(1000 * percentile(figures.latency_s, 0.95)),
        "age_p95_ms": round(1000 * percentile(figures.age_s, 0.95)),
        "rss_mb": round(rss_mb(pid)),
    }


async def main() -> None:
    """Measure every count and print a table, or with `--json` one last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--counts", type=lambda text: [int(part) for part in text.split(",")], default=[6, 12, 25, 40])
    parser.add_argument("--engine", help="an engine process; its cores are not counted")
    options = parser.parse_args()
    print(machine(), file=sys.stderr)
    rows = {}
    for count in options.counts:
        rows[str(count)] = await measure(count, options.seconds, options.engine)
        print(f"{count} participants: {rows[str(count)]}", file=sys.stderr, flush=True)
    if options.json:
        print(json.dumps(rows))
        return
    print("| participants | cores | CPU a read | reads/s, slowest | as_of → socket p95 | newest reading p95 | memory |")
    print("|---|---|---|---|---|---|---|")
    for name, row in rows.items():
        print(
            f"| {name} | {row['cores']:.2f} | {row['cpu_ms_a_read']:.1f} ms | {row['reads_per_s_min']:.2f} "
            f"| {row['p95_ms']:.0f} ms "
            f"| {row['age_p95_ms']:.0f} ms | {row['rss_mb']:.0f} MB |"
        )


if __name__ == "__main__":
    asyncio.run(main())
