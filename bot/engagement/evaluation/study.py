"""Everything that is said about the index beside labels: a row a score, baseline, cuts and side of the division."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from bot.engagement.evaluation.bootstrap import Interval, People
from bot.engagement.evaluation.clips import LEVELS, ClipReads, LabelledClip, Split
from bot.engagement.evaluation.cuts import Cuts, fit_cuts, levels_of
from bot.engagement.evaluation.division import Division, Fold
from bot.engagement.evaluation.figures import Counts, Values, confusion, figures, spearman
from bot.engagement.evaluation.gaps import Gaps, gaps
from bot.engagement.evaluation.head_training import FittedHead, fit_head, matrix
from bot.engagement.evaluation.replay import INDEX, WITHOUT_BASELINE, accepted, enough, replay, without_baseline
from bot.engagement.parameters import EngagementParameters
from bot.engagement.values import PersonValues

PRIOR: Final = "prior"
OWN: Final = "own"
FIGURES: Final = ("macro_f1", "qwk", "balanced_accuracy", "mae", "accuracy")
MAJORITY: Final = "majority class"
LEARNED: Final = "learned head"

Progress = Callable[[int, int], None]
"""Takes how much is done, and of how much."""


@dataclass(frozen=True, slots=True)
class Row:
    """How well one score agrees with labels."""

    score: str
    baseline: str
    """`prior`, or `own`: medians over the person's other clips."""
    cuts_are: Literal["ours", "fitted"]
    judged: str
    """Side of the division."""
    people: int
    clips: int
    """With a score."""
    null_rate: float
    """Share of the side's clips without one."""
    figures: dict[str, float | None]
    """By `FIGURES`; None where not defined."""
    intervals: dict[str, Interval | None]
    spearman: float | None
    """Of the score, before any cut."""
    spearman_interval: Interval | None
    confusion: tuple[tuple[int, ...], ...]
    """Rows labelled, columns given."""


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What clips were scored, (N,) each with NaN for not measurable, by score and baseline."""

    by_name: dict[tuple[str, str], Values]
    values: dict[str, tuple[tuple[PersonValues, ...], ...]]
    """What the meter said of each clip, by baseline."""
    without_own: int
    """Clips whose person has too few other clips for a baseline of their own: the prior stands in."""


@dataclass(frozen=True, slots=True)
class Study:
    """What a data set says about the index."""

    rows: tuple[Row, ...]
    cuts: dict[tuple[str, str, str], tuple[Cuts, ...]]
    """Fitted ones by score, baseline and side, a triple a fold."""
    labels: dict[str, tuple[int, ...]]
    """Clips of each label by side."""
    without_own: int
    gaps: tuple[Gaps, ...] = ()
    """Of the index with an own baseline and fitted cuts."""

    def row(self, score: str = INDEX, baseline: str = OWN, cuts_are: str = "fitted", judged: str | None = None) -> Row:
        """Return one row, by default the one to report."""
        side = judged or next(iter(self.labels))
        wanted = (score, baseline, cuts_are, side)
        return next(row for row in self.rows if (row.score, row.baseline, row.cuts_are, row.judged) == wanted)


def score_clips(
    clips: Sequence[LabelledClip],
    reads: Sequence[ClipReads],
    parameters: EngagementParameters,
    progress: Progress = lambda done, total: None,
) -> Scores:
    """Play every clip through the meter, with the prior and with what was learnt of its person elsewhere.

    Args:
        clips: N ≥ 1.
        reads: what was read of each.
        parameters: of the formula.
        progress: called after each clip.
    """
    learnt = [accepted(each, parameters) for each in reads]
    of_person: dict[str, list[int]] = {}
    for number, clip in enumerate(clips):
        of_person.setdefault(clip.person, []).append(number)
    names: dict[tuple[str, str], list[float]] = {}
    said: dict[str, list[tuple[PersonValues, ...]]] = {PRIOR: [], OWN: []}
    without_own = 0
    for number, clip in enumerate(clips):
        others = [sign for other in of_person[clip.person] if other != number for sign in learnt[other]]
        prior = replay(reads[number], parameters)
        own = replay(reads[number], parameters, others) if enough(others) else prior
        without_own += own is prior
        for baseline, replayed in ((PRIOR, prior), (OWN, own)):
            said[baseline].append(replayed.values)
            for name, score in replayed.scores.items():
                names.setdefault((name, baseline), []).append(score)
        names.setdefault((WITHOUT_BASELINE, PRIOR), []).append(without_baseline(reads[number], parameters))
        progress(number + 1, len(clips))
    by_name = {name: np.asarray(scores, np.float64) for name, scores in names.items()}
    return Scores(by_name, {baseline: tuple(each) for baseline, each in said.items()}, without_own)


def study(clips: Sequence[LabelledClip], scores: Scores, ours: Cuts, *, with_head: bool = False) -> Study:
    """Judge every score beside the labels, by our cuts and by cuts fitted to other people.

    Args:
        clips: those of `score_clips`.
        scores: what it returned.
        ours: cuts of the formula.
        with_head: whether a learned head is judged too, fitted like the cuts to other people.
    """
    division = Division.of(clips)
    labels = np.array([clip.label for clip in clips])
    rows: list[Row] = []
    cuts: dict[tuple[str, str, str], tuple[Cuts, ...]] = {}
    counted: dict[str, tuple[int, ...]] = {}
    apart: list[Gaps] = []
    for side, folds in division.folds.items():
        judged = np.logical_or.reduce([fold.judged for fold in folds])
        counted[side] = tuple(np.bincount(labels[judged], minlength=LEVELS).tolist())
        judge = _Judge(side, labels, [clip.person for clip in clips], judged)
        for name, by_fold in _scored(scores, folds, labels, with_head=with_head).items():
            score = np.full(len(labels), np.nan)
            given = np.zeros(len(labels), np.int64)
            fitted = []
            for fold, each in zip(folds, by_fold, strict=True):
                those = fold.fitted & ~np.isnan(each)
                fitted.append(fit_cuts(each[those], labels[those], ours) if those.any() else ours)
                mine = fold.judged & ~np.isnan(each)
                score[mine], given[mine] = each[mine], levels_of(each[mine], fitted[-1])
            cuts[*name, side] = tuple(fitted)
            rows.append(judge.row(*name, "ours", score, levels_of(np.nan_to_num(score), ours)))
            rows.append(judge.row(*name, "fitted", score, given))
            if name == (INDEX, OWN):
                those_judged = [clip for clip, is_judged in zip(clips, judged, strict=True) if is_judged]
                apart += gaps(those_judged, side, score[judged], given[judged])
        most = np.zeros(len(labels), np.int64)
        for fold in folds:
            most[fold.judged] = np.bincount(labels[fold.fitted], minlength=LEVELS).argmax()
        rows.append(judge.row(MAJORITY, PRIOR, "fitted", np.zeros(len(labels)), most))
    return Study(tuple(rows), cuts, counted, scores.without_own, tuple(apart))


def head_of(clips: Sequence[LabelledClip], scores: Scores) -> tuple[FittedHead, NDArray[np.bool_]] | None:
    """Fit the head that is handed on, and return it with which clips it was fitted to; None of nothing measurable.

    They are those of Train, or everybody where there is no division: what was reported of it is of heads that had not
    seen the judged.
    """
    train = np.array([clip.split in (None, Split.TRAIN) for clip in clips])
    seen = matrix(scores.values[OWN])
    used = train & ~np.isnan(scores.by_name[INDEX, OWN])
    return (fit_head(seen[used], np.array([clip.label for clip in clips])[used]), used) if used.any() else None


def _scored(
    scores: Scores, folds: Sequence[Fold], labels: NDArray[np.int64], *, with_head: bool
) -> dict[tuple[str, str], list[Values]]:
    """Give every score as each fold has it, (N,) each; only a head's depends on what it was fitted to."""
    found = {name: [score] * len(folds) for name, score in scores.by_name.items()}
    if with_head:
        seen, measured = matrix(scores.values[OWN]), ~np.isnan(scores.by_name[INDEX, OWN])
        nothing = np.full(len(labels), np.nan)
        found[LEARNED, OWN] = [
            np.where(measured, fit_head(seen[used], labels[used]).expected(seen), np.nan) if used.any() else nothing
            for used in (fold.fitted & measured for fold in folds)
        ]
    return found


class _Judge:
    """Compares what one side's clips were given with their labels."""

    def __init__(self, side: str, labels: NDArray[np.int64], people: Sequence[str], judged: NDArray[np.bool_]) -> None:
        self._side = side
        self._judged = judged
        self._labels = labels[judged]
        self._names = np.asarray(people, dtype=object)[judged]
        self._people = People(list(self._names))
        self._ranked: dict[tuple[str, str], tuple[float | None, Interval | None]] = {}
        """The correlation is that of the score: cuts change nothing about it."""

    def row(
        self, name: str, baseline: str, cuts_are: Literal["ours", "fitted"], score: Values, given: NDArray[np.int64]
    ) -> Row:
        score, given = score[self._judged], given[self._judged]
        kept = ~np.isnan(score)
        counts = confusion(self._labels[kept], given[kept])
        whole, drawn = figures(counts), figures(self._people.counts(self._labels, given, kept))
        if (name, baseline) not in self._ranked:
            self._ranked[name, baseline] = self._rank(score, kept)
        correlation, its_interval = self._ranked[name, baseline]
        return Row(
            name, baseline, cuts_are, self._side,
            people=len(set(self._names[kept])), clips=int(kept.sum()), null_rate=float(1 - kept.mean()),
            figures={figure: whole.value(figure) for figure in FIGURES},
            intervals={figure: self._people.interval(getattr(drawn, figure)) for figure in FIGURES},
            spearman=correlation, spearman_interval=its_interval, confusion=_rows(counts),
        )  # fmt: skip

    def _rank(self, score: Values, kept: NDArray[np.bool_]) -> tuple[float | None, Interval | None]:
        def of(numbers: NDArray[np.int64]) -> float | None:
            return spearman(score[numbers], self._labels[numbers])

        found = of(np.flatnonzero(kept))
        return found, None if found is None else self._people.interval_of(of, kept)


def _rows(counts: Counts) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(row) for row in counts.tolist())
