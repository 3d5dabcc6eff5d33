"""No picture that anybody can give ends the process, and none comes back as anything but a reading or our own error."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile import PICTURE_FILES, PICTURES

ROOT = Path(__file__).resolve().parents[2]
GOOD = {
    "an ordinary one", "one pixel", "one row", "one column", "upside down in memory", "columns first in memory",
    "every third pixel", "a cut of another", "rows that overlap", "not where numbers begin", "one that is only read",
    "with a mask",
}  # fmt: skip


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], str]:
    """What became of every row at every entry, reported by a process that lived to its end."""
    folder = tmp_path_factory.mktemp("pictures")
    command = [sys.executable, "-m", "tests.engine.hostile_pictures", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"it died at: {done.stdout.splitlines()[-1:]}\n{done.stderr[-2000:]}"
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    return {(entry, row): outcome for entry, row, outcome in rows}


def test_no_picture_ends_the_process_or_comes_back_as_a_foreign_error(reported: dict[tuple[str, str], str]) -> None:
    assert {what: outcome for what, outcome in reported.items() if outcome not in ("taken", "refused")} == {}


@pytest.mark.parametrize("entry", ["find", "find near", "find_all", "read", "align", "face_batch"])
def test_pictures_within_the_bounds_are_taken_however_they_lie_in_memory(
    reported: dict[tuple[str, str], str], entry: str
) -> None:
    taken = {row for row in PICTURES if reported[entry, row] == "taken"}
    takes_grey = {"grey"} if entry in ("align", "face_batch") else set()
    assert taken == GOOD | takes_grey


def test_picture_files_that_ask_for_gigabytes_are_refused(reported: dict[tuple[str, str], str]) -> None:
    assert {row: reported["file", row] for row in PICTURE_FILES if reported["file", row] != "refused"} == {}
