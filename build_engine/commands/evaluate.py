"""`build-engine evaluate`: a network's figures on one split, read as serving reads."""

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from build_engine.commands.options import Cache, Data, Json
from build_engine.console import console, progress, report


class SplitName(StrEnum):
    """Splits by the names of fer2013.csv."""

    TRAINING = "Training"
    PUBLIC_TEST = "PublicTest"
    PRIVATE_TEST = "PrivateTest"


def evaluate(
    data: Data,
    split: Annotated[
        SplitName, typer.Option(help="PublicTest to choose between networks, PrivateTest once, to report.")
    ] = SplitName.PUBLIC_TEST,
    model: Annotated[
        str, typer.Option(help="An .onnx file beside its manifest, or default: the one that ships.")
    ] = "default",
    confusion: Annotated[Path | None, typer.Option(help="Draw the confusion matrix into this PNG.")] = None,
    cache: Cache = Path("runs/landmarks"),
    as_json: Json = False,
) -> None:
    """Measure a network on one split of labelled faces."""
    from build_engine.charts import draw_confusion
    from build_engine.dataset import Split, load_faces, repeated
    from build_engine.evaluate import evaluate as evaluate_network
    from build_engine.landmarks import align_faces
    from engine.expressions import FER7
    from engine.runtimes import load_runtime

    chosen = next(known for known in Split if known.label == split)
    faces = load_faces(data)
    with load_runtime(None if model == "default" else model) as runtime, progress("landmarks") as tell:
        aligned = align_faces(faces.of(chosen), cache, runtime.manifest.input, progress=tell)
        evaluation = evaluate_network(runtime, aligned, repeated(faces, chosen))
        manifest = runtime.manifest
    if confusion is not None:
        console.print(f"confusion matrix: {draw_confusion(evaluation.confusion, FER7, confusion)}", soft_wrap=True)
    result = {
        "model": manifest.name,
        "precision": manifest.precision,
        "split": chosen.label,
        "faces": evaluation.faces,
        "found": evaluation.found,
        "accuracy": evaluation.figures.accuracy,
        "accuracy_without_duplicates": evaluation.accuracy_without_duplicates,
        "ferplus_accuracy": evaluation.ferplus_accuracy,
        **{name: value for name, value in asdict(evaluation.figures).items() if name != "accuracy"},
        "ece": evaluation.ece,
    }
    report(result, as_json)
