"""`build-engine quantize`: fp32 engine file → int8 engine file."""

from pathlib import Path
from typing import Annotated

import typer

from build_engine.commands.options import Cache, Data, Json
from build_engine.commands.shipped import int8_of
from build_engine.console import progress, report


def quantize(
    model: Annotated[Path, typer.Argument(help="The fp32 .onnx file, beside its manifest.")],
    data: Data,
    to: Annotated[Path | None, typer.Option(help="The .onnx file to write; MODEL-int8.onnx by default.")] = None,
    private_test: Annotated[
        bool, typer.Option("--private-test", help="Measure PrivateTest too: once, for the network that ships.")
    ] = False,
    ranges_only: Annotated[
        bool,
        typer.Option("--ranges-only", help="Write no file; only what TensorRT's int8 needs, into MODEL's manifest."),
    ] = False,
    cache: Cache = Path("runs/landmarks"),
    as_json: Json = False,
) -> None:
    """Write the int8 form of a network.

    It is calibrated on training faces alone; the ranges for a TensorRT plan are written too.
    """
    from build_engine.data.dataset import load_faces, repeated
    from build_engine.data.labelled_faces import Split
    from build_engine.data.landmarks import align_faces
    from build_engine.deployment.export import Judged
    from build_engine.deployment.quantize import add_ranges
    from build_engine.deployment.quantize import quantize as quantize_network
    from engine.manifest import load_manifest

    target = to or int8_of(model)
    if target.suffix != ".onnx":
        raise typer.BadParameter(f"{target} must end in .onnx", param_hint="--to")
    before = load_manifest(model)
    faces = load_faces(data)
    judging = [] if ranges_only else [Split.PUBLIC_TEST, *([Split.PRIVATE_TEST] if private_test else [])]
    wanted = [Split.TRAINING, *judging]
    with progress("landmarks") as advance:
        aligned = {split: align_faces(faces.of(split), cache, before.input, progress=advance) for split in wanted}
    if ranges_only:
        found = add_ranges(model, aligned[Split.TRAINING]).activation_ranges
        report({"model": str(model), "activation_ranges": len(found)}, as_json)
        return
    judged = {split.label: Judged(aligned[split], repeated(faces, split)) for split in judging}
    manifest = quantize_network(model, target, aligned[Split.TRAINING], judged)
    size_mb = round(target.stat().st_size / 1e6, 2)
    loss = {f"{split} lost": round(before.accuracy[split] - manifest.accuracy[split], 5) for split in judged
            if split in before.accuracy}  # fmt: skip
    report({"model": str(target), "megabytes": size_mb, **manifest.accuracy, **loss}, as_json)
