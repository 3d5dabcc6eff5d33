"""`classpulse recording`: files in place of a meeting."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.errors import SettingsRefused
from bot.settings import Settings
from bot.settings.flags import takes_settings
from dashboard_protocol.settings.command_line import add_command
from dashboard_protocol.vocabulary import Profile

if TYPE_CHECKING:
    from bot.foreground import Watch
    from bot.recordings.run import Recording

FilesArgument = Annotated[list[Path], typer.Argument(help="mp4, mov, mkv, webm or avi.")]
OnePersonFlag = Annotated[
    bool,
    typer.Option(
        "--each-file-is-one-person",
        help="The files are one class, a participant each, called by their names; they begin together. Else the file "
        "is a gallery: it shows many people, who are called Tile 1, Tile 2, …, from the top left as it begins.",
    ),
]
ReportFlag = Annotated[Path | None, typer.Option(help="Write the report here: HTML, and CSV beside it.")]
CsvPeopleFlag = Annotated[
    Path | None,
    typer.Option(
        help="Write what is known of each person here, under individual only. With it you say that everybody in the "
        "files agreed to that, for research; the audit log notes it."
    ),
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print every event as one JSON line; all else to stderr.")]


EXAMPLES = (
    "classpulse recording gallery.mp4 --policy presence --report class.html",
    "classpulse recording a.mp4 b.mp4 --each-file-is-one-person --policy presence",
)


def add_recording(app: typer.Typer) -> None:
    """Add the command to the command line."""
    add_command(app, recording, EXAMPLES)


@takes_settings("recording", room_url="recording:")
def recording(
    settings: Settings,
    files: FilesArgument,
    *,
    each_file_is_one_person: OnePersonFlag = False,
    report: ReportFlag = None,
    csv_people: CsvPeopleFlag = None,
    json: JsonFlag = False,
) -> None:
    """Read recordings as a class, on their own clock.

    It is as fast as this machine can. Exit code 0 where all was read, 1 where a part of it could not be, 2 where
    nothing could.
    """
    if csv_people is not None and settings.policy is not Profile.INDIVIDUAL:
        raise SettingsRefused("--csv-people names people one by one: it needs --policy individual")
    if len(files) > 1 and not each_file_is_one_person:
        raise SettingsRefused("several files are one class where each is one person: say --each-file-is-one-person")
    if settings.policy is Profile.INDIVIDUAL and not each_file_is_one_person:
        raise SettingsRefused(
            "nobody is known by name in a gallery: --policy individual needs recordings of one person each, and "
            "--each-file-is-one-person"
        )
    if settings.engine is not None and settings.engine.startswith("ipc:"):
        raise SettingsRefused("--engine: a recording is read by this process: give a .onnx or .plan file")
    gallery = not each_file_is_one_person
    raise typer.Exit(_read(settings, files, report, csv_people, is_gallery=gallery, json=json))


def _read(
    settings: Settings, files: list[Path], report: Path | None, csv_people: Path | None, *, is_gallery: bool, json: bool
) -> int:
    from bot.foreground import Foreground, say, stay
    from bot.recordings.file_time import FileTimeLoop
    from bot.recordings.people_table import PeopleTable
    from bot.recordings.run import Recording

    people = None if csv_people is None else PeopleTable(csv_people)
    recorded = Recording.of(files, all_agreed=people is not None, is_gallery=is_gallery)
    if not is_gallery and settings.policy is not Profile.INDIVIDUAL and len(recorded.files) < settings.k:
        say(f"{settings.policy.value} speaks of a class from {settings.k} people up; here are {len(recorded.files)}")
    with _progress(recorded) as progress:
        watching = [progress] if people is None else [progress, people.take]
        foreground = Foreground(
            json=json, report=report, serve=recorded.run, loop=FileTimeLoop, watching=watching,
            zone=None if recorded.began_at else UTC,
        )  # fmt: skip
        try:
            code = stay(settings, foreground)
        finally:
            if people is not None:
                people.write()
    for line in recorded.damage:
        say(line)
    return code or int(bool(recorded.damage))


@contextmanager
def _progress(recorded: "Recording") -> "Iterator[Watch]":
    """Show on a terminal how far it is."""
    from rich.console import Console
    from rich.progress import Progress

    from dashboard_protocol.events import Event

    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("reading", total=recorded.duration_s)

        def show(event: Event) -> None:
            bar.update(task, completed=event.at - recorded.began_at)

        yield show
