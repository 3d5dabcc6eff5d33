"""The study as text that people read: Markdown."""

from collections.abc import Iterable, Sequence

from bot.engagement.evaluation.bootstrap import Interval
from bot.engagement.evaluation.gaps import MEASURED, Gap
from bot.engagement.evaluation.study import MAJORITY, OWN, Row, Study

_HEAD = ("score", "baseline", "cuts", "macro-F1", "QWK", "balanced", "MAE", "Spearman", "null", "clips", "people")


def as_markdown(study: Study, title: str, formula: str, facts: Sequence[tuple[str, object]]) -> str:
    """Write the study.

    Args:
        study: what was found.
        title: of the data set.
        formula: name of the index.
        facts: what is to be known of how it was read: a name and a value each.
    """
    lines = [f"# {formula} beside the labels of {title}", ""]
    lines += [f"- {name}: {value}" for name, value in facts]
    lines += [
        "",
        "Labels are observers' opinions. Intervals are of 95 %, by drawing people anew. What was not measurable counts "
        "in `null` alone. `ours` are the cuts of the formula; `fitted` ones saw other people's labels only.",
    ]
    for side, counts in study.labels.items():
        lines += ["", f"## {side}: {_counted(counts)}", ""]
        rows = [row for row in study.rows if row.judged == side]
        lines += _table(_HEAD, (_cells(row) for row in rows))
        reported = study.row(judged=side)
        lines += ["", f"Confusion of the {reported.score}, {reported.baseline} baseline, fitted cuts:", ""]
        lines += _table(("labelled", "0", "1", "2", "3"), ([str(n), *map(str, each)] for n, each in
                                                           enumerate(reported.confusion)))  # fmt: skip
        lines += ["", f"Cuts fitted: {_cuts(study, side)}"]
    for apart in study.gaps:
        lines += ["", f"## {apart.judged} by {apart.grouping}", ""]
        lines += _table(("group", "index", "null", "MAE", "QWK", "clips", "people"), (
            [row.group, *(_figure(row.values[name], None) for name in MEASURED), str(row.clips), str(row.people)]
            for row in apart.rows
        ))  # fmt: skip
        lines += ["", "Largest differences, the index at equal label: " + "; ".join(map(_gap, apart.largest)) + "."]
    return "\n".join(lines) + "\n"


def _gap(gap: Gap) -> str:
    return f"{gap.figure.replace('_', ' ')} {_figure(gap.by, gap.interval)}, {gap.higher} above {gap.lower}"


def _cells(row: Row) -> list[str]:
    is_majority = row.score == MAJORITY
    return [
        row.score,
        "" if is_majority else row.baseline,
        "" if is_majority else row.cuts_are,
        *(_figure(row.figures[name], row.intervals[name]) for name in ("macro_f1", "qwk", "balanced_accuracy", "mae")),
        _figure(row.spearman, row.spearman_interval),
        f"{row.null_rate:.1%}",
        str(row.clips),
        str(row.people),
    ]


def _figure(value: float | None, interval: Interval | None) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" + ("" if interval is None else f" ({interval[0]:.2f} to {interval[1]:.2f})")


def _cuts(study: Study, side: str) -> str:
    fitted = study.cuts[study.row(judged=side).score, OWN, side]
    return "; ".join(", ".join(f"{cut:.2f}" for cut in cuts) for cuts in fitted)


def _counted(counts: Sequence[int]) -> str:
    return f"{sum(counts)} clips, labelled 0 to 3: {', '.join(map(str, counts))}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(head)} |", "|---" * len(head) + "|", *(f"| {' | '.join(row)} |" for row in rows)]
