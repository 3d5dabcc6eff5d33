"""`classpulse recording`: files in place of a meeting."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.engine import FallbackFlag
from bot.errors import SettingsRefused
from bot.meeting_options import checked
from bot.settings import Settings
from dashboard_protocol.vocabulary import Profile

if TYPE_CHECKING:
    from bot.foreground import Watch
    from bot.recordings.run import Recording

DEFAULT = Settings.model_fields
FilesArgument = Annotated[list[Path], typer.Argument(help="mp4, mov, mkv, webm or avi, a person in each.")]
PolicyFlag = Annotated[
    Profile | None,
    typer.Option(
        envvar="CLASSPULSE_POLICY",
        help="What may be computed and said: presence (counts), aggregate (class values), individual (and people who "
        "agreed, see --csv-people). There is no default.",
    ),
]
OnePersonFlag = Annotated[
    bool,
    typer.Option(
        "--each-file-is-one-person",
        help="The files are one class, a participant each, called by their names; they begin together.",
    ),
]
TitleFlag = Annotated[str | None, typer.Option(help="The class's name for people.")]
FewestFlag = Annotated[int, typer.Option("--k", min=3, help="Fewest analysed people for class values.")]
RateFlag = Annotated[float, typer.Option(help="Reads of each participant a second.")]
EngineFlag = Annotated[
    str | None,
    typer.Option(envvar="CLASSPULSE_ENGINE", help="Expression network (.onnx, .plan); else the shipped one."),
]
DurationFlag = Annotated[float | None, typer.Option(min=0.1, help="Read so many seconds of it, and no more.")]
ReportFlag = Annotated[Path | None, typer.Option(help="Write the report here: HTML, and CSV beside it.")]
CsvPeopleFlag = Annotated[
    Path | None,
    typer.Option(
        help="Write what is known of each person here, under individual only. With it you say that everybody in the "
        "files agreed to that, for research; the audit log notes it."
    ),
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print every event as one JSON line; all else to stderr.")]


def recording(  # noqa: PLR0913  one parameter a flag
    files: FilesArgument,
    *,
    policy: PolicyFlag = None,
    each_file_is_one_person: OnePersonFlag = False,
    title: TitleFlag = None,
    k: FewestFlag = DEFAULT["k"].default,
    reads_per_s: RateFlag = DEFAULT["reads_per_s"].default,
    engine: EngineFlag = None,
    engine_fallback: FallbackFlag = False,
    duration: DurationFlag = None,
    report: ReportFlag = None,
    csv_people: CsvPeopleFlag = None,
    json: JsonFlag = False,
) -> None:
    """Read recordings as a live class is read, on their own clock and as fast as this machine can.

    Exit code 0 where all was read, 1 where a part of it could not be, 2 where nothing could.
    """
    if policy is None:
        raise SettingsRefused(
            "choose a policy: --policy presence, aggregate or individual (or CLASSPULSE_POLICY); there is no default"
        )
    if csv_people is not None and policy is not Profile.INDIVIDUAL:
        raise SettingsRefused("--csv-people names people one by one: it needs --policy individual")
    if len(files) > 1 and not each_file_is_one_person:
        raise SettingsRefused("several files are one class where each is one person: say --each-file-is-one-person")
    if engine is not None and engine.startswith("ipc:"):
        raise SettingsRefused("--engine: a recording is read by this process: give a .onnx or .plan file")
    settings = checked(
        Settings,
        {
            "room_url": "recording:", "policy": policy, "title": title, "k": k, "reads_per_s": reads_per_s,
            "engine": engine, "engine_fallback": engine_fallback, "max_duration_s": duration,
        },
    )  # fmt: skip
    raise typer.Exit(_read(settings, files, report, csv_people, json=json))


def _read(settings: Settings, files: list[Path], report: Path | None, csv_people: Path | None, *, json: bool) -> int:
    from bot.foreground import Foreground, say, stay
    from bot.recordings.file_time import FileTimeLoop
    from bot.recordings.people_table import PeopleTable
    from bot.recordings.run import Recording

    people = None if csv_people is None else PeopleTable(csv_people)
    recorded = Recording.of(files, all_agreed=people is not None)
    if settings.policy is not Profile.INDIVIDUAL and len(recorded.files) < settings.k:
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
