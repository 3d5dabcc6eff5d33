"""`build-engine verify`: one command on a GPU machine, one report to send back."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from build_engine.commands.options import Cache, Json
from build_engine.commands.plan import Level, Library, MaxBatch, Sm, Workspace, phases
from build_engine.commands.shipped import shipped_fp32
from build_engine.console import console, progress, report


def verify(  # noqa: PLR0913 (the options of a command are its parameters)
    model: Annotated[str, typer.Argument(help="The fp32 .onnx file, or `default`.")] = "default",
    to: Annotated[Path, typer.Option("--output", "-o", help="The report to write.")] = Path("verify.json"),
    data: Annotated[str, typer.Option(help="Faces to compare with, as for `train`; drawn:N draws them.")] = "drawn:500",
    precision: Annotated[list[str] | None, typer.Option(help="All three by default. May be given again.")] = None,
    max_batch: MaxBatch = 32,
    api: Annotated[Library, typer.Option(help="The library that builds and runs the plans.")] = "tensorrt",
    sm: Sm = None,
    optimisation_level: Level = 3,
    workspace_mb: Workspace = 1024,
    keep: Annotated[Path | None, typer.Option(help="Folder in which the plans stay; without, they go again.")] = None,
    cache: Cache = Path("runs/landmarks"),
    as_json: Json = False,
) -> None:
    """Build plans, check, compare and time them: one report.

    They are compared with ONNX Runtime on 500 faces.
    """
    import numpy as np

    from build_engine.data.dataset import load_faces
    from build_engine.data.labelled_faces import Split
    from build_engine.data.landmarks import align_faces
    from build_engine.deployment.agreement import FACES
    from build_engine.deployment.plan import PlanRequest
    from build_engine.deployment.verify import PRECISIONS, Trial
    from build_engine.deployment.verify import verify as verify_here
    from build_engine.errors import PlanRefused
    from build_engine.files import save
    from engine.manifest import load_manifest

    precisions = [name for name in PRECISIONS if not precision or name in precision]
    if unknown := set(precision or ()) - set(PRECISIONS):
        raise typer.BadParameter(f"{', '.join(unknown)} is none of {', '.join(PRECISIONS)}", param_hint="--precision")
    path = shipped_fp32() if model == "default" else Path(model)
    faces = load_faces(data)
    judged = faces.of(Split.PUBLIC_TEST)
    chosen = judged if len(judged) >= FACES else faces
    faces = chosen.rows(np.arange(min(FACES, len(chosen))))
    with progress("landmarks") as show:
        aligned = align_faces(faces, cache, load_manifest(path).input, progress=show)
    request = PlanRequest("fp32", max_batch, api, sm, optimisation_level, workspace_mb, model)
    with TemporaryDirectory() as folder, phases() as advance:
        trial = Trial(path, keep or Path(folder), aligned, request, advance, console.print)
        found = verify_here(trial, precisions)
    save(to, (json.dumps(found, indent=2) + "\n").encode())
    report(found if as_json else _summary(found, to), as_json)
    failed = [f"{name}: {form['failed']}" for name, form in found["forms"].items() if "failed" in form]
    if failed:
        raise PlanRefused(f"{'; '.join(failed)} (the report is in {to})")


def _summary(found: dict[str, Any], to: Path) -> dict[str, Any]:
    lines: dict[str, Any] = {"report": str(to), "executed on a GPU": found["executed"]}
    for name, form in found["forms"].items():
        if form["passed"]:
            parity = form["parity"]
            lines[name] = (
                f"{form['check']}; same class {parity['same']:.2%}, largest difference {parity['largest']:.4f}"
            )
        else:
            lines[name] = form["failed"]
    return lines
