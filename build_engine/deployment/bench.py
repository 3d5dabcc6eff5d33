"""Milliseconds a face, beside a reference network in the same process.

Absolute times move with the machine and its load, so our networks and the reference take turns, call by call. A time a
face is the least of many: what the work costs where nothing interferes. The latencies of a call are those of all turns.
"""

import importlib.util
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import numpy as np

from build_engine.deployment.noise import random_faces
from build_engine.deployment.peer import load_peer, peer_name
from engine.manifest import load_manifest
from engine.readings import FaceBatch, Floats
from engine.runtimes import Runtime, load_runtime

_REFERENCE_BATCH: Final = 8


@dataclass(frozen=True, slots=True)
class Row:
    """One network at one batch size."""

    model: str
    precision: str
    runtime: str
    batch: int
    threads: int
    ms_per_face: float
    """Least of all turns."""
    p50_ms: float
    """Latency of a call."""
    p95_ms: float
    faces_per_s: float
    """One call after the other, at the median latency."""


@dataclass(frozen=True, slots=True)
class Timings:
    """What was measured side by side."""

    rows: list[Row]
    reference_ms_per_face: float | None
    """ResNet-50 with attention, int8, batch 8, one thread; None where torch, which builds it, is missing."""


class _Turn(NamedTuple):
    model: str
    precision: str
    runtime: str
    batch: int
    threads: int
    call: Callable[[], object]


def measure(models: Sequence[Path], batches: Sequence[int], threads: Sequence[int] = (1,), rounds: int = 40) -> Timings:
    """Time networks through the runtime that serves them.

    Args:
        models: engine files with manifests.
        batches: faces a call, each ≥ 1.
        threads: of a call on the CPU, each ≥ 1; a plan has none and gets one row a batch.
        rounds: turns of each network.

    Raises:
        ModelRefused: A file or its manifest does not fit.
    """
    with ExitStack() as opened:
        turns = [
            turn
            for model in models
            for count in (threads if load_manifest(model).api == "onnx" else threads[:1])
            for turn in _turns(opened.enter_context(load_runtime(model, count)), count, batches)
        ]
        for count in threads:
            peer = load_peer(count)
            turns += [_Turn(peer_name(), "int8", "tflite", 1, count, peer)] if peer else []
        reference = _reference(opened)
        seconds = _take_turns([*turns, *reference], rounds)
    rows = [_row(turn, times) for turn, times in zip([*turns, *reference], seconds, strict=True)]
    return Timings(rows[: len(turns)], rows[-1].ms_per_face if reference else None)


def _turns(runtime: Runtime, threads: int, batches: Sequence[int]) -> list[_Turn]:
    manifest = runtime.manifest
    return [
        _Turn(
            manifest.name, manifest.precision, manifest.api, batch, threads,
            partial(runtime.infer, FaceBatch(*random_faces(batch, manifest.input))),
        )
        for batch in batches
    ]  # fmt: skip


def _reference(opened: ExitStack) -> list[_Turn]:
    if importlib.util.find_spec("torch") is None:
        return []
    from build_engine.deployment import reference

    folder = Path(opened.enter_context(TemporaryDirectory()))
    runtime = opened.enter_context(load_runtime(reference.build_reference(folder, reference.REFERENCE), 1))
    return _turns(runtime, 1, [_REFERENCE_BATCH])


def _take_turns(turns: Sequence[_Turn], rounds: int) -> Floats:
    """Give every network its turn in each round: (networks, rounds) seconds."""
    for turn in turns:
        turn.call()
    seconds = np.zeros((len(turns), rounds), np.float32)
    for number in range(rounds):
        for index, turn in enumerate(turns):
            began = time.perf_counter()
            turn.call()
            seconds[index, number] = time.perf_counter() - began
    return seconds


def _row(turn: _Turn, seconds: Floats) -> Row:
    median, slow = np.percentile(seconds, (50, 95))
    return Row(
        *turn[:5],
        ms_per_face=1000 * float(seconds.min()) / turn.batch,
        p50_ms=1000 * float(median),
        p95_ms=1000 * float(slow),
        faces_per_s=turn.batch / float(median),
    )
