"""`build-engine train`: labelled faces → a run's folder with its best weights."""

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from build_engine.commands.options import Cache, Data, Json
from build_engine.console import console, progress, report
from build_engine.recipe import KNOWN_PICTURES, RECIPES, Recipe

if TYPE_CHECKING:
    from build_engine.data.landmarks import AlignedFaces
    from build_engine.data.video import Filmed
    from build_engine.training.run import Run
    from engine.readings import Floats

Weights = Annotated[
    Path | None,
    typer.Option(
        exists=True, dir_okay=False,
        help="dlib_face_recognition_resnet_model_v1.dat for --recipe known-faces; a state dict of torchvision"
        " for --recipe known-pictures.",
    ),
]  # fmt: skip
StartFrom = Annotated[
    Path | None,
    typer.Option(help="A run, or an exported network (fp32 .onnx), whose weights this one begins with."),
]
TorchvisionBackbone = Literal["resnet50", "inception_v3"]
Backbone = Annotated[
    TorchvisionBackbone | None,
    typer.Option(help="Instead of the recipe's, in full width; --weights are then those of torchvision."),
]
Teacher = Annotated[
    list[Path] | None,
    typer.Option(
        exists=True, dir_okay=False, help="A network (.onnx) whose readings are learned too; may be repeated."
    ),
]
RawCrops = Annotated[bool, typer.Option("--raw-crops", help="Images as they are, to measure what alignment is worth.")]


def train(  # noqa: PLR0913 (the options of a command are its parameters)
    data: Data,
    recipe: Annotated[str, typer.Option(help=f"One of {', '.join(RECIPES)}.")] = "static",
    out: Annotated[Path | None, typer.Option(help="Folder of the run; runs/RECIPE by default.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the newest checkpoint.")] = False,
    epochs: Annotated[int | None, typer.Option(min=1, help="Instead of the recipe's.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Instead of the recipe's.")] = None,
    backbone: Backbone = None,
    start_from: StartFrom = None,
    weights: Weights = None,
    teacher: Teacher = None,
    raw_crops: RawCrops = False,
    cache: Cache = Path("runs/landmarks"),
    as_json: Json = False,
) -> None:
    """Train a network; the epoch best on PublicTest is kept."""
    from build_engine.data.batches import Beside
    from build_engine.data.dataset import load_faces
    from build_engine.data.landmarks import align_faces
    from build_engine.evaluation.charts import draw_curves
    from build_engine.training.run import Run
    from build_engine.training.train import train as train_network
    from engine.manifest import digest

    chosen = _chosen(recipe, backbone)
    changes: dict[str, Any] = {"epochs": epochs, "seed": seed, "crops": "raw" if raw_crops else None}
    start = _start(chosen, start_from, weights)
    run = Run(out or Path("runs") / recipe)
    # The run it started from may have gone on since.
    changes["started_from"] = run.recipe().started_from if resume else _digest(chosen, start)
    changes["teachers"] = tuple(digest(path) for path in teacher or ())
    chosen = replace(chosen, **{name: value for name, value in changes.items() if value is not None})
    with progress("landmarks") as advance:
        faces = align_faces(load_faces(data), cache, raw=chosen.crops == "raw", progress=advance)
    console.print(f"{len(faces.found)} faces, {(~faces.found).sum()} without landmarks keep the image as it is")
    beside = Beside(
        _mean_reading(teacher, faces) if teacher else None,
        _filmed(faces, cache, chosen.filmed_faces) if chosen.filmed_faces else None,
    )
    with progress("epochs") as advance:

        def advance_epoch(row: dict[str, Any]) -> None:
            advance(row["epoch"], chosen.epochs)
            console.print(
                f"epoch {row['epoch']:3}  loss {row['loss']:.3f}  PublicTest {row['accuracy']:.4f}"
                f" (loss {row['validation_loss']:.3f})  {row['seconds']:.0f} s"
            )
            draw_curves(run.folder)

        best = train_network(chosen, faces, run, resume, advance_epoch, start, beside)
    report({"run": str(run.folder), "recipe": chosen.name, **best}, as_json)


def _chosen(name: str, backbone: TorchvisionBackbone | None) -> Recipe:
    if name not in RECIPES:
        raise typer.BadParameter(f"{name!r} is none of {', '.join(RECIPES)}", param_hint="--recipe")
    if backbone is None:
        return RECIPES[name]
    return replace(RECIPES[name], backbone=backbone, widths=KNOWN_PICTURES.widths)


def _start(recipe: Recipe, run: Path | None, weights: Path | None) -> "Run | Path | None":
    """Choose what training begins with; None: random weights."""
    from build_engine.training.run import Run
    from build_engine.training.train import TAKES_WEIGHTS

    if run and weights:
        raise typer.BadParameter("start from a run or from weights, not from both", param_hint="--weights")
    if weights and recipe.backbone not in TAKES_WEIGHTS:
        raise typer.BadParameter("weights are for --recipe known-faces or known-pictures", param_hint="--weights")
    if run and run.suffix == ".onnx":
        if not run.is_file():
            raise typer.BadParameter(f"{run} does not exist", param_hint="--start-from")
        return run
    return Run(run) if run else weights


def _digest(recipe: Recipe, start: "Run | Path | None") -> str:
    """Name what training begins with."""
    from build_engine.training.run import CHECKPOINTS
    from engine.manifest import digest

    if start is None:
        return ""
    return digest(start) if isinstance(start, Path) else start.digest(CHECKPOINTS[recipe.starts_with])


def _mean_reading(networks: list[Path], faces: "AlignedFaces") -> "Floats":
    """Let networks read the faces of Training both ways: the mean of their probabilities, (N, 7)."""
    import numpy as np

    from build_engine.data.labelled_faces import Split
    from build_engine.evaluation.views import read_both_ways
    from engine.runtimes import load_runtime

    readings = []
    with progress("teachers") as advance:
        for count, path in enumerate(networks, 1):
            with load_runtime(path, os.cpu_count() or 1) as runtime:
                readings.append(read_both_ways(runtime, faces.of(Split.TRAINING)))
            advance(count, len(networks))
    mean: Floats = np.mean(readings, axis=0)
    return mean


def _filmed(faces: "AlignedFaces", cache: Path, count: int) -> "Filmed":
    """Send some of the faces of Training through a video."""
    from build_engine.data.labelled_faces import Split
    from build_engine.data.video import film_some
    from engine.crops import CropSpec

    with progress("video") as advance:
        return film_some(faces.labelled.of(Split.TRAINING), count, CropSpec(), cache, advance)
