"""`build-engine compare` and `split-study`: the same recipe many times, one thing changed."""

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from build_engine.commands.options import Cache, Data, Json
from build_engine.console import console, progress, report

Epochs = Annotated[int | None, typer.Option(min=1, help="Instead of the study's 12.")]


def compare(
    data: Data,
    variant: Annotated[
        list[str] | None, typer.Option(help="Network to compare, by name; may be repeated; all by default.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each network.")] = 1,
    epochs: Epochs = None,
    out: Annotated[Path, typer.Option(help="Folder of the runs and of table.md.")] = Path("runs/compare"),
    cache: Cache = Path("runs/landmarks"),
    as_json: Json = False,
) -> None:
    """Train networks alike, and say which is better, and how sure.

    It goes on where it was stopped.
    """
    from build_engine.data.dataset import load_faces
    from build_engine.data.labelled_faces import Split
    from build_engine.data.landmarks import align_faces
    from build_engine.evaluation.compare import (
        VARIANTS,
        Hits,
        comparison_table,
        difference,
        finish,
        hits,
        variant_recipe,
    )
    from build_engine.files import save
    from build_engine.training.run import Run

    chosen = variant or list(VARIANTS)
    if unknown := set(chosen) - set(VARIANTS):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: none of {', '.join(VARIANTS)}", param_hint="--variant")
    with progress("landmarks") as advance:
        faces = align_faces(load_faces(data), cache, progress=advance)
    read: dict[str, dict[int, Hits]] = {name: {} for name in chosen}
    for seed in range(1, seeds + 1):  # all variants of a seed first: a table of few runs is a fair one too
        for name in chosen:
            run, recipe = Run(out / f"{name}-{seed}"), variant_recipe(name, seed, epochs)
            with progress(f"{name}, seed {seed}") as advance:
                finish(recipe, faces, run, _advancing(advance, recipe.epochs, f"{name}-{seed}"))
            read[name][seed] = hits(run, faces, Split.PUBLIC_TEST)
            table = comparison_table({kind: runs for kind, runs in read.items() if runs})
            save(out / "table.md", table.encode())
    console.print(table, markup=False, soft_wrap=True)
    rows = {name: [float(hit.mean()) for hit in runs.values()] for name, runs in read.items()}
    beyond = {
        name: asdict(difference(runs.values(), read["resnet18"].values()))
        for name, runs in read.items()
        if "resnet18" in read and name != "resnet18"
    }
    report({"accuracy": rows, "beyond_resnet18": beyond, "table": str(out / "table.md")}, as_json)


def split_study(
    data: Data,
    variant: Annotated[str, typer.Option(help="Network, by its name in `compare`.")] = "resnet18-landmark",
    seed: Annotated[int, typer.Option(min=0, help="Of the division and of the runs.")] = 1,
    epochs: Epochs = None,
    out: Annotated[Path, typer.Option(help="Folder of the runs.")] = Path("runs/split-study"),
    cache: Cache = Path("runs/landmarks"),
    as_json: Json = False,
) -> None:
    """Train one network on three divisions of all faces.

    They are 90/5/5, 80/10/10 and 70/15/15 percent, as in the paper.
    """
    from build_engine.data.dataset import load_faces
    from build_engine.data.labelled_faces import Split
    from build_engine.data.landmarks import align_faces
    from build_engine.evaluation.compare import VARIANTS, finish, hits, variant_recipe
    from build_engine.evaluation.split_study import DIVISIONS, divide
    from build_engine.training.run import Run

    if variant not in VARIANTS:
        raise typer.BadParameter(f"{variant!r} is none of {', '.join(VARIANTS)}", param_hint="--variant")
    with progress("landmarks") as advance:
        faces = align_faces(load_faces(data), cache, progress=advance)
    accuracy = {}
    for name, shares in DIVISIONS.items():
        divided = replace(faces, labelled=divide(faces.labelled, shares, seed))
        run, recipe = Run(out / f"{variant}-{name}-{seed}"), variant_recipe(variant, seed, epochs)
        with progress(name) as advance:
            finish(recipe, divided, run, _advancing(advance, recipe.epochs, name))
        accuracy[name] = float(hits(run, divided, Split.PRIVATE_TEST).mean())
    report({"variant": variant, **accuracy}, as_json)


def _advancing(advance: Callable[[int, int], None], epochs: int, name: str) -> Callable[[dict[str, Any]], None]:
    def advanced(row: dict[str, Any]) -> None:
        advance(row["epoch"], epochs)
        console.print(f"{name}  epoch {row['epoch']:3}  accuracy {row['accuracy']:.4f}  {row['seconds']:.0f} s")

    return advanced
