"""How often does the change detection alarm for nothing, and how soon does it see a fall? On synthetic classes.

Repeats the table of bot/ENGAGEMENT.md, section 5, with the detector the bot runs: `python -m tests.benchmarks.alarms`.
Progress and table go to stderr; the last line of stdout is JSON.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.classroom.change_detection import AlertParameters, Block, ChangeDetector, Sample

Array = NDArray[np.float64]

STEP_S, BLOCK_S = 1, 30
HOUR_S = 3600
FALL_AT_S = 1200
"""Twenty minutes: the reference is full, and the detector has settled."""
SILENT_S = 600
"""An alert this long before a fall leaves the detector silent and without a reference, as specified."""


class Specified(NamedTuple):
    """What bot/ENGAGEMENT.md says of classes of one size."""

    false_falls_per_h: float
    without_drift: float
    found: float
    found_slow: float
    found_30: float


SPECIFIED: dict[int, Specified] = {
    5: Specified(0.74, 0.54, 0.54, 0.54, 0.82),
    8: Specified(0.73, 0.51, 0.72, 0.65, 0.96),
    10: Specified(0.67, 0.41, 0.81, 0.74, 0.97),
    25: Specified(0.35, 0.11, 0.98, 0.95, 1.00),
}


@dataclass(frozen=True, slots=True)
class Fall:
    """A fall of the class, in points of the index."""

    points: float
    over_s: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """What the detector made of classes of one size."""

    people: int
    hours: int
    false_falls_per_h: float
    false_falls_per_h_without_drift: float
    false_rises_per_h: float
    found: float
    """Share of falls of 20 points found within 5 min."""
    delay_s: tuple[float | None, float | None, float | None]
    """Median, 75 % and 90 % of the delay; None is beyond 5 min."""
    found_slow: float
    """The same fall over 60 s."""
    found_30: float
    found_10: float
    found_looking_down: float
    """Share of classes alarmed when 60 % look down for 20 s."""


class Classes:
    """Many synthetic classes side by side, in steps of a second."""

    def __init__(self, classes: int, people: int, drift: bool, random: np.random.Generator) -> None:
        shape = (classes, people)
        self._random = random
        self._usual = np.clip(random.beta(8, 2, shape), 0.30, 0.97)
        self.bonus = 0.85 + 0.15 * random.beta(1.2, 6, shape)
        self._drift_sd = 0.25 if drift else 0.0
        self._drift = random.normal(0, 1, classes) * self._drift_sd
        self._attending = random.random(shape) < self._usual
        self._long_bout = random.random(shape) < 0.30 * 36 / (0.30 * 36 + 0.70 * 6)

    def step(self, fallen: float) -> Array:
        """Live one second; gives who attends, (classes, people) of 0 and 1. `fallen` is subtracted from the index."""
        memory = np.exp(-STEP_S / 300)
        noise = self._random.normal(0, 1, len(self._drift)) * self._drift_sd
        self._drift = memory * self._drift + np.sqrt(1 - memory**2) * noise
        odds = self._usual / (1 - self._usual) * np.exp(self._drift)[:, None]
        share = np.clip(odds / (1 + odds) - fallen / 0.87, 0.03, 0.97)
        chance = self._random.random(share.shape)
        leaves = self._attending & (chance < (1 - share) / share / 15)
        returns = ~self._attending & (chance < np.where(self._long_bout, 1 / 36, 1 / 6))
        self._long_bout = np.where(leaves, self._random.random(share.shape) < 0.30, self._long_bout)
        self._attending = (self._attending & ~leaves) | returns
        return self._attending.astype(np.float64)


def blocks(
    classes: Classes, seconds: int, fall: Fall | None = None, looking_down: tuple[int, Array] | None = None
) -> Iterator[Array]:
    """Live `seconds` and yield each block's means of the index, (classes, people).

    Args:
        classes: the classes to live with.
        seconds: for how long.
        fall: what happens at `FALL_AT_S`.
        looking_down: who looks down for 20 s, (classes, people) of 0 and 1, and from when.
    """
    attended: list[Array] = []
    for second in range(seconds):
        fallen = 0.0
        if fall is not None and second >= FALL_AT_S:
            fallen = fall.points * min(1.0, (second - FALL_AT_S + 1) / max(1, fall.over_s))
        now = classes.step(fallen)
        if looking_down is not None and looking_down[0] <= second < looking_down[0] + 20:
            now = now * (1 - looking_down[1])
        attended.append(now)
        if len(attended) == BLOCK_S:
            yield np.mean(attended, axis=0) * classes.bonus
            attended.clear()


def alarms(indexes: Iterator[Array], classes: int, parameters: AlertParameters) -> list[tuple[int, float, str]]:
    """Run a detector over each class; gives (class, seconds, kind) of every alert."""
    detectors = [ChangeDetector(parameters) for _ in range(classes)]
    found: list[tuple[int, float, str]] = []
    for number, block in enumerate(indexes):
        start, end = float(number * BLOCK_S), float((number + 1) * BLOCK_S)
        for i, row in enumerate(block.tolist()):
            people = {str(person): Sample(value, value, 1.0, 1.0, 1.0) for person, value in enumerate(row)}
            change = detectors[i].add(Block(start, end, people))
            if change is not None:
                found.append((i, end, change.kind))
    return found


def false_alarms(people: int, hours: int, drift: bool, seed: int) -> tuple[float, float]:
    """Count false falls and false rises an hour, in classes of up to ten hours, warm-up and silence included."""
    random = np.random.default_rng([seed, people, drift])
    length_h = min(10, hours)
    classes = max(1, hours // length_h)
    found = alarms(blocks(Classes(classes, people, drift, random), length_h * HOUR_S), classes, _parameters(people))
    falls = sum(kind == "fall" for _, _, kind in found)
    return falls / (classes * length_h), (len(found) - falls) / (classes * length_h)


def delays(people: int, falls: int, fall: Fall, seed: int) -> Array:
    """Measure the delay in seconds from a fall to its alert, (falls,), infinite where none came within 5 min."""
    random = np.random.default_rng([seed, people, int(fall.points * 100), fall.over_s])
    classes = Classes(falls, people, True, random)
    found = alarms(blocks(classes, FALL_AT_S + 300, fall), falls, _parameters(people))
    return _first_after(found, falls)


def looking_down(people: int, runs: int, seed: int) -> float:
    """Give the share of classes alarmed when 60 % look down for 20 s, somewhere in a block."""
    random = np.random.default_rng([seed, people, 20])
    who = (random.random((runs, people)).argsort(axis=1) < round(0.6 * people)).astype(np.float64)
    classes = Classes(runs, people, True, random)
    found = alarms(blocks(classes, FALL_AT_S + 120, looking_down=(FALL_AT_S, who)), runs, _parameters(people))
    return float(np.isfinite(_first_after(found, runs)).mean())


def row(people: int, hours: int, seed: int) -> Row:
    """Measure everything for one size of class."""
    falls, rises = false_alarms(people, hours, True, seed)
    at_once = delays(people, hours, Fall(0.20), seed)
    slow = delays(people, hours, Fall(0.20, 60), seed)
    return Row(
        people=people,
        hours=hours,
        false_falls_per_h=falls,
        false_falls_per_h_without_drift=false_alarms(people, hours, False, seed)[0],
        false_rises_per_h=rises,
        found=_share(at_once),
        delay_s=(_quantile(at_once, 0.5), _quantile(at_once, 0.75), _quantile(at_once, 0.9)),
        found_slow=_share(slow),
        found_30=_share(delays(people, hours, Fall(0.30), seed)),
        found_10=_share(delays(people, hours, Fall(0.10), seed)),
        found_looking_down=looking_down(people, hours, seed),
    )


def _parameters(people: int) -> AlertParameters:
    return AlertParameters(min_people=min(8, people))


def _first_after(found: list[tuple[int, float, str]], classes: int) -> Array:
    """Give the delay of the first alert after the fall, without classes whose detector was silent by design."""
    first = np.full(classes, np.inf)
    silent = np.zeros(classes, dtype=bool)
    for i, end, kind in found:
        silent[i] |= FALL_AT_S - SILENT_S < end <= FALL_AT_S
        if kind == "fall" and end > FALL_AT_S:
            first[i] = min(first[i], end - FALL_AT_S)
    return first[~silent]


def _share(delays_s: Array) -> float:
    return float(np.isfinite(delays_s).mean())


def _quantile(delays_s: Array, share: float) -> float | None:
    value = float(np.quantile(delays_s, share, method="inverted_cdf"))
    return value if np.isfinite(value) else None


def main() -> None:
    """Print the table beside the specified one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=int, default=200, help="simulated hours, and falls, a row")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--people", type=int, nargs="+", default=list(SPECIFIED))
    parser.add_argument("--json", action="store_true", help="print the rows as one line of JSON on stdout")
    arguments = parser.parse_args()
    rows = []
    print("people  false falls/h (no drift)  rises/h  found 20/slow/30/10  delays  20 s down", file=sys.stderr)
    for people in arguments.people:
        measured = row(people, arguments.hours, arguments.seed)
        rows.append(asdict(measured))
        print(_line(measured), file=sys.stderr)
    if arguments.json:
        print(json.dumps({"benchmark": "alarms", "seed": arguments.seed, "rows": rows}))


def _line(row: Row) -> str:
    beside = ""
    if (specified := SPECIFIED.get(row.people)) is not None:
        falls = f"{specified.found:.0%}/{specified.found_slow:.0%}/{specified.found_30:.0%}"
        beside = f"   specified: {specified.false_falls_per_h:.2f} ({specified.without_drift:.2f}) {falls}"
    return (
        f"{row.people:6d}  {row.false_falls_per_h:.2f} ({row.false_falls_per_h_without_drift:.2f})  "
        f"{row.false_rises_per_h:.2f}  {row.found:.0%}/{row.found_slow:.0%}/{row.found_30:.0%}/{row.found_10:.0%}  "
        f"{row.delay_s}  {row.found_looking_down:.0%}{beside}"
    )


if __name__ == "__main__":
    main()
