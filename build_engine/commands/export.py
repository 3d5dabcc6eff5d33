"""`build-engine export`: the best weights of a run, or the mean of several → an engine file and its manifest."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from build_engine.commands.options import Cache, Data, Json
from build_engine.console import console, progress, report

if TYPE_CHECKING:
    from build_engine.deployment.export import Exported


def export(  # noqa: PLR0913 (the options of a command are its parameters)
    runs: Annotated[
        list[Path], typer.Argument(help="Folder of a trained run; of several that went on from another, the mean.")
    ],
    data: Data,
    to: Annotated[Path, typer.Option(help="The .onnx file to write; the manifest lies beside it.")],
    private_test: Annotated[
        bool, typer.Option("--private-test", help="Measure PrivateTest too: once, for the network that ships.")
    ] = False,
    adjust: Annotated[
        float,
        typer.Option(
            min=0, max=1, help="How far rare classes are read more often than they were learnt: τ of logit adjustment."
        ),
    ] = 0.5,
    trained_on: Annotated[str, typer.Option(help="The data in words, for the manifest; by default their name.")] = "",
    cache: Cache = Path("runs/landmarks"),
    as_json: Json = False,
) -> None:
    """Write a trained network as ONNX.

    It is calibrated on PublicTest and compared with PyTorch.
    """
    from build_engine.data.dataset import load_faces, repeated
    from build_engine.data.labelled_faces import Split
    from build_engine.data.landmarks import align_faces
    from build_engine.deployment.export import Judged
    from build_engine.deployment.export import export as export_network
    from build_engine.evaluation.metrics import prior_offsets
    from build_engine.training.run import Run
    from engine.expressions import FER7

    if to.suffix != ".onnx":
        raise typer.BadParameter(f"{to} must end in .onnx", param_hint="--to")
    faces = load_faces(data)
    with progress("landmarks") as advance:
        splits = {
            split: Judged(align_faces(faces.of(split), cache, progress=advance), repeated(faces, split))
            for split in (Split.PUBLIC_TEST, Split.PRIVATE_TEST)
            if split is Split.PUBLIC_TEST or private_test
        }
    exported = export_network(
        [Run(folder) for folder in runs],
        to,
        splits[Split.PUBLIC_TEST],
        splits.get(Split.PRIVATE_TEST),
        trained_on=trained_on or Path(data).name,
        offsets=prior_offsets(faces.of(Split.TRAINING).labels, len(FER7), adjust) if adjust else None,
    )
    console.print(f"PyTorch and ONNX differ by {exported.parity:.1e} at most")
    report(_figures(exported, to), as_json)


def _figures(exported: "Exported", to: Path) -> dict[str, Any]:
    return {
        "model": str(to),
        "megabytes": round(to.stat().st_size / 1e6, 2),
        "parity": exported.parity,
        "temperature": exported.manifest.temperature,
        **exported.manifest.accuracy,
    }
