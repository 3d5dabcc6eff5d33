"""The bench: real networks, timed in turns."""

from dataclasses import replace
from pathlib import Path

import pytest

from build_engine import bench
from build_engine.bench import REFERENCE, measure
from engine.manifest import load_manifest

SMALL = replace(REFERENCE, widths=(8, 8, 8, 8), attention_heads=2)


def test_every_network_and_batch_has_a_row_beside_the_reference(
    exported: Path, int8: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "REFERENCE", SMALL)
    rows, reference_ms = measure([exported, int8], [1, 4], rounds=2)
    assert [(row.precision, row.runtime, row.batch) for row in rows] == [
        ("fp32", "onnx", 1), ("fp32", "onnx", 4), ("int8", "onnx", 1), ("int8", "onnx", 4),
    ]  # fmt: skip
    assert all(0 < row.ms_per_face < 100 for row in rows)
    assert 0 < reference_ms < 100


def test_larger_network_takes_longer(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "REFERENCE", replace(SMALL, widths=(64, 64, 64, 64)))
    rows, reference_ms = measure([exported], [8], rounds=5)
    assert reference_ms > rows[0].ms_per_face


def test_reference_is_the_papers_network_in_int8(tmp_path: Path) -> None:
    assert (REFERENCE.backbone, REFERENCE.attention, REFERENCE.widths) == ("resnet50", "landmark", (64, 128, 256, 512))
    assert load_manifest(bench.build_reference(tmp_path, SMALL)).precision == "int8"
