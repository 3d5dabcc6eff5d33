"""`build-engine bench`: what reading a face costs on this CPU."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from build_engine.commands.options import Json
from build_engine.commands.shipped import shipped_models
from build_engine.console import report


def bench(
    models: Annotated[
        list[Path] | None, typer.Argument(help="Engine files; the one that ships, fp32 and int8, by default.")
    ] = None,
    batch: Annotated[list[int] | None, typer.Option(min=1, help="Faces a call; 1, 8 and 32 by default.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads of a call; the reference has one.")] = 1,
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each network; its least time counts.")] = 40,
    as_json: Json = False,
) -> None:
    """Time networks beside the reference: ResNet-50 with attention, int8, batch 8, one thread, random weights."""
    from build_engine.bench import measure

    rows, reference_ms = measure(models or shipped_models(), batch or [1, 8, 32], threads, rounds)
    if as_json:
        report({"rows": [asdict(row) for row in rows], "reference_ms_per_face": reference_ms}, as_json)
        return
    named = {f"{row.precision}, batch {row.batch}, {row.threads} threads": row.ms_per_face for row in rows}
    report({**named, "reference, int8, batch 8, 1 thread": reference_ms}, as_json)
