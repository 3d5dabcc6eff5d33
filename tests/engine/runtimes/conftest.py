"""The paper GPU with its libraries in the places of the real ones, and plans that it can run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.crops import CropSpec
from engine.expressions import FERPLUS8
from engine.manifest import Manifest, PlanFacts, digest, load_manifest, manifest_path, write_manifest
from engine.readings import FaceBatch
from tests.engine.runtimes.paper_gpu import SM, PaperGpu


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> PaperGpu:
    """The paper GPU, with its libraries in the places where the real ones would be."""
    pytest.importorskip("tensorrt_rtx", reason="needs tensorrt-rtx-cu13, which `make integration` installs")
    from tests.engine.runtimes.paper_tensorrt import install

    return install(monkeypatch)


@pytest.fixture
def plan(model: Callable[..., Path]) -> Callable[..., Path]:
    """Writes a tiny network under the name of a plan, with the manifest of one."""

    def write(*, max_batch: int = 32, library: str = "10.13.3", sm: int = SM, **options: Any) -> Path:
        source = model(with_ferplus8=True, ferplus8=FERPLUS8, **options)
        path = source.with_suffix(".plan")
        path.write_bytes(source.read_bytes())
        facts = PlanFacts(
            library=library, source="default", onnx_sha256=digest(source), batches=(1, min(8, max_batch), max_batch),
            sm=sm, optimisation_level=3, workspace_mb=64,
        )  # fmt: skip
        manifest = load_manifest(source)
        fields = manifest.model_dump() | {"api": "tensorrt", "precision": "fp16", "max_batch": max_batch, "plan": facts}
        write_manifest(Manifest.model_validate(fields), path)
        assert manifest_path(path).name == f"{source.stem}.plan.json"
        return path

    return write


@pytest.fixture
def batch() -> Callable[[int], FaceBatch]:
    """Random faces of the tiny network's size."""

    def draw(count: int) -> FaceBatch:
        random, spec = np.random.default_rng(count), CropSpec(size_px=16, region_grid=2)
        crops = random.normal(size=(count, 1, spec.size_px, spec.size_px)).astype(np.float32)
        return FaceBatch(crops, random.random((count, 9, spec.region_grid, spec.region_grid), np.float32))

    return draw
