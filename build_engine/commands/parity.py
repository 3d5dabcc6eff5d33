"""`build-engine parity`: the forms of a network hold together, or the command fails."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from build_engine.commands.options import Cache, Data, Json
from build_engine.commands.shipped import int8_of, shipped_fp32
from build_engine.console import progress, report

if TYPE_CHECKING:
    from build_engine.deployment.agreement import Agreement
    from build_engine.deployment.plan_builder import Precision
    from engine.manifest import Manifest


def parity(
    data: Data,
    model: Annotated[Path | None, typer.Option(help="The fp32 .onnx file; the one that ships by default.")] = None,
    int8: Annotated[Path | None, typer.Option(help="Its int8 form; MODEL-int8.onnx by default.")] = None,
    plan: Annotated[Path | None, typer.Option(help="A .plan of it; its GPU must be here.")] = None,
    cache: Cache = Path("runs/landmarks"),
    as_json: Json = False,
) -> None:
    """Read 500 faces with every form of a network and compare.

    They are the first of PublicTest.

    Without a GPU, the networks that plans are built of are read by ONNX Runtime: that proves their types.
    """
    import numpy as np

    from build_engine.data.dataset import load_faces
    from build_engine.data.labelled_faces import Split
    from build_engine.data.landmarks import align_faces
    from build_engine.deployment.agreement import FACES, agreement, read_file, read_typed
    from build_engine.deployment.parity import compare_forms
    from engine.manifest import load_manifest

    fp32 = model or shipped_fp32()
    if int8 is None and int8_of(fp32).exists():
        int8 = int8_of(fp32)
    faces = load_faces(data).of(Split.PUBLIC_TEST)
    faces = faces.rows(np.arange(min(FACES, len(faces))))
    with progress("landmarks") as advance:
        aligned = align_faces(faces, cache, load_manifest(fp32).input, progress=advance)
    found = compare_forms(fp32, int8, aligned)
    exact = read_file(fp32, aligned)
    typed: dict[str, Agreement] = {
        name: agreement(exact, read_typed(fp32, name, aligned)) for name in _plan_forms(load_manifest(fp32))
    }
    if plan is not None:
        typed[load_manifest(plan).precision] = agreement(exact, read_file(plan, aligned))
    figures = {f"plan_{name}_{key}": value for name, form in typed.items() for key, value in asdict(form).items()}
    report({"model": fp32.stem, **asdict(found), **figures}, as_json)
    found.check()
    for name, form in typed.items():
        form.check(name)


def _plan_forms(manifest: "Manifest") -> "list[Precision]":
    return ["fp16", "int8"] if manifest.activation_ranges else ["fp16"]
