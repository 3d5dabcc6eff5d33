"""The one table of rivals: every row has a figure that was seen, or says what to run."""

from pathlib import Path

import pytest

from build_engine.evaluation.compare import CONTESTANTS
from build_engine.evaluation.rivals import (
    HEADER,
    RECORD,
    RIVALS,
    SHIPS,
    Row,
    as_json,
    load_rows,
    merged,
    rival_table,
)

RESULTS = Path(__file__).resolve().parents[3] / "build_engine" / "RESULTS.md"


def test_every_contestant_has_a_row_and_every_row_a_contestant() -> None:
    assert set(RIVALS) == {*CONTESTANTS, SHIPS}


def test_results_show_the_table_that_the_command_prints() -> None:
    assert rival_table(merged(load_rows(), [])) in RESULTS.read_text()


def test_rival_that_was_not_run_names_its_command() -> None:
    table = rival_table([])
    for name in RIVALS:
        if name != SHIPS:
            assert f"not run: `build-engine compare --data fer2013.npz --variant {name}`" in table
    lines = table.splitlines()
    assert len(lines) == 2 + len(RIVALS) + 1
    assert {line.count("|") for line in lines} == {HEADER.splitlines()[0].count("|")}
    assert "no labels within reach" in lines[-1]
    known = Row("vgg", 0, 0, 0, weights=1_200_000, ms_per_face=2.0)
    assert "--variant vgg` |  |  |  | 1.20 | 2.00 |  |  |  |" in rival_table([known])
    assert merged([known], [Row("vgg", 1, 1, 12, public=0.5)]) == [Row("vgg", 1, 1, 12, public=0.5)]


def test_own_rows_replace_recorded_ones_of_the_same_rival_and_length(tmp_path: Path) -> None:
    record = [Row("knn", 1, 0, 0, public=0.4), Row("static", 1, 3, 3, public=0.5), Row("static", 1, 12, 12, public=0.6)]
    rows = merged(record, [Row("knn", 2, 0, 0, public=0.45, public_sd=0.01, private=0.44)])
    assert [(row.rival, row.epochs, row.public) for row in rows] == [
        ("static", 12, 0.6),
        ("static", 3, 0.5),
        ("knn", 0, 0.45),
    ]
    assert "| 44.00 |" in rival_table(rows)
    assert "45.00 ± 1.00" in rival_table(rows)
    (tmp_path / "rows.json").write_bytes(as_json(rows))
    assert load_rows(tmp_path / "rows.json") == rows
    assert load_rows(tmp_path / "none.json") == []


def test_record_holds_figures_alone() -> None:
    for row in load_rows():
        assert row.rival in RIVALS
        assert row.epochs > 0 or not row.of_epochs
        assert (row.public is not None) == (row.runs > 0)
        for share in (row.public, row.private, row.macro_f1, row.ferplus):
            assert share is None or 0 < share < 1
    assert RECORD.stat().st_size < 20_000


@pytest.mark.parametrize("name", ["logistic", "lda", "knn", "tree", "bayes", "ensemble"])
def test_what_costs_minutes_was_measured(name: str) -> None:
    assert any(row.rival == name and row.private for row in load_rows())
