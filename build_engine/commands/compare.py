"""`build-engine compare` and `split-study`: the same recipe many times, one thing changed."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from build_engine.commands.options import Cache, Data, Json
from build_engine.console import console, progress, report

if TYPE_CHECKING:
    from build_engine.evaluation.outcome import Hits

Epochs = Annotated[int | None, typer.Option(min=1, help="Of networks, instead of the study's 12.")]
Variants = Annotated[
    list[str] | None, typer.Option(help="Network or classifier to compare, by name; may be repeated; all by default.")
]
Table = Annotated[
    bool,
    typer.Option("--table", help="Train nothing: print what was measured of the paper's rivals, here or by us."),
]


def compare(  # noqa: PLR0913 (the options of a command are its parameters)
    data: Annotated[str | None, typer.Option(help="As for `train`; not needed with --table.")] = None,
    variant: Variants = None,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each.")] = 1,
    epochs: Epochs = None,
    out: Annotated[Path, typer.Option(help="Folder of the runs and of the tables.")] = Path("runs/compare"),
    table: Table = False,
    cache: Cache = Path("runs/landmarks"),
    as_json: Json = False,
) -> None:
    """Train the paper's rivals alike, and say how they differ.

    Each reads PrivateTest once, at its end. It goes on where it was stopped.
    """
    if table:
        _print_table(out, as_json)
        return
    if data is None:
        raise typer.BadParameter("the labelled faces are needed, or --table", param_hint="--data")
    from build_engine.data.dataset import load_faces
    from build_engine.data.landmarks import align_faces
    from build_engine.evaluation.compare import CONTESTANTS, GROUP, compete, difference

    chosen = variant or list(CONTESTANTS)
    if unknown := set(chosen) - set(CONTESTANTS):
        raise typer.BadParameter(
            f"{', '.join(sorted(unknown))}: none of {', '.join(CONTESTANTS)}", param_hint="--variant"
        )
    with progress("landmarks") as advance:
        faces = align_faces(load_faces(data), cache, progress=advance)
    read: dict[str, dict[int, Hits]] = {name: {} for name in chosen}
    for seed in range(1, seeds + 1):  # all variants of a seed first: a table of few runs is a fair one too
        for name in chosen:
            with progress(f"{name}, seed {seed}") as advance:
                folder = out / f"{name}-{seed}"
                outcome = compete(name, seed, epochs, faces, folder, _advancing(advance, epochs, folder.name))
            read[name][seed] = outcome.public_hits
            shown = _save_tables(out, {kind: runs for kind, runs in read.items() if runs and kind != GROUP})
    console.print(shown, markup=False, soft_wrap=True)
    beyond = {
        name: asdict(difference(runs.values(), read["resnet18"].values()))
        for name, runs in read.items()
        if "resnet18" in read and name not in ("resnet18", GROUP)
    }
    rows = {name: [float(hit.mean()) for hit in runs.values()] for name, runs in read.items()}
    report({"accuracy": rows, "beyond_resnet18": beyond, "table": str(out / "table.md")}, as_json)


def _save_tables(out: Path, read: "dict[str, dict[int, Hits]]") -> str:
    """Write the differences on PublicTest, which are returned, and the rows of all that was measured."""
    from build_engine.evaluation.compare import comparison_table, outcomes
    from build_engine.evaluation.rivals import as_json, rows_of
    from build_engine.files import save

    differences = comparison_table(read)
    save(out / "table.md", differences.encode())
    save(out / "rivals.json", as_json(rows_of(outcomes(out))))
    return differences


def _print_table(out: Path, as_json: bool) -> None:
    from build_engine.evaluation.compare import outcomes, stopped
    from build_engine.evaluation.rivals import load_rows, merged, rival_table, rows_of

    rows = merged(load_rows(), [*rows_of(outcomes(out)), *stopped(out)])
    print(json.dumps([asdict(row) for row in rows]) if as_json else rival_table(rows), flush=True)


def split_study(
    data: Data,
    variant: Annotated[
        str, typer.Option(help="Network or classifier, by its name in `compare`.")
    ] = "resnet18-landmark",
    seed: Annotated[int, typer.Option(min=0, help="Of the division and of the runs.")] = 1,
    epochs: Epochs = None,
    out: Annotated[Path, typer.Option(help="Folder of the runs.")] = Path("runs/split-study"),
    cache: Cache = Path("runs/landmarks"),
    as_json: Json = False,
) -> None:
    """Train one network on three divisions of all faces.

    They are 90/5/5, 80/10/10 and 70/15/15 percent, as in the paper; each twice, copies of a picture on one side, and
    anywhere.
    """
    from build_engine.data.dataset import load_faces
    from build_engine.data.landmarks import align_faces
    from build_engine.evaluation.compare import compete
    from build_engine.evaluation.split_study import DIVISIONS, STUDIED, divide

    if variant not in STUDIED:
        raise typer.BadParameter(f"{variant!r} is none of {', '.join(STUDIED)}", param_hint="--variant")
    with progress("landmarks") as advance:
        faces = align_faces(load_faces(data), cache, progress=advance)
    accuracy = {}
    for name, shares in DIVISIONS.items():
        for copies, together in (("", True), (" copies anywhere", False)):
            divided = replace(faces, labelled=divide(faces.labelled, shares, seed, together))
            folder = out / f"{variant}-{name}{copies.replace(' ', '-')}-{seed}"
            with progress(folder.name) as advance:
                outcome = compete(variant, seed, epochs, divided, folder, _advancing(advance, epochs, folder.name))
            accuracy[name + copies] = outcome.private
    report({"variant": variant, **accuracy}, as_json)


def _advancing(advance: Callable[[int, int], None], epochs: int | None, name: str) -> Callable[[dict[str, Any]], None]:
    from build_engine.recipe import STUDY

    def advanced(row: dict[str, Any]) -> None:
        advance(row["epoch"], epochs or STUDY.epochs)
        console.print(f"{name}  epoch {row['epoch']:3}  accuracy {row['accuracy']:.4f}  {row['seconds']:.0f} s")

    return advanced
