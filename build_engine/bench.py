"""Milliseconds a face on the CPU, beside a reference network in the same process.

Absolute times move with the machine and its load, so our networks and the reference take turns, call by call, and each
time is the least of many: what the work costs where nothing interferes.
"""

import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import torch

from build_engine.export import Served, to_onnx
from build_engine.files import save
from build_engine.model import build_network
from build_engine.quantize import quantize_file, random_faces
from build_engine.recipe import Recipe
from engine.crops import CropSpec
from engine.expressions import FERPLUS8
from engine.manifest import Manifest, digest, write_manifest
from engine.readings import FaceBatch
from engine.runtimes import Runtime, load_runtime

REFERENCE: Final = Recipe(name="reference", backbone="resnet50", attention="landmark", widths=(64, 128, 256, 512))
"""ResNet-50 with landmark-guided attention, random weights, int8: the paper's network, as the yardstick."""

_REFERENCE_BATCH: Final = 8


@dataclass(frozen=True, slots=True)
class Row:
    """One network at one batch size."""

    precision: str
    runtime: str
    batch: int
    threads: int
    ms_per_face: float


def measure(models: list[Path], batches: list[int], threads: int = 1, rounds: int = 40) -> tuple[list[Row], float]:
    """Time networks through the runtime that serves them.

    Args:
        models: engine files with manifests.
        batches: faces a call, each ≥ 1.
        threads: of one call.
        rounds: turns; the least time of each counts.

    Returns:
        A row for each model and batch, and the reference's ms a face at batch 8 with one thread.

    Raises:
        ModelRefused: A file or its manifest does not fit.
    """
    with ExitStack() as opened:
        folder = Path(opened.enter_context(TemporaryDirectory()))
        runtimes = [opened.enter_context(load_runtime(model, threads)) for model in models]
        reference = opened.enter_context(load_runtime(build_reference(folder, REFERENCE), 1))
        turns = [(runtime, batch) for runtime in runtimes for batch in batches] + [(reference, _REFERENCE_BATCH)]
        least = _least_ms(turns, rounds)
        rows = [
            Row(runtime.manifest.precision, runtime.manifest.api, batch, threads, ms)
            for (runtime, batch), ms in zip(turns, least, strict=True)
        ]
    return rows[:-1], rows[-1].ms_per_face


def build_reference(folder: Path, recipe: Recipe) -> Path:
    """Write an int8 network with random weights and its manifest; returns its path."""
    torch.manual_seed(0)
    raw, path = folder / "raw.onnx", folder / f"{recipe.name}.onnx"
    save(raw, to_onnx(Served(build_network(recipe).eval())))
    quantize_file(raw, path, *random_faces(8, CropSpec()))
    manifest = Manifest(
        name=recipe.name,
        version="1",
        architecture=recipe.backbone,
        api="onnx",
        precision="int8",
        sha256=digest(path),
        ferplus8=FERPLUS8,
    )
    write_manifest(manifest, path)
    return path


def _least_ms(turns: list[tuple[Runtime, int]], rounds: int) -> list[float]:
    """Give every network its turn in each round: least milliseconds a face."""
    inputs = [FaceBatch(*random_faces(batch, runtime.manifest.input)) for runtime, batch in turns]
    seconds = np.full((rounds, len(turns)), np.inf)
    for times in seconds:
        for index, ((runtime, _), faces) in enumerate(zip(turns, inputs, strict=True)):
            began = time.perf_counter()
            runtime.infer(faces)
            times[index] = time.perf_counter() - began
    return [1000 * float(least) / batch for least, (_, batch) in zip(seconds.min(0), turns, strict=True)]
