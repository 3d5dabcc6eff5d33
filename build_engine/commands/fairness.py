"""`build-engine fairness`: whether faces are found and read alike, whoever they belong to."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from build_engine.commands.options import Json
from build_engine.console import console, progress, report


def fairness(
    data: Annotated[
        Path,
        typer.Option(
            help="Folder of portraits: in a folder a group, or with groups.csv: file, and a column a grouping."
        ),
    ],
    model: Annotated[Path | None, typer.Option(help="An .onnx or .plan file; the one that ships by default.")] = None,
    to: Annotated[Path | None, typer.Option(help="Write the tables here, as Markdown.")] = None,
    as_json: Json = False,
) -> None:
    """Compare what is found and read by group of people.

    Of each group: how often a face is found, how wide open the eyes are, and the share of each expression, with
    intervals of 95 %; and how often groups dealt out by chance differ as much.
    """
    from build_engine.data.grouped_pictures import find_pictures
    from build_engine.evaluation.fairness import as_markdown, compare_groups, read_pictures
    from build_engine.files import save
    from engine import load_engine

    pictures = find_pictures(data)
    with load_engine(model) as engine, progress("pictures") as advance:
        seen, broken = read_pictures(pictures, engine, advance)
    for line in broken[:5]:
        console.print(line, markup=False, soft_wrap=True)
    groupings = compare_groups(seen)
    table = as_markdown(groupings)
    if to is not None:
        save(to, table.encode())
    if not as_json:
        console.print(table, markup=False, soft_wrap=True)
    report(
        {
            "pictures": len(seen),
            "broken": len(broken),
            "groupings": {
                grouping.name: {
                    "groups": {group.name: asdict(group) for group in grouping.groups},
                    "chance": grouping.chance,
                }
                for grouping in groupings
            } if as_json else ", ".join(grouping.name for grouping in groupings),
        },
        as_json,
    )  # fmt: skip
