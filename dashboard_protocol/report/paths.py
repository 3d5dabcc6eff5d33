"""Series → SVG path strings. Pure: seconds and values in, strings out. As `web/charts.js` draws them."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, isnan, nan

Get = Callable[[int], float]
"""Value at a whole second; NaN where nothing is known."""
Scale = Callable[[float], float]
"""Value → pixels from the top."""

_TICKS_S = (
    (10, 5), (30, 10), (60, 60), (120, 60), (180, 60), (300, 60), (600, 300), (900, 300), (1800, 600), (3600, 1800),
    (7200, 3600),
)  # fmt: skip
"""Seconds between labels, and between ticks."""
_LABEL_PX = 80


@dataclass(frozen=True, slots=True)
class Axis:
    """Whole seconds [start, end) on pixels [x0, x1]."""

    start: int
    end: int
    x0: int
    x1: int

    @property
    def bucket_s(self) -> int:
        """Seconds that share a pixel, one at least."""
        return max(1, ceil((self.end - self.start) / (self.x1 - self.x0)))

    def x(self, at: float) -> float:
        """Pixels from the left."""
        share = (at - self.start) / max(1, self.end - self.start)
        return min(float(self.x1), max(float(self.x0), self.x0 + share * (self.x1 - self.x0)))

    def ticks(self) -> list[tuple[int, bool]]:
        """Times of the axis's ticks, and whether one has room for a label."""
        px_per_s = (self.x1 - self.x0) / max(1, self.end - self.start)
        step, minor = next((pair for pair in _TICKS_S if pair[0] * px_per_s >= _LABEL_PX), _TICKS_S[-1])
        first = -(-self.start // minor) * minor
        return [(at, at % step == 0) for at in range(first, self.end + 1, minor)]


@dataclass(frozen=True, slots=True)
class _Cell:
    x: float
    end: float
    low: float
    high: float
    last: float


def step_path(get: Get, axis: Axis, y: Scale) -> str:
    """Draw level stretches with upright joints; a pixel with several values spans their minimum and maximum."""
    return "".join(_steps(run, y, "M") for run in _runs(get, axis))


def area_path(get: Get, axis: Axis, y: Scale, base: float) -> str:
    """Draw the area from a base line up to the steps."""
    return "".join(f"M{_px(run[0].x)} {_px(base)}{_steps(run, y, 'L')}V{_px(base)}Z" for run in _runs(get, axis))


def band_path(low: Get, high: Get, axis: Axis, y: Scale) -> str:
    """Draw the band between two columns, where both are known."""
    lows = _runs(lambda s: nan if isnan(high(s)) else low(s), axis)
    highs = _runs(lambda s: nan if isnan(low(s)) else high(s), axis)
    return "".join(_band(top, bottom, y) for top, bottom in zip(highs, lows, strict=True))


def _runs(get: Get, axis: Axis) -> list[list[_Cell]]:
    runs: list[list[_Cell]] = []
    is_open = False
    for start in range(axis.start, axis.end, axis.bucket_s):
        end = min(start + axis.bucket_s, axis.end)
        known = [value for value in map(get, range(start, end)) if not isnan(value)]
        if known:
            if not is_open:
                runs.append([])
            runs[-1].append(_Cell(axis.x(start), axis.x(end), min(known), max(known), known[-1]))
        is_open = bool(known)
    return runs


def _steps(run: list[_Cell], y: Scale, first: str) -> str:
    path = f"{first}{_px(run[0].x)} {_px(y(run[0].last))}"
    for before, cell in pairwise(run):
        if cell.last == before.last and cell.low == cell.high:
            continue
        spread = "" if cell.low == cell.high else f"V{_px(y(cell.high))}V{_px(y(cell.low))}"
        path += f"H{_px(cell.x)}{spread}V{_px(y(cell.last))}"
    return f"{path}H{_px(run[-1].end)}"


def _band(top: list[_Cell], bottom: list[_Cell], y: Scale) -> str:
    path = f"M{_px(top[0].x)} {_px(y(top[0].high))}"
    for before, cell in pairwise(top):
        if cell.high != before.high:
            path += f"H{_px(cell.x)}V{_px(y(cell.high))}"
    path += f"H{_px(top[-1].end)}V{_px(y(bottom[-1].low))}"
    for after, cell in pairwise(reversed(bottom)):
        if cell.low != after.low:
            path += f"H{_px(cell.end)}V{_px(y(cell.low))}"
    return f"{path}H{_px(bottom[0].x)}Z"


def _px(value: float) -> str:
    return f"{round(value, 1):g}"


def count_ticks(most: float) -> list[int]:
    """Whole round numbers from 0 to at least `most`, at most five."""
    step = next((size for size in (1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500) if most / size <= 4), 1000)
    return [number * step for number in range(max(1, ceil(most / step)) + 1)]


def spread(tops: list[float], apart: float) -> list[float]:
    """Push label positions down until they are `apart` from each other, keeping their order."""
    placed = list(tops)
    order = sorted(range(len(tops)), key=lambda number: tops[number])
    for above, below in pairwise(order):
        placed[below] = max(placed[below], placed[above] + apart)
    return placed
