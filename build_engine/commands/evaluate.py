"""`build-engine evaluate`: a network's figures on one split, read as serving reads."""

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from build_engine.commands.options import Cache, Data, Json
from build_engine.console import console, progress, report

if TYPE_CHECKING:
    from build_engine.evaluation.evaluate import Evaluation
    from build_engine.evaluation.metrics import Figures
    from engine.manifest import Manifest


class SplitName(StrEnum):
    """Splits by the names of fer2013.csv."""

    TRAINING = "Training"
    PUBLIC_TEST = "PublicTest"
    PRIVATE_TEST = "PrivateTest"


def evaluate(  # noqa: PLR0913 (the options of a command are its parameters)
    data: Data,
    split: Annotated[
        SplitName, typer.Option(help="PublicTest to choose between networks, PrivateTest once, to report.")
    ] = SplitName.PUBLIC_TEST,
    model: Annotated[
        str, typer.Option(help="An .onnx file beside its manifest, or default: the one that ships.")
    ] = "default",
    confusion: Annotated[Path | None, typer.Option(help="Draw the confusion matrix into this PNG.")] = None,
    through_video: Annotated[
        bool, typer.Option("--through-video", help="Encode, decode and find every face as a meeting's bot does.")
    ] = False,
    bitrate: Annotated[int, typer.Option(min=50, help="Of that video, kbit/s at 640x360 and 15 fps.")] = 500,
    cache: Cache = Path("runs/landmarks"),
    as_json: Json = False,
) -> None:
    """Measure a network on one split of labelled faces."""
    from build_engine.data.dataset import load_faces, repeated
    from build_engine.data.labelled_faces import Split
    from build_engine.data.landmarks import align_faces
    from build_engine.data.video import film
    from build_engine.evaluation.charts import draw_confusion
    from build_engine.evaluation.evaluate import evaluate as evaluate_network
    from engine.expressions import FER7
    from engine.runtimes import load_runtime

    chosen = next(known for known in Split if known.label == split)
    faces = load_faces(data)
    extra: dict[str, float] = {}
    with load_runtime(None if model == "default" else model) as runtime, progress("faces") as advance:
        manifest = runtime.manifest
        aligned = align_faces(faces.of(chosen), cache, manifest.input, progress=advance)
        duplicates = repeated(faces, chosen)
        if through_video:
            filmed = film(aligned.labelled, manifest.input, bitrate, advance)
            duplicates = duplicates[filmed.seen]
            direct = evaluate_network(runtime, aligned.rows(filmed.seen), duplicates)
            aligned = filmed.faces
            extra = {"found": float(filmed.seen.mean()), "direct_accuracy": direct.figures.accuracy}
        evaluation = evaluate_network(runtime, aligned, duplicates)
    if confusion is not None:
        console.print(f"confusion matrix: {draw_confusion(evaluation.confusion, FER7, confusion)}", soft_wrap=True)
    report({**_figures(manifest, chosen.label, evaluation), **extra}, as_json)


def _figures(manifest: "Manifest", split: str, evaluation: "Evaluation") -> dict[str, Any]:
    figures = _by_class(evaluation.figures)
    plain: dict[str, Any] = {}
    if evaluation.without_offsets is not None:
        plain = {**_by_class(evaluation.without_offsets), "ece": evaluation.ece_without_offsets}
    return {
        "model": manifest.name,
        "precision": manifest.precision,
        "split": split,
        "faces": evaluation.faces,
        "found": evaluation.found,
        "accuracy": figures.pop("accuracy"),
        "accuracy_without_duplicates": evaluation.accuracy_without_duplicates,
        "ferplus_accuracy": evaluation.ferplus_accuracy,
        "ferplus_plurality_accuracy": evaluation.ferplus_plurality_accuracy,
        **figures,
        "ece": evaluation.ece,
        **({"without_offsets": plain} if plain else {}),
    }


def _by_class(figures: "Figures") -> dict[str, Any]:
    """Name figures, those of the classes by the classes."""
    from engine.expressions import FER7

    values: dict[str, Any] = asdict(figures)
    for name, shown in (
        ("recall", "recall"),
        ("precision", "precision_of_class"),
    ):  # "precision" is that of the numbers
        values[shown] = {label: round(value, 4) for label, value in zip(FER7, values.pop(name), strict=True)}
    return values
