"""`build-engine bench`: what reading a face costs here, for each network, batch and number of threads."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from build_engine.commands.options import Json
from build_engine.commands.shipped import shipped_models
from build_engine.console import report

if TYPE_CHECKING:
    from build_engine.deployment.bench import Timings


def bench(
    models: Annotated[
        list[Path] | None, typer.Argument(help="Engine files, .onnx or .plan; the one that ships by default.")
    ] = None,
    batch: Annotated[list[int] | None, typer.Option(min=1, help="Faces a call; 1, 8 and 32 by default.")] = None,
    threads: Annotated[
        list[int] | None, typer.Option(min=1, help="Threads of a call on the CPU; 1 by default. May be given again.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each network; its least time counts.")] = 40,
    as_json: Json = False,
) -> None:
    """Time networks beside a reference.

    That is ResNet-50 with attention, int8, batch 8, one thread, random weights.
    """
    from build_engine.deployment.bench import measure

    timings = measure(models or shipped_models(), batch or [1, 8, 32], threads or [1], rounds)
    report(asdict(timings) if as_json else as_lines(timings), as_json)


def as_lines(timings: "Timings") -> dict[str, str]:
    """Say each row in words."""
    lines = {
        f"{row.model}, {row.precision} on {row.runtime}, batch {row.batch}, {row.threads} threads": (
            f"{row.ms_per_face:.3f} ms a face, call {row.p50_ms:.2f} ms (p95 {row.p95_ms:.2f}), {row.faces_per_s:.0f}/s"
        )
        for row in timings.rows
    }
    if timings.reference_ms_per_face is not None:
        lines["reference, int8 on onnx, batch 8, 1 threads"] = f"{timings.reference_ms_per_face:.3f} ms a face"
    return lines
