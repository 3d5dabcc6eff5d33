"""What a change of the code saves: a bot of this checkout and one of another, measured in turns on the same machine.

The machine's speed varies from minute to minute, so only the ratio within a pair counts; their median is the result.
`python -m tests.benchmarks.paired OTHER_CHECKOUT [--room janus] [--pairs 5] [--count 25] [--seconds 15] [--json]`; the
other one needs a virtual environment of its own in .venv, and `local`, `staged_bot` and `process` as they are here.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parents[2]


def measure(checkout: Path, room: str, count: int, seconds: float) -> dict[str, Any]:
    """Measure the bot of one checkout in a room."""
    python = Path(sys.executable) if checkout == HERE else checkout / ".venv/bin/python"
    people = "--publishers" if room == "janus" else "--counts"
    command = [str(python), "-m", f"tests.benchmarks.{room}", people, str(count), "--seconds", str(seconds), "--json"]
    done = subprocess.run(command, cwd=checkout, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures if room == "janus" else figures[str(count)]


def main() -> None:
    """Measure in turns, and print both medians and the median of the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("other", type=Path)
    parser.add_argument("--room", choices=["local", "janus"], default="local")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--count", type=int, default=25)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    before, after = list[dict[str, Any]](), list[dict[str, Any]]()
    for _ in range(options.pairs):
        before.append(measure(options.other.resolve(), options.room, options.count, options.seconds))
        after.append(measure(HERE, options.room, options.count, options.seconds))
        print(f"before {before[-1]}\nafter  {after[-1]}", file=sys.stderr, flush=True)
    figures: dict[str, Any] = {
        name: {"before": _median(before, name), "after": _median(after, name), "ratio": _ratio(before, after, name)}
        for name in ("cpu_ms_a_read", "cores", "reads_per_s_slowest", "p95_ms", "age_p95_ms", "rss_mb")
    }
    print(json.dumps(figures) if options.json else "\n".join(f"{name:20} {row}" for name, row in figures.items()))


def _median(rows: list[dict[str, Any]], name: str) -> float:
    return float(median(row[name] for row in rows))


def _ratio(before: list[dict[str, Any]], after: list[dict[str, Any]], name: str) -> float:
    return round(float(median(new[name] / old[name] for old, new in zip(before, after, strict=True))), 3)


if __name__ == "__main__":
    main()
