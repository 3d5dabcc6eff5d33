"""Where data sets keep clips and labels: DAiSEE, EngageNet, or a table of one's own. None of them ships."""

import csv
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from bot.engagement.evaluation.clips import LEVELS, LabelledClip, Split
from bot.engagement.evaluation.division import on_two_sides
from bot.errors import LabelsRefused

SUFFIXES: Final = frozenset({".avi", ".mp4", ".mov", ".mkv", ".webm"})
NOT_PRESENT: Final = "snp(subject not present)"
NAMES: Final = {
    **{str(level): level for level in range(LEVELS)},
    "not-engaged": 0, "barely-engaged": 1, "engaged": 2, "highly-engaged": 3,
    "very low": 0, "low": 1, "high": 2, "very high": 3,
}  # fmt: skip
"""What a label is called, in small letters → its level: numbers, EngageNet's words, and ours."""
TABLE: Final = "clips.csv"
_OF_CLIPS: Final = frozenset({"file", "person", "label", "split"})
_MOST_BYTES: Final = 64 * 2**20
"""A table of labels is text of a few megabytes."""
_SHOWN: Final = 5


class Layout(StrEnum):
    """How a folder is laid out."""

    DAISEE = "daisee"
    ENGAGENET = "engagenet"
    CLIPS = "clips"


@dataclass(slots=True)
class LabelledFolder:
    """What a folder of clips holds."""

    clips: list[LabelledClip] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    """How many were left out, by why."""


def find_clips(folder: Path, layout: Layout) -> LabelledFolder:
    """List the clips of a folder that have a label and a file, by name.

    Raises:
        LabelsRefused: It is not laid out so, has a label that is none, no clip, or a person on two sides.
    """
    if not folder.is_dir():
        raise LabelsRefused(f"{folder} is no folder: give the one that the data set was unpacked into")
    found = _READERS[layout](folder)
    if not found.clips:
        left = ", ".join(f"{count} {why}" for why, count in found.left_out.items())
        raise LabelsRefused(f"{folder} holds no clip with a label and a file ({left or 'none at all'})")
    if both := on_two_sides(found.clips):
        raise LabelsRefused(f"{folder} has people on two sides of its split: {_some(both)}")
    if {clip.split for clip in found.clips} != {None}:
        for split in (Split.TRAIN, Split.TEST):
            if all(clip.split is not split for clip in found.clips):
                raise LabelsRefused(f"{folder} has no clip in {split.value}: nothing to fit to, or nothing to judge")
    found.clips.sort(key=lambda clip: clip.file)
    return found


def _daisee(folder: Path) -> LabelledFolder:
    """`DataSet/SPLIT/PERSON/CLIP/CLIP.avi`, and `Labels/*Labels.csv` with ClipID and Engagement."""
    tables = [folder / "Labels" / f"{name}Labels.csv" for name in ("Train", "Validation", "Test", "All")]
    tables = [path for path in tables if path.is_file()]
    if not tables:
        raise LabelsRefused(f"{folder}/Labels has none of the files TrainLabels.csv, AllLabels.csv, …")
    labels: dict[str, int] = {}
    for path in tables:
        for row in _rows(path, ("ClipID", "Engagement")):
            name, label = Path(row["ClipID"]).stem, _level(row["Engagement"], path)
            if labels.setdefault(name, label) != label:
                raise LabelsRefused(f"{path}: {name} is labelled {label} here and {labels[name]} elsewhere")
    found = LabelledFolder()
    seen = set()
    for split in Split:
        for path in _videos(folder / "DataSet" / split.value):
            seen.add(path.stem)
            if path.stem in labels:
                label = labels[path.stem]
                found.clips.append(LabelledClip(_below(folder, path), path.stem[:6], label, split))
            else:
                found.left_out["without a label"] += 1
    found.left_out["without a file"] += len(labels.keys() - seen)
    return found


def _engagenet(folder: Path) -> LabelledFolder:
    """`final_labels.csv` with chunk and label, the chunks of a side in `train.txt`, `valid.txt`, `test.txt`."""
    table = folder / "final_labels.csv"
    labels = {Path(row["chunk"]).stem: row["label"] for row in _rows(table, ("chunk", "label"))}
    files = {path.stem: path for path in _videos(folder)}
    found = LabelledFolder()
    sides: dict[str, Split] = {}
    for split, name in ((Split.TRAIN, "train.txt"), (Split.VALIDATION, "valid.txt"), (Split.TEST, "test.txt")):
        for line in _text(folder / name).splitlines():
            if line.strip() and sides.setdefault(chunk := Path(line.strip()).stem, split) is not split:
                raise LabelsRefused(f"{folder / name}: {chunk} stands in {sides[chunk].value} too")
    for chunk, split in sides.items():
        if chunk not in labels:
            found.left_out["without a label"] += 1
        elif _plain(labels[chunk]) == NOT_PRESENT:
            found.left_out["where nobody is present"] += 1
        elif chunk not in files:
            found.left_out["without a file"] += 1
        else:
            file = _below(folder, files[chunk])
            found.clips.append(LabelledClip(file, _subject(chunk), _level(labels[chunk], table), split))
    found.left_out["in no split"] += len(labels.keys() - sides.keys())
    return found


def _clips(folder: Path) -> LabelledFolder:
    """`clips.csv` with file, person, label, and split where there is one; other columns are groups of people."""
    table = folder / TABLE
    found = LabelledFolder()
    for row in _rows(table, ("file", "person", "label")):
        path = folder / row["file"]
        if not path.resolve().is_relative_to(folder.resolve()):
            raise LabelsRefused(f"{table}: {row['file']} does not lie in this folder")
        if not row["person"]:
            raise LabelsRefused(f"{table}: {row['file']} has no person")
        if not row["label"]:
            found.left_out["without a label"] += 1
        elif not path.is_file():
            found.left_out["without a file"] += 1
        else:
            label, split = _level(row["label"], table), _split(row.get("split"), table)
            groups = {name: said for name, said in row.items() if name and said and name not in _OF_CLIPS}
            found.clips.append(LabelledClip(row["file"], row["person"], label, split, groups))
    if len({clip.file for clip in found.clips}) < len(found.clips):
        raise LabelsRefused(f"{table} names a file twice")
    return found


_READERS: Final[dict[Layout, Callable[[Path], LabelledFolder]]] = {
    Layout.DAISEE: _daisee,
    Layout.ENGAGENET: _engagenet,
    Layout.CLIPS: _clips,
}


def _rows(path: Path, wanted: tuple[str, ...]) -> Iterator[dict[str, str]]:
    """Yield the rows of a table, cells and headings without blanks around them."""
    lines = csv.DictReader(_text(path).splitlines())
    names = [name.strip() for name in lines.fieldnames or ()]
    lines.fieldnames = names
    if missing := set(wanted) - set(names):
        raise LabelsRefused(f"{path} has no column {_some(sorted(missing))}: it has {_some(names) or 'none'}")
    try:
        for row in lines:
            yield {name: (cell or "").strip() for name, cell in row.items() if name in names}
    except csv.Error as error:
        raise LabelsRefused(f"{path} cannot be read as a table ({error})") from error


def _text(path: Path) -> str:
    try:
        if not path.is_file():
            raise LabelsRefused(f"{path} is missing: the folder is not laid out so")
        if path.stat().st_size > _MOST_BYTES:
            raise LabelsRefused(f"{path} is larger than any table of labels")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise LabelsRefused(f"{path} cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise LabelsRefused(f"{path} is no text in UTF-8") from error


def _videos(folder: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            if Path(name).suffix.lower() in SUFFIXES and not name.startswith("."):
                yield Path(here, name)


def _level(said: str, path: Path) -> int:
    if (level := NAMES.get(_plain(said))) is None:
        raise LabelsRefused(f"{path}: {said!r} is no label: 0 to 3, or EngageNet's words")
    return level


def _split(said: str | None, path: Path) -> Split | None:
    if not said:
        return None
    for split in Split:
        if said.lower() in (split.value.lower(), split.value[:5].lower()):
            return split
    raise LabelsRefused(f"{path}: {said!r} is no split: {', '.join(split.value for split in Split)}")


def _subject(chunk: str) -> str:
    """Return who it is: `subject_10` of `subject_10_3hzu0ct4hf_vid_0_11`, else what stands before the first `_`."""
    parts = chunk.split("_")
    return "_".join(parts[:2]) if parts[0].lower() == "subject" and len(parts) > 1 else parts[0]


def _plain(said: str) -> str:
    return said.strip().lower()


def _below(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix()


def _some(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
