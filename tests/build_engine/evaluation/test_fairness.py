"""`build-engine fairness`: figures by group, from a folder of drawn people to the table."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from bot.samples.drawing import draw
from bot.samples.people import PEOPLE
from bot.samples.pose import Pose
from build_engine.__main__ import main
from build_engine.data.grouped_pictures import find_pictures
from build_engine.errors import DataUnreadable
from build_engine.evaluation.fairness import Seen, as_markdown, compare_groups, wilson


def test_interval_of_a_share_is_wilsons() -> None:
    # 8 of 10, as in tables of the Wilson interval.
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson(0, 0) == (0, 1)
    assert wilson(10, 10)[1] == pytest.approx(1)


def seen(group: str, count: int, found: int, eyes: float, expression: int = 6) -> list[Seen]:
    return [
        Seen({"age": group}, True, eyes + 0.001 * (number % 5), expression)
        if number < found
        else Seen({"age": group}, False)
        for number in range(count)
    ]


def test_difference_between_groups_is_parted_from_chance() -> None:
    (grouping,) = compare_groups([*seen("child", 60, 59, 0.36), *seen("adult", 60, 58, 0.30), Seen({}, True, 0.9, 0)])
    children, adults = grouping.groups[1], grouping.groups[0]
    assert (children.name, children.pictures, adults.name) == ("child", 60, "adult")
    assert children.found == pytest.approx(59 / 60)
    assert children.found_interval == wilson(59, 60)
    assert children.eye_openness == pytest.approx(0.362)
    assert children.expressions["neutral"] == 1
    assert grouping.chance["eye_openness"] < 0.01
    assert grouping.chance["found"] > 0.3
    assert grouping.chance["neutral"] == 1
    text = as_markdown([grouping])
    assert "| child | 60 | 98.3% (91.1% to 99.7%) | 0.362 (" in text
    assert "| as far apart by chance |" in text


def test_group_of_whom_nobody_is_found_has_no_eyes_and_no_expressions() -> None:
    (grouping,) = compare_groups([*seen("child", 4, 0, 0.3), *seen("adult", 4, 4, 0.3)])
    child = grouping.groups[1]
    assert (child.found, child.eye_openness, child.expressions) == (0, None, {})
    assert "eye_openness" not in grouping.chance
    assert "| child | 4 | 0.0% (0.0% to 49.0%) | – | – |" in as_markdown([grouping])


def portraits(folder: Path) -> Path:
    for number, person in enumerate(PEOPLE[:4]):
        group = folder / ("with a smile" if number % 2 else "quiet")
        group.mkdir(parents=True, exist_ok=True)
        picture = draw(person.look, Pose(smile=0.9, mouth=0.2) if number % 2 else Pose())
        cv2.imwrite(str(group / f"{person.id}.png"), picture[..., ::-1])
    cv2.imwrite(str(folder / "quiet/wall.png"), np.full((200, 200, 3), 128, np.uint8))
    (folder / "quiet/broken.jpg").write_bytes(b"no picture")
    return folder


def run(arguments: Sequence[object], monkeypatch: pytest.MonkeyPatch) -> int | str | None:
    monkeypatch.setattr(sys, "argv", ["build-engine", "fairness", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def test_folder_of_portraits_is_read_by_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = portraits(tmp_path / "portraits")
    assert run(["--data", folder, "--to", tmp_path / "table.md", "--json"], monkeypatch) == 0
    shown = capsys.readouterr()
    said = json.loads(shown.out)
    assert (said["pictures"], said["broken"]) == (5, 1)
    groups = said["groupings"]["folder"]["groups"]
    assert groups["with a smile"]["expressions"]["happy"] == 1
    assert groups["quiet"]["expressions"]["happy"] == 0
    assert groups["quiet"]["found"] == pytest.approx(2 / 3)
    assert groups["with a smile"]["found"] == 1
    assert "broken.jpg" in shown.err
    assert "| with a smile | 2 | 100.0%" in (tmp_path / "table.md").read_text()


def test_folder_without_two_groups_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--data", tmp_path / "none"], monkeypatch) == 2
    assert "is no folder" in capsys.readouterr().err.replace("\n", " ")
    (tmp_path / "a").mkdir()
    with pytest.raises(DataUnreadable, match="holds no picture"):
        find_pictures(tmp_path)
    (tmp_path / "a/1.png").write_bytes(b"")
    with pytest.raises(DataUnreadable, match="one group only"):
        find_pictures(tmp_path)
    table = tmp_path / "groups.csv"
    for text, refusal in (
        ("name,age\n", "holds no picture"),
        ("name,age\na,b\n", "has no column file"),
        ("file,age\n../x.png,child\n", "does not lie in this folder"),
        ("file,age,glasses\na/1.png,child,\na/2.png,child,\n", "one group only"),
    ):
        table.write_text(text)
        with pytest.raises(DataUnreadable, match=refusal):
            find_pictures(tmp_path)
    table.write_text("file,age,glasses\na/1.png,child,\na/2.png, adult ,yes\n")
    assert [picture.groups for picture in find_pictures(tmp_path)] == [
        {"age": "child"},
        {"age": "adult", "glasses": "yes"},
    ]
