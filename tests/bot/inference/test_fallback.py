"""A plan that does not fit this machine: refused at start, or read on the CPU where the operator allowed it."""

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest

from bot.inference import open_inference
from bot.inference.local import LocalNetwork
from bot.settings import Settings
from bot.settings.service import EngineSettings
from engine.errors import ModelRefused
from engine.manifest import Manifest, PlanFacts, load_manifest, manifest_path, write_manifest
from engine.readings import FaceBatch
from engine.runtimes import DEFAULT_MODEL


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """A plan of a version of TensorRT that nobody has, with its .onnx file beside it."""
    onnx, path = tmp_path / "face.onnx", tmp_path / "face.plan"
    for copy in (onnx, path):
        shutil.copy(DEFAULT_MODEL, copy)
    shutil.copy(manifest_path(DEFAULT_MODEL), manifest_path(onnx))
    manifest = load_manifest(onnx)
    facts = PlanFacts(
        library="0.0", source="default", onnx_sha256=manifest.sha256, batches=(1, 8, 32), sm=10, optimisation_level=3,
        workspace_mb=64,
    )  # fmt: skip
    write_manifest(Manifest.model_validate(manifest.model_dump() | {"api": "tensorrt", "plan": facts}), path)
    return path


async def test_plan_that_does_not_fit_is_refused_at_start(plan: Path) -> None:
    with pytest.raises(ModelRefused, match=r"tensorrt|NVIDIA"):
        async with open_inference(str(plan), threads=1, expressions=True):
            pass


async def test_fallback_reads_on_the_cpu_and_says_so(plan: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        async with LocalNetwork(str(plan), fallback=True) as network:
            spec = network.spec
            crops = np.zeros((1, spec.channels, spec.size_px, spec.size_px), np.float32)
            scores = await network.score("anna", FaceBatch(crops, np.zeros((1, 9, 6, 6), np.float32)))
    assert scores.fer7.sum() == pytest.approx(1, abs=1e-3)
    assert "face.onnx instead" in caplog.text


async def test_fallback_is_off_unless_asked_for() -> None:
    assert not Settings(room_url="local://x", policy="presence").engine_fallback
    assert not EngineSettings().engine_fallback
