"""What is known of each person in each second, as a CSV file: for research to which everybody agreed."""

import csv
import io
import os
from pathlib import Path

from bot.errors import SettingsRefused
from dashboard_protocol.auth.private_files import write_draft
from dashboard_protocol.events import Event, ParticipantUpdate

COLUMNS = tuple(name for name in ParticipantUpdate.model_fields if name != "type")
HEAD = ("at", *COLUMNS)
"""`at` in seconds on the recording's clock; an empty cell is not measurable, and `unmeasurable` says why."""


class PeopleTable:
    """Collects people's own events and writes them at the end, whole or not at all; only its owner may read the file.

    Args:
        path: the file.

    Raises:
        SettingsRefused: It cannot be written there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._text = io.StringIO()
        self._writer = csv.writer(self._text, lineterminator="\n")
        self._writer.writerow(HEAD)
        if path.is_dir():
            raise SettingsRefused(f"--csv-people: {path} is a folder: name a file in it")
        self._draft("").unlink()

    def take(self, event: Event) -> None:
        """Take one published event."""
        if isinstance(event.body, ParticipantUpdate):
            published = event.body.model_dump(mode="json")
            cells = (
                round(cell, 4) if type(cell) is float else cell for cell in (published.get(name) for name in COLUMNS)
            )
            self._writer.writerow((f"{event.at:.3f}", *cells))

    def write(self) -> None:
        """Write the file."""
        os.replace(self._draft(self._text.getvalue()), self._path)

    def _draft(self, text: str) -> Path:
        try:
            return write_draft(self._path, text)
        except OSError as error:
            raise SettingsRefused(f"--csv-people: {self._path} cannot be written ({error.strerror})") from error
