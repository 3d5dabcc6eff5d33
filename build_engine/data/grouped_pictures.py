"""Pictures of people with the groups that somebody says they belong to, from a table or from folders."""

import csv
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from build_engine.errors import DataUnreadable

TABLE: Final = "groups.csv"
FOLDER_IS_GROUP: Final = "folder"
"""What the grouping is called where each folder is a group."""
PICTURES: Final = frozenset({".png", ".jpg", ".jpeg"})
_MOST_BYTES: Final = 64 * 2**20


@dataclass(frozen=True, slots=True)
class GroupedPicture:
    """A picture, and what is said of who is in it."""

    path: Path
    groups: dict[str, str]
    """Grouping → group, e.g. age → child; a grouping that is not said of this picture is absent."""


def find_pictures(folder: Path) -> list[GroupedPicture]:
    """List the pictures of a folder with their groups, from `groups.csv` or from the folders they lie in.

    Raises:
        DataUnreadable: There is no such folder, table or picture, or only one group.
    """
    if not folder.is_dir():
        raise DataUnreadable(f"{folder} is no folder: give one with {TABLE}, or with a folder for each group")
    found = _by_table(folder) if (folder / TABLE).is_file() else _by_folder(folder)
    if not found:
        raise DataUnreadable(f"{folder} holds no picture (png, jpg) with a group")
    if all(
        len({each.groups[name] for each in found if name in each.groups}) < 2
        for name in {name for each in found for name in each.groups}
    ):
        raise DataUnreadable(f"{folder} has one group only: nothing to compare")
    return found


def _by_table(folder: Path) -> list[GroupedPicture]:
    table = folder / TABLE
    try:
        if table.stat().st_size > _MOST_BYTES:
            raise DataUnreadable(f"{table} is larger than any table of groups")
        rows = list(csv.DictReader(table.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataUnreadable(f"{table} cannot be read as a table ({error})") from error
    found = []
    for row in rows:
        cells = {(name or "").strip(): cell.strip() for name, cell in row.items() if isinstance(cell, str)}
        if "file" not in cells:
            raise DataUnreadable(f"{table} has no column file; each other column is a grouping, e.g. age")
        path = folder / cells.pop("file")
        if not path.resolve().is_relative_to(folder.resolve()):
            raise DataUnreadable(f"{table}: {path} does not lie in this folder")
        if groups := {name: cell for name, cell in cells.items() if name and cell}:
            found.append(GroupedPicture(path, groups))
    return found


def _by_folder(folder: Path) -> list[GroupedPicture]:
    found = []
    for here, folders, files in os.walk(folder):
        folders.sort()
        within = Path(here).relative_to(folder).parts
        for name in sorted(files):
            if within and Path(name).suffix.lower() in PICTURES:
                found.append(GroupedPicture(Path(here, name), {FOLDER_IS_GROUP: within[0]}))
    return found
