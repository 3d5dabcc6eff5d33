"""The same trend as the page: the rules, and the page's own module on the same series."""

import json
import random
import shutil
import subprocess
from collections.abc import Sequence
from math import isnan
from pathlib import Path

import pytest

from dashboard_protocol.view.timeline import Timeline
from dashboard_protocol.view.trend import Trend, count_threshold, median, trend

WEB = Path(__file__).resolve().parents[3] / "dashboard_protocol" / "web"
NODE = shutil.which("node")


def timeline_of(values: Sequence[float | None]) -> Timeline:
    timeline = Timeline()
    for second, value in enumerate(values):
        if value is not None:
            timeline.add(second, {"mean": value, "present": value})
    return timeline


def test_the_median_needs_half_of_its_seconds() -> None:
    timeline = timeline_of([1, 2, None, None, None, None, None, 9])
    assert isnan(median(timeline, "mean", 0, 7))
    assert median(timeline, "mean", 0, 1) == 2


def test_a_move_of_fifteen_points_is_reported_and_one_of_ten_is_steady() -> None:
    moved = trend(timeline_of([0.8] * 400 + [0.65] * 60), "mean", 459)
    assert moved == Trend("move", by=-15)
    assert moved.arrow == "↘"
    steady = trend(timeline_of([0.8] * 400 + [0.7] * 60), "mean", 459)
    assert steady.kind == "steady"
    assert steady.arrow == "→"


def test_too_little_history_and_a_gap_at_either_end_are_no_trend() -> None:
    assert trend(timeline_of([0.8] * 200), "mean", 199) == Trend("short", s=199)
    assert trend(timeline_of([0.8] * 400 + [None] * 60 + [0.8]), "mean", 460) == Trend("none")
    assert trend(Timeline(), "mean", 0) == Trend("none")
    assert Trend("none").arrow == ""


def test_steady_is_reported_since_the_last_move_and_for_ten_minutes_at_most() -> None:
    timeline = timeline_of([0.4] * 100 + [0.8] * 900)
    assert 150 <= trend(timeline, "mean", 600).s <= 220
    assert trend(timeline_of([0.5] * 990), "mean", 989).s == 601


def test_counts_move_by_a_tenth_of_the_class_and_by_two_at_least() -> None:
    assert [count_threshold(number) for number in (5, 20, 28, 60)] == [2, 2, 3, 6]
    risen = trend(timeline_of([20] * 400 + [24] * 60), "present", 459, scale=1, threshold=3)
    assert risen == Trend("move", by=4)
    assert risen.arrow == "↗"


def series(seed: int) -> list[float | None]:
    chance = random.Random(seed)
    values: list[float | None] = []
    while len(values) < 1200:
        length = chance.randrange(1, 200)
        values += [None if chance.random() < 0.15 else chance.randrange(0, 101, 5) / 100] * length
    return [0.5, *values[:1199]]


@pytest.mark.skipif(NODE is None, reason="needs node for the page's modules")
def test_trend_is_that_of_the_page() -> None:
    seconds = list(range(20, 1200, 13))
    cases = [series(seed) for seed in range(6)]
    script = f"""
      import {{ Ring, GAP }} from "{WEB.as_uri()}/ring.js";
      import {{ trend, median }} from "{WEB.as_uri()}/trend.js";
      const cases = {json.dumps(cases)};
      const said = cases.map((values) => {{
        const ring = new Ring(["v"], 5000);
        values.forEach((v, i) => v !== null && ring.write(i, {{ v }}, GAP.none, GAP.feed));
        return {json.dumps(seconds)}.filter((s) => s <= ring.last).map((s) => trend(ring, "v", s));
      }});
      console.log(JSON.stringify(said));
    """
    done = subprocess.run(
        [NODE or "node", "--input-type=module", "-e", script], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    kinds = set()
    for values, page in zip(cases, json.loads(done.stdout), strict=True):
        timeline = timeline_of(values)
        for second, reported in zip((s for s in seconds if s <= (timeline.last or 0)), page, strict=True):
            ours = trend(timeline, "mean", second)
            assert (ours.kind, ours.by, ours.s) == (reported["kind"], reported.get("by", 0), reported.get("s", 0)), (
                second
            )
            kinds.add(ours.kind)
    assert kinds == {"move", "steady", "short", "none"}
