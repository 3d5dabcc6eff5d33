"""`classpulse engagement-evaluate`: the index beside labels that somebody has a licence for."""

import json as json_text
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dashboard_protocol.settings.command_line import add_command
from dashboard_protocol.view.plain_text import plain

if TYPE_CHECKING:
    from bot.labelled_clips.evaluation import Evaluated

EXAMPLES = (
    "classpulse engagement-evaluate --data DAiSEE --layout daisee",
    "classpulse engagement-evaluate --data my --layout clips --plots --json",
)
SHOWN = 5
"""Broken clips that are named on the terminal; the report names more."""


class LayoutName(StrEnum):
    """As `bot.labelled_clips.layouts.Layout`, which is loaded when it is used."""

    DAISEE = "daisee"
    ENGAGENET = "engagenet"
    CLIPS = "clips"


def add_evaluation(app: typer.Typer) -> None:
    """Add the command to the command line."""
    add_command(app, engagement_evaluate, EXAMPLES)


def engagement_evaluate(  # noqa: PLR0913 (the options of a command are its parameters)
    data: Annotated[Path, typer.Option(help="Folder of the data set, as it was unpacked.")],
    layout: Annotated[
        LayoutName,
        typer.Option(
            help="How it is laid out; `clips` is a file clips.csv in it, with the columns file, person, label (0 to "
            "3), split where there is one, and columns of groups of people, e.g. glasses."
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="Folder for the report, and for what was read of each clip: a stopped run goes on.")
    ] = Path("artefacts/engagement"),
    engine: Annotated[Path | None, typer.Option(help="Another expression network: a .onnx or .plan file.")] = None,
    threads: Annotated[int, typer.Option(min=1, max=64, help="Clips in which faces are searched for at once.")] = 2,
    train_head: Annotated[
        Path | None,
        typer.Option(
            help="Train a learned head too, judge it, and write it here (JSON), for --engagement-model of join. What "
            "it learnt from stands in it."
        ),
    ] = None,
    plots: Annotated[bool, typer.Option("--plots", help="Draw pictures too; needs matplotlib.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON line.")] = False,
) -> None:
    """Compare the engagement index with labels of clips.

    Clips are read as a meeting is, on their own clock. Written are a report, and per read head pose, lids, irises,
    mouth and probabilities: no picture and no landmarks. Whoever is in the clips must have agreed to that; data sets
    say so in their licence. Clips that cannot be read are counted, and left out.
    """
    from bot.labelled_clips.evaluation import Asked, evaluate
    from bot.labelled_clips.layouts import Layout

    asked = Asked(data, Layout(layout.value), out, None if engine is None else str(engine), threads, plots, train_head)
    try:
        evaluated = evaluate(asked, _progress)
    except KeyboardInterrupt:
        _say(f"stopped    what was read is kept in {out}: the same command goes on from there")
        raise
    _show(evaluated, out)
    if json:
        print(json_text.dumps(evaluated.result()), flush=True)
    else:
        for name, value in evaluated.result().items():
            print(plain(f"{name:<22}{value}"))


def _show(evaluated: "Evaluated", out: Path) -> None:
    for line in evaluated.damage[:SHOWN]:
        _say(line)
    if len(evaluated.damage) > SHOWN:
        _say(f"… and {len(evaluated.damage) - SHOWN} more")
    _say(f"report     {out / 'engagement.md'}")


def _say(text: str) -> None:
    print(plain(text), file=sys.stderr, flush=True)


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as bars:
        bar = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(bar, completed=done, total=total)
