"""bot/ENGAGEMENT.md and the code say the same."""

import re
from pathlib import Path

import pytest

from bot.engagement import FORMULA, LEVEL_NAMES, EngagementParameters, formula
from bot.engagement.baseline import Baseline
from bot.engagement.formula import VALENCE_AROUSAL, Scored
from bot.engagement.levels import raw_level

TEXT = (Path(__file__).parents[3] / "bot" / "ENGAGEMENT.md").read_text()
DEFAULTS = EngagementParameters()
ROWS = re.findall(
    r"^\| ([^|]+) \| (\d+×\([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", TEXT, re.M
)


def _reads(text: str) -> list[Scored]:
    reads: list[Scored] = []
    for count, factors in re.findall(r"(\d+)×\(([^)]+)\)", text):
        f, g, e = (None if each == "–" else float(each) for each in factors.split(","))
        assert f is not None
        reads += [(f, g, e)] * int(count)
    return reads


def test_specification_has_fifteen_vectors() -> None:
    assert len(ROWS) == 15


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_vector_of_the_specification(row: tuple[str, ...]) -> None:
    _, text, coverage, attention, activity, index, level = row
    reads = _reads(text)
    assert len(reads) / 40 == pytest.approx(float(coverage), abs=0.0051)
    if index == "null":
        assert len(reads) / 40 < DEFAULTS.min_coverage
        return
    measured = formula.attention(reads, DEFAULTS)
    assert measured == pytest.approx(float(attention), abs=1e-9)
    assert formula.index(measured, float(activity), DEFAULTS) == pytest.approx(float(index), abs=1e-9)
    assert raw_level(float(index), DEFAULTS) == int(level)


def test_prior_faces_as_the_specification_says() -> None:
    (line,) = re.findall(r"^f of a raw pose .* before anything is learnt: (.+)\.$", TEXT, re.M)
    poses = re.findall(r"\((\S+), (\S+)\) ([.\d]+)", line.replace("−", "-"))
    assert len(poses) == 9
    for yaw, pitch, facing in poses:
        assert Baseline(DEFAULTS).judge(float(yaw), float(pitch)).facing == pytest.approx(float(facing)), (yaw, pitch)


@pytest.mark.parametrize(("letter", "axis"), [("V", 0), ("A", 1)])
def test_class_points_of_the_specification(letter: str, axis: int) -> None:
    (line,) = re.findall(rf"^\| {letter} \|(.+)\|$", TEXT, re.M)
    numbers = [float(cell.strip(" *").replace("−", "-")) for cell in line.split("|")]
    assert numbers == [point[axis] for point in VALENCE_AROUSAL.values()]


def test_specification_names_the_formula_and_its_levels() -> None:
    assert f"`{FORMULA}`" in TEXT
    assert "cuts **{:.2f}, {:.2f}, {:.2f}**".format(*DEFAULTS.cuts) in TEXT
    assert f"Names: {', '.join(level.name.lower() for level in LEVEL_NAMES)}" in TEXT
    assert all(f'"{level.means}"' in TEXT for level in LEVEL_NAMES)
