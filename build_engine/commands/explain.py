"""`build-engine explain`: a picture of what a network sees in a picture."""

from pathlib import Path
from typing import Annotated

import typer

from build_engine.commands.options import Json
from build_engine.commands.shipped import shipped_fp32
from build_engine.console import console, report


def explain(
    image: Annotated[Path, typer.Argument(help="A picture file; its largest face is read.")],
    to: Annotated[Path, typer.Option(help="The PNG to write.")] = Path("explained.png"),
    model: Annotated[Path | None, typer.Option(help="An fp32 .onnx file; the one that ships by default.")] = None,
    as_json: Json = False,
) -> None:
    """Draw face, regions, attention and probabilities: one PNG."""
    from build_engine.evaluation.explain import draw
    from build_engine.evaluation.explain import explain as explain_picture
    from engine.crops import REGIONS
    from engine.expressions import FER7

    explanation = explain_picture(image, model or shipped_fp32())
    draw(explanation, to)
    if not explanation.found:
        console.print(f"no face in {image}: nothing is read", markup=False)
        report({"picture": str(to), "found": False}, as_json)
        return
    scores = explanation.scores
    report(
        {
            "picture": str(to),
            "found": True,
            **{f"{name.value}": float(value) for name, value in zip(FER7, explanation.fer7, strict=True)},
            **({} if scores is None else dict(zip(REGIONS, scores.tolist(), strict=True))),
        },
        as_json,
    )
