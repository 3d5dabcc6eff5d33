"""`build-engine plan`: exported network → TensorRT plan, for one library on one kind of GPU."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from build_engine.commands.options import Json
from build_engine.commands.shipped import shipped_fp32
from build_engine.console import console, report

if TYPE_CHECKING:
    from build_engine.deployment.plan_builder import Advance

Precision = Literal["fp32", "fp16", "int8"]
Library = Literal["tensorrt", "tensorrt_rtx"]
Sm = Annotated[
    int | None,
    typer.Option(min=10, help="Compute capability without its dot, e.g. 86; tensorrt_rtx needs no such GPU."),
]
MaxBatch = Annotated[int, typer.Option(min=1, max=4096, help="Most faces in one call.")]
Level = Annotated[int, typer.Option(min=0, max=5, help="How long to search for fast kernels.")]
Workspace = Annotated[int, typer.Option(min=1, help="GPU memory that a layer may use while it runs, MiB.")]


def plan(  # noqa: PLR0913 (the options of a command are its parameters)
    model: Annotated[
        str, typer.Argument(help="The fp32 .onnx file, or `default` for the one that ships; the .plan with --check.")
    ],
    to: Annotated[Path | None, typer.Option("--output", "-o", help="The .plan file to write.")] = None,
    precision: Annotated[
        Precision, typer.Option(help="Of the convolutions; logits and softmax are always fp32.")
    ] = "fp16",
    max_batch: MaxBatch = 32,
    api: Annotated[Library, typer.Option(help="The library that builds the plan and will run it.")] = "tensorrt",
    sm: Sm = None,
    optimisation_level: Level = 3,
    workspace_mb: Workspace = 1024,
    timing_cache: Annotated[
        Path | None, typer.Option(help="Makes the next build faster; OUTPUT.timing by default.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Only say whether the plan MODEL runs here.")] = False,
    as_json: Json = False,
) -> None:
    """Build a TensorRT plan for this kind of GPU.

    It runs with this version of the library on this kind of GPU, and nowhere else.
    """
    from build_engine.deployment.plan import PlanRequest, described, make_plan

    if check:
        report(_checked(Path(model)), as_json)
        return
    if to is None or to.suffix != ".plan":
        raise typer.BadParameter("give the file to write, ending in .plan", param_hint="--output")
    path = shipped_fp32() if model == "default" else Path(model)
    request = PlanRequest(precision, max_batch, api, sm, optimisation_level, workspace_mb, model)
    began = time.monotonic()
    with phases() as advance:
        manifest = make_plan(path, to, request, timing_cache or to.with_suffix(".timing"), advance)
    figures = {"megabytes": round(to.stat().st_size / 1e6, 2), "seconds": round(time.monotonic() - began, 2)}
    report({"plan": str(to), **figures, **described(manifest)}, as_json)


def _checked(path: Path) -> dict[str, Any]:
    from build_engine.deployment.plan import described
    from engine.manifest import load_manifest
    from engine.runtimes import load_runtime

    facts = described(load_manifest(path))
    load_runtime(path).close()
    return {"plan": str(path), "fits": True, **facts}


@contextmanager
def phases() -> Iterator["Advance"]:
    """Show the phases of a build that are under way, one bar each; yields what a build advances them with."""
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    bars = Progress(*columns, console=console, transient=True)
    shown: dict[str, TaskID] = {}

    def advance(phase: str, done: int, steps: int) -> None:
        if phase not in shown:
            bars.start()
            shown[phase] = bars.add_task(phase, total=steps)
        bars.update(shown[phase], completed=done, visible=done < steps)

    try:
        yield advance
    finally:
        if shown:
            bars.stop()
