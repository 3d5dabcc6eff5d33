"""The report's files: written whole or not at all, readable by their owner only."""

import os
from collections.abc import Iterable
from datetime import tzinfo
from pathlib import Path
from tempfile import mkstemp

from dashboard_protocol.errors import ReportRefused
from dashboard_protocol.events import Event
from dashboard_protocol.report.page import render_html
from dashboard_protocol.report.tables import render_csv
from dashboard_protocol.view.record import Record


def report_paths(path: Path) -> tuple[Path, Path]:
    """Name the files of a report and make sure that they can be written; best asked before the class.

    Args:
        path: the HTML file; the CSV file stands beside it under the same name. A name without a suffix gets one.

    Raises:
        ReportRefused: They cannot be written there.
    """
    html = path if path.suffix.lower() in (".html", ".htm") else path.with_name(f"{path.name}.html")
    if path.is_dir() or not path.name:
        raise ReportRefused(f"{path} is a folder: name a file in it, such as {path / 'report.html'}.")
    for target in (html, html.with_suffix(".csv")):
        if target.is_dir():
            raise ReportRefused(f"{target} is a folder: choose another name for the report.")
    _temporary(html).unlink()
    return html, html.with_suffix(".csv")


def write_report(source: Record | Iterable[Event], path: Path, zone: tzinfo | None = None) -> tuple[Path, Path]:
    """Write what is known of a class as one HTML file and a CSV file beside it.

    Args:
        source: the class's record, or its published events in order.
        path: see `report_paths`.
        zone: where times are shown; this machine's zone by default.

    Returns:
        The paths of both files.

    Raises:
        ReportRefused: Nothing was published, or the files cannot be written.
    """
    record = source if isinstance(source, Record) else recorded(source)
    if record.hello is None:
        raise ReportRefused("There is nothing to report: no bot has served this room yet.")
    html, table = report_paths(path)
    _write(table, render_csv(record))
    _write(html, render_html(record, zone))
    return html, table


def recorded(events: Iterable[Event]) -> Record:
    """Fold events into a record."""
    record = Record()
    for event in events:
        record.apply(event)
    return record


def _write(path: Path, text: str) -> None:
    temporary = _temporary(path)
    try:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _refusal(path, error) from error


def _temporary(path: Path) -> Path:
    """Open a new file beside `path`, so that renaming it never crosses a file system."""
    try:
        handle, name = mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    except OSError as error:
        raise _refusal(path, error) from error
    os.close(handle)
    return Path(name)


def _refusal(path: Path, error: OSError) -> ReportRefused:
    return ReportRefused(f"The report cannot be written to {path} ({error.strerror}): choose another path.")
