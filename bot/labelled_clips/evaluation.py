"""The evaluation of a folder of labelled clips, from its files to a report."""

import asyncio
import json
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from bot.engagement import FORMULA, EngagementParameters
from bot.engagement.evaluation.clips import ClipReads, LabelledClip
from bot.engagement.evaluation.figures import Values
from bot.engagement.evaluation.markdown import as_markdown
from bot.engagement.evaluation.study import (
    FIGURES,
    LEARNED,
    MAJORITY,
    PRIOR,
    Row,
    Scores,
    Study,
    head_of,
    score_clips,
    study,
)
from bot.engagement.learned_head import LearnedHead
from bot.errors import LabelsRefused
from bot.inference import open_inference
from bot.inference.reader import FaceReader
from bot.labelled_clips.kept_reads import KeptReads
from bot.labelled_clips.layouts import LabelledFolder, Layout, find_clips
from bot.labelled_clips.plots import draw_confusion, draw_scores, require
from bot.labelled_clips.reading import AT_ONCE, ReadClip, read_clips
from engine.manifest import load_manifest
from engine.runtimes import DEFAULT_MODEL

REPORT: Final = "engagement"
"""Files of the report begin with it."""
_PARAMETERS: Final = EngagementParameters()
_SHOWN: Final = 20
"""Broken clips that are named."""

Progress = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]
"""Shows a step by its name; what it gives takes how much is done, and of how much."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be evaluated, and how."""

    data: Path
    layout: Layout
    out: Path
    """Folder of what was read and of the report."""
    engine: str | None
    """File of another network than the one that ships."""
    threads: int
    plots: bool
    train_head: Path | None = None
    """Where a learned head goes."""


@dataclass(frozen=True, slots=True, eq=False)
class Evaluated:
    """What came of it."""

    study: Study
    clips: int
    """That were read."""
    people: int
    left_out: dict[str, int]
    """Clips that were not looked at, by why."""
    damage: tuple[str, ...]
    """What could not be read, or not whole, a line each."""
    unreadable: int
    damaged: int
    """Of those that were read: not whole."""
    reader: str

    def facts(self) -> dict[str, Any]:
        """Say how it was read."""
        return {
            "formula": FORMULA,
            "reader": self.reader,
            "clips": self.clips,
            "people": self.people,
            "left_out": self.left_out,
            "unreadable": self.unreadable,
            "damaged": self.damaged,
            "without_own_baseline": self.study.without_own,
        }

    def result(self) -> dict[str, Any]:
        """Give the one line of figures: the index with its own baseline and fitted cuts, on the side to report."""
        row, majority = self.study.row(), self.study.row(MAJORITY, PRIOR)
        return {
            **{name: _short(value) for name, value in row.figures.items()},
            "spearman": _short(row.spearman),
            "null_rate": _short(row.null_rate),
            "majority": _short(majority.figures["macro_f1"]),
            "majority_accuracy": _short(majority.figures["accuracy"]),
            "judged": row.judged,
            **self.facts(),
        }


def evaluate(asked: Asked, progress: Progress) -> Evaluated:
    """Find, read and judge the clips of a folder, and write what was found.

    Raises:
        LabelsRefused: The folder, its labels or the place to write to cannot be used; or no clip could be read.
        SettingsRefused: Pictures are wanted and cannot be drawn.
        EngineError: The network cannot be loaded.
    """
    if asked.plots:
        require()
    found = find_clips(asked.data, asked.layout)
    reader = load_manifest(asked.engine or DEFAULT_MODEL).sha256[:16]
    with KeptReads(asked.out, reader) as kept:
        read = asyncio.run(_read(asked, found, kept, progress))
    clips, reads = _readable(found.clips, read)
    if not clips:
        raise LabelsRefused(f"{asked.data}: none of {len(found.clips)} clips could be read, e.g. {read[0].damage}")
    with progress("formula") as advance:
        scores = score_clips(clips, reads, _PARAMETERS, advance)
    evaluated = Evaluated(
        study(clips, scores, _PARAMETERS.cuts, with_head=asked.train_head is not None),
        clips=len(clips),
        people=len({clip.person for clip in clips}),
        left_out={why: count for why, count in found.left_out.items() if count},
        damage=tuple(each.damage for each in read if each.damage is not None),
        unreadable=len(read) - len(clips),
        damaged=sum(each.reads is not None and each.damage is not None for each in read),
        reader=reader,
    )
    _write(asked, evaluated, clips, scores)
    if asked.train_head is not None:
        save(asked.train_head, _head(asked, evaluated, clips, scores).model_dump_json(indent=1).encode())
    return evaluated


async def _read(asked: Asked, found: LabelledFolder, kept: KeptReads, progress: Progress) -> list[ReadClip]:
    """Read what was not read before, a few clips at a time, and keep it."""
    read = [kept.find(asked.data, clip.file) for clip in found.clips]
    new = [number for number, each in enumerate(read) if each is None]
    with progress("clips") as advance:
        advance(len(read) - len(new), len(read))
        if new:
            async with open_inference(asked.engine, threads=asked.threads, expressions=True) as inference:
                for first in range(0, len(new), AT_ONCE):
                    numbers = new[first : first + AT_ONCE]
                    paths = [asked.data / found.clips[number].file for number in numbers]
                    for number, each in zip(numbers, await _whole(paths, inference), strict=True):
                        read[number] = each
                        kept.keep(asked.data, found.clips[number].file, each)
                    advance(len(read) - len(new) + first + len(numbers), len(read))
    return [each or ReadClip() for each in read]


async def _whole(paths: Sequence[Path], inference: FaceReader) -> list[ReadClip]:
    """Read clips in a thread, which nobody can stop: whoever is cancelled meanwhile leaves when it is done."""
    reading = asyncio.create_task(asyncio.to_thread(read_clips, paths, inference, _PARAMETERS))
    try:
        return await asyncio.shield(reading)
    except asyncio.CancelledError:
        await reading
        raise


def _readable(clips: Sequence[LabelledClip], read: Sequence[ReadClip]) -> tuple[list[LabelledClip], list[ClipReads]]:
    both = [(clip, each.reads) for clip, each in zip(clips, read, strict=True) if each.reads is not None]
    return [clip for clip, _ in both], [reads for _, reads in both]


def _write(asked: Asked, evaluated: Evaluated, clips: Sequence[LabelledClip], scores: Scores) -> None:
    found = evaluated.study
    facts = [(name.replace("_", " "), _in_words(value)) for name, value in evaluated.facts().items()]
    facts += [("broken", line) for line in evaluated.damage[:_SHOWN]]
    files = {
        f"{REPORT}.json": json.dumps(_as_json(evaluated), indent=1).encode(),
        f"{REPORT}.md": as_markdown(found, asked.data.name, FORMULA, facts).encode(),
    }
    if asked.plots:
        row = found.row()
        judged = np.array([clip.split is None or clip.split.value == row.judged for clip in clips])
        labels = np.array([clip.label for clip in clips], np.float64)
        files[f"{REPORT}-confusion.png"] = draw_confusion(row)
        files[f"{REPORT}-scores.png"] = draw_scores(
            scores.by_name[row.score, row.baseline][judged], labels[judged], row
        )
    for name, content in files.items():
        save(asked.out / name, content)


def save(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        LabelsRefused: It cannot be written.
    """
    draft = path.with_name(f".{path.name}.new")
    try:
        draft.write_bytes(content)
        os.replace(draft, path)
    except OSError as error:
        raise LabelsRefused(f"{path} cannot be written ({error.strerror})") from error


def _head(asked: Asked, evaluated: Evaluated, clips: Sequence[LabelledClip], scores: Scores) -> LearnedHead:
    assert asked.train_head is not None
    made = head_of(clips, scores)
    if made is None:
        raise LabelsRefused(f"{asked.data}: no clip to train on could be measured, so there is no head")
    fitted, used = made
    row = evaluated.study.row(LEARNED)
    return LearnedHead(
        name=asked.train_head.stem[:64],
        formula=FORMULA,
        network=evaluated.reader,
        trained_on=f"{asked.data.resolve().name} ({asked.layout.value})"[:200],
        clips=int(used.sum()),
        people=len({clip.person for clip, is_used in zip(clips, used, strict=True) if is_used}),
        figures={
            **{name: _short(row.figures[name]) for name in FIGURES}, "spearman": _short(row.spearman),
        },
        means=_numbers(fitted.means),
        scales=_numbers(fitted.scales),
        weights=_numbers(fitted.weights),
        missing=_numbers(fitted.missing),
        thresholds=_three(fitted.thresholds),
    )  # fmt: skip


def _numbers(values: Values) -> tuple[float, ...]:
    return tuple(values.tolist())


def _three(values: Values) -> tuple[float, float, float]:
    first, second, third = values.tolist()
    return first, second, third


def _as_json(evaluated: Evaluated) -> dict[str, Any]:
    found = evaluated.study
    return {
        **evaluated.result(),
        "labels": found.labels,
        "cuts": [
            {"score": score, "baseline": baseline, "judged": side, "fitted": cuts}
            for (score, baseline, side), cuts in found.cuts.items()
        ],
        "rows": [_row(row) for row in found.rows],
        "gaps": [asdict(apart) for apart in found.gaps],
        "broken": evaluated.damage,
    }


def _row(row: Row) -> dict[str, Any]:
    values = asdict(row)
    figures = values.pop("figures")
    intervals = values.pop("intervals")
    return {**values, **figures, **{f"{name}_interval": interval for name, interval in intervals.items()}}


def _in_words(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    return ", ".join(f"{count} {why}" for why, count in value.items()) or "none"


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
