"""Everything that one machine can prove about TensorRT: build, check, parity, bench, in one report to send back."""

import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import monotonic
from typing import Any

from build_engine.data.landmarks import AlignedFaces
from build_engine.deployment.agreement import agreement, read_file, read_typed
from build_engine.deployment.bench import measure
from build_engine.deployment.plan import PlanRequest, described, make_plan
from build_engine.deployment.plan_builder import Advance, Precision
from build_engine.errors import BuildError
from engine.errors import EngineError
from engine.manifest import load_manifest
from engine.readings import Scores
from engine.runtimes import load_runtime
from engine.runtimes.gpu import find_gpu

PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "int8")


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """What is to be proven, and who learns of it."""

    model: Path
    """fp32 `.onnx` file with manifest."""
    folder: Path
    """Takes the plans."""
    faces: AlignedFaces
    """Read with every form of the network."""
    request: PlanRequest
    """What the plans are for; its precision is of no meaning."""
    advance: Advance | None = None
    """Called with the progress of each build."""
    say: Callable[[str], None] = lambda line: None
    """Called with what comes next."""


def verify(trial: Trial, precisions: Sequence[Precision] = PRECISIONS) -> dict[str, Any]:
    """Build plans of a network and prove them as far as this machine can.

    A step that fails is noted with its reason and ends the steps of its precision, not the others'.

    Returns:
        The report: `machine`, `model`, for each of the `forms` `build`, `check`, `parity` (with what it was found on)
        and `bench`, and at the top `passed`, whether all of it went well, and `executed`, whether a GPU ran the plans.
    """
    exact = read_file(trial.model, trial.faces)
    gpu = find_gpu()
    forms = {precision: _prove(trial, precision, exact, runs=gpu is not None) for precision in precisions}
    return {
        "passed": all(form["passed"] for form in forms.values()),
        "executed": all("bench" in form for form in forms.values()),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "classpulse": version("classpulse"),
            "python": platform.python_version(),
            "system": platform.platform(),
            "gpu": None if gpu is None else asdict(gpu),
        },
        "model": {"name": trial.model.stem, "sha256": load_manifest(trial.model).sha256},
        "forms": forms,
    }


def _prove(trial: Trial, precision: Precision, exact: Scores, *, runs: bool) -> dict[str, Any]:
    form: dict[str, Any] = {"passed": False}
    plan = trial.folder / f"{trial.model.stem}-{precision}.plan"
    with _noted(form):
        trial.say(f"{precision}: build")
        began = monotonic()
        made = make_plan(trial.model, plan, trial.request._replace(precision=precision), advance=trial.advance)
        size_mb, took_s = round(plan.stat().st_size / 1e6, 2), round(monotonic() - began, 2)
        form["build"] = {"seconds": took_s, "megabytes": size_mb, **described(made)}
        if runs:
            trial.say(f"{precision}: check")
            load_runtime(plan).close()
        form["check"] = "fits" if runs else "not run: there is no NVIDIA GPU here"
        trial.say(f"{precision}: parity")
        scores = read_file(plan, trial.faces) if runs else read_typed(trial.model, precision, trial.faces)
        found = agreement(exact, scores)
        form["parity"] = {"on": "TensorRT" if runs else "ONNX Runtime, the network the plan is of", **asdict(found)}
        found.check(precision)
        if runs:
            trial.say(f"{precision}: bench")
            form["bench"] = asdict(measure([trial.model, plan], sorted({1, 8, trial.request.max_batch})))
        form["passed"] = True
    return form


@contextmanager
def _noted(form: dict[str, Any]) -> Iterator[None]:
    try:
        yield
    except (BuildError, EngineError) as error:
        form["failed"] = str(error)
