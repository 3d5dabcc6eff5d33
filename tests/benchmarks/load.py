"""Six classes of four at once: one Redis, two gateways, three workers, and two readers of every class at each gateway.

Everybody is read once a second, from 640x360 at 15 frames a second. One reader of two wants every summary, the other
one of two. A gap is an event that a reader was to get and did not: by `prev` for all, by `seq` for those who want all.
`python -m tests.benchmarks.load [--json] [--minutes 5]`
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.process import cpu_s, machine, rss_mb, tree
from tests.end_to_end.load import Load, a_load

MEETINGS, PEOPLE = 6, 4


def used_s(load: Load) -> float:
    """CPU seconds that gateways and workers with their meetings have used so far."""
    servers = (*load.service.gateways, *load.service.workers)
    return sum(cpu_s(pid) for server in servers for pid in tree(server.pid))


async def measure(folder: Path, minutes: float) -> dict[str, float]:
    """Watch for a while and count."""
    async with a_load(folder, meetings=MEETINGS, people=PEOPLE, is_sparing=False) as load:
        await load.everybody_seen()
        before_s, began_s = used_s(load), time.monotonic()
        await asyncio.sleep(60 * minutes)
        elapsed_s = time.monotonic() - began_s
        cores = (used_s(load) - before_s) / elapsed_s
        await load.newer_than(time.time())
        await load.all_live()
        reads = [summary.reads_per_s for feed in load.feeds for summary in feed.summaries[-1:]]
        return {
            "minutes": round(elapsed_s / 60, 1),
            "live": MEETINGS,
            "readers": len(load.feeds),
            "gaps": sum(feed.gaps for feed in load.feeds),
            "ended": len(load.ended()),
            "reads_per_s_min": min(reads) / PEOPLE,
            "cores": round(cores, 2),
            "meeting_mb_max": round(max(map(rss_mb, load.meetings))),
        }


def main() -> None:
    """Measure and print a sentence, or with `--json` one last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--minutes", type=float, default=5.0)
    options = parser.parse_args()
    print(machine(), file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        row = asyncio.run(measure(Path(folder), options.minutes))
    if options.json:
        print(json.dumps(row))
        return
    print(f"{row['live']} classes live for {row['minutes']} min, {row['readers']} readers, {row['gaps']} gaps")
    print(
        f"{row['cores']} cores, at most {row['meeting_mb_max']} MB a class, {row['reads_per_s_min']:.1f} reads/s each"
    )


if __name__ == "__main__":
    main()
