"""`build-engine parity`: PyTorch, fp32 and int8 hold together, or the command fails."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from build_engine.commands.options import Cache, Data, Json
from build_engine.commands.shipped import int8_of, shipped_fp32
from build_engine.console import progress, report


def parity(
    data: Data,
    model: Annotated[Path | None, typer.Option(help="The fp32 .onnx file; the one that ships by default.")] = None,
    int8: Annotated[Path | None, typer.Option(help="Its int8 form; MODEL-int8.onnx by default.")] = None,
    cache: Cache = Path("runs/landmarks"),
    as_json: Json = False,
) -> None:
    """Read the first 500 faces of PublicTest with every form of a network and compare."""
    import numpy as np

    from build_engine.dataset import Split, load_faces
    from build_engine.landmarks import align_faces
    from build_engine.parity import FACES, compare_forms
    from engine.manifest import load_manifest

    fp32 = model or shipped_fp32()
    if int8 is None and int8_of(fp32).exists():
        int8 = int8_of(fp32)
    faces = load_faces(data).of(Split.PUBLIC_TEST)
    faces = faces.rows(np.arange(min(FACES, len(faces))))
    with progress("landmarks") as tell:
        aligned = align_faces(faces, cache, load_manifest(fp32).input, progress=tell)
    found = compare_forms(fp32, int8, aligned)
    report({"model": fp32.stem, **asdict(found)}, as_json)
    found.check()
