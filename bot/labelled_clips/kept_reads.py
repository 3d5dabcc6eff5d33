"""What was read of clips, kept in a file, so that a run that was stopped goes on and a changed formula reads no video.

A line a clip: its name, size and time of change, and of each read its time, how wide the face was, head pose, lids,
irises, mouth and seven probabilities. No picture, no crop, no landmarks. These are values of single people all the
same: only the file's owner may read it.
"""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.engagement.evaluation.clips import ClipReads
from bot.errors import LabelsRefused
from bot.labelled_clips.reading import ReadClip

NAME: Final = "reads.jsonl"
_FORMAT: Final = 1


class _Line(BaseModel):
    """One clip."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int
    reader: str
    """What read it: another network is another reader."""
    file: str
    bytes: int
    changed_ns: int
    reads: ClipReads
    damage: str | None = None


class KeptReads:
    """The file, in a folder of its own. Use it in a `with`: one run at a time may have it.

    Args:
        folder: made where it is absent.
        reader: names what reads the clips; lines of another reader do not count.

    Raises:
        LabelsRefused: It cannot be written, or another run has it.
    """

    def __init__(self, folder: Path, reader: str) -> None:
        self._path = folder / NAME
        self._reader = reader
        self._lines: dict[str, _Line] = {}

    def __enter__(self) -> Self:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise LabelsRefused(f"{self._path} cannot be written ({error.strerror})") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise LabelsRefused(f"{self._path} is in use by another run") from error
        for line in self._known():
            self._lines[line.file] = line
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    def find(self, folder: Path, file: str) -> ReadClip | None:
        """Return what was read of a clip; None where it is new, has changed, or was read by another network."""
        line = self._lines.get(file)
        if line is None or (line.bytes, line.changed_ns) != _state(folder / file):
            return None
        return ReadClip(line.reads, line.damage)

    def keep(self, folder: Path, file: str, read: ReadClip) -> None:
        """Add a clip of which something could be read.

        Raises:
            LabelsRefused: The disk is full.
        """
        if read.reads is None:
            return
        size, changed_ns = _state(folder / file)
        line = _Line(
            format=_FORMAT, reader=self._reader, file=file, bytes=size, changed_ns=changed_ns, reads=read.reads,
            damage=read.damage,
        )  # fmt: skip
        try:
            # A line begins with a line's end: one that was cut off when the machine stopped spoils only itself.
            _write(self._file, f"\n{line.model_dump_json(exclude_none=True)}".encode())
        except OSError as error:
            raise LabelsRefused(f"{self._path} cannot be written ({error.strerror}): make room") from error

    def _known(self) -> Iterator[_Line]:
        with open(self._path, "rb") as file:
            for text in file:
                try:
                    line = _Line.model_validate_json(text)
                except ValidationError:
                    continue  # empty, or cut off: the clip is read again
                if (line.format, line.reader) == (_FORMAT, self._reader):
                    yield line


def _write(file: int, text: bytes) -> None:
    while text:
        text = text[os.write(file, text) :]


def _state(path: Path) -> tuple[int, int]:
    try:
        about = path.stat()
    except OSError:
        return -1, -1
    return about.st_size, about.st_mtime_ns
