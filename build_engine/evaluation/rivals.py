"""The paper's rivals in one table: what each is here, what its authors printed, what was measured."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final

import numpy as np

from build_engine.evaluation.outcome import Outcome

RECORD: Final = Path(__file__).with_suffix(".json")
"""What the authors of this package measured: rows of `Row`, figures alone."""

ENSEMBLE: Final = "ensemble"
SHIPS: Final = "ships"

RIVALS: Final[dict[str, tuple[str, str]]] = {
    SHIPS: ("`fer-attention` in int8 as it ships, without its offsets, one view", ""),
    "static": ("the paper's plain CNN, 32/64/128/256", ""),
    "vgg": ("VGG, 4 pairs of convolutions, half their widths", "Khaireddin and Chen 2021: 73.28"),
    "resnet50": (
        "ResNet-50, half its widths, random weights",
        "Khalid et al. 2025, fine-tuned: 83 of 46 to 100 images",
    ),
    "inception_v3": ("Inception v3, random weights", "Khalid et al. 2025, fine-tuned: 83 of 46 to 100 images"),
    "rcl": (
        "ResNet-18 with CBAM, and a tower that reads local binary patterns",
        "Liao et al. 2023: 74.23",
    ),
    "sift": ("ResNet-18, and a tower that reads dense SIFT", "Connie et al. 2017, an ensemble: 73.4"),
    "hog": ("ResNet-18, and a tower that reads HOG and the landmarks' regions", "Amal et al. 2022: 75.1"),
    "edges": ("ResNet-18, and a tower that reads edges (Sobel)", "Bhandari and Pal 2021"),
    "haar": (
        "ResNet-18 on faces cut out by the Haar cascade: angry, happy, sad, surprise, neutral alone",
        "group emotion 2020: 65 (five classes)",
    ),
    "logistic": ("logistic regression on HOG", ""),
    "lda": ("linear discriminant analysis on HOG", ""),
    "knn": ("the 15 nearest neighbours by HOG", ""),
    "tree": ("decision tree, 12 levels, on HOG", ""),
    "bayes": ("naive Bayes (Gaussian) on HOG", ""),
    "svm": ("SVM (radial) on 128 principal components of HOG", ""),
    ENSEMBLE: (
        "`fer-attention` in int8, ten views: mirrored, moved by a pixel",
        "Pramerdorfer and Kampel 2016: 75.2",
    ),
    "resnet18": ("ResNet-18, no attention", "Gan 2018, the best of four networks: 64.24"),
    "resnet18-plain": ("ResNet-18, plain attention", ""),
    "resnet18-landmark": ("ResNet-18, landmark-guided attention", ""),
    "resnet18-regions": ("ResNet-18, landmark-guided attention, heads that read each region", ""),
}
"""What each row is, and what was printed of its kind, in percent of FER-2013."""

ELEVEN: Final = (
    "| eleven expressions for video calls, among them tired, pain, interest, no interest "
    "| Ikwuanusi 2023: 70 (nine classes: 78) | not measurable: no labels within reach; in their place stand "
    "observables: long closures of the eyes, yawns, facing " + "|  " * 8 + "|\n"
)
"""The one rival that nobody can measure on FER-2013."""

COMMAND: Final = "build-engine compare --data fer2013.npz"

HEADER: Final = (
    "| rival, as it is here | as printed, % | PrivateTest, % | macro F1, % | FERPlus, % | PublicTest, % "
    "| million weights | ms a face | CPU hours | epochs | runs |\n|" + "---|" * 11 + "\n"
)


@dataclass(frozen=True, slots=True)
class Row:
    """A rival's runs of the same length as one row; shares lie in [0, 1], None was not measured."""

    rival: str
    runs: int
    """0: it was not run, and only its weights and its time are known."""
    epochs: int
    of_epochs: int
    """How many the recipe has: above `epochs`, the run was stopped there."""
    public: float | None = None
    public_sd: float | None = None
    private: float | None = None
    private_sd: float | None = None
    macro_f1: float | None = None
    ferplus: float | None = None
    weights: int | None = None
    ms_per_face: float | None = None
    cpu_hours: float | None = None
    """Mean of the runs."""


def row_of(outcomes: Iterable[Outcome]) -> Row:
    """Take the mean of one rival's runs of the same length, at least one."""
    runs = list(outcomes)
    public, private = ([getattr(run, name) for run in runs] for name in ("public", "private"))
    votes = [run.ferplus for run in runs if run.ferplus is not None]
    return Row(
        rival=runs[0].rival,
        runs=len(runs),
        epochs=runs[0].epochs,
        of_epochs=runs[0].epochs,
        public=float(np.mean(public)),
        public_sd=_spread(public),
        private=float(np.mean(private)),
        private_sd=_spread(private),
        macro_f1=float(np.mean([run.macro_f1 for run in runs])),
        ferplus=float(np.mean(votes)) if votes else None,
        weights=runs[0].weights,
        ms_per_face=min(run.ms_per_face for run in runs),
        cpu_hours=float(np.mean([run.cpu_hours for run in runs])),
    )


def load_rows(path: Path = RECORD) -> list[Row]:
    """Read rows back; a file that is not there has none."""
    if not path.exists():
        return []
    names = {field.name for field in fields(Row)}
    return [Row(**{name: row[name] for name in names & row.keys()}) for row in json.loads(path.read_text("utf-8"))]


def as_json(rows: Iterable[Row]) -> bytes:
    """Write rows for `load_rows`, one a line."""
    lines = (json.dumps({name: value for name, value in asdict(row).items() if value is not None}) for row in rows)
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode()


def rows_of(outcomes: Iterable[Outcome]) -> list[Row]:
    """Make a row of each rival's runs of the same length."""
    alike: dict[tuple[str, int], list[Outcome]] = {}
    for outcome in outcomes:
        alike.setdefault((outcome.rival, outcome.epochs), []).append(outcome)
    return [row_of(runs) for runs in alike.values()]


def merged(record: Iterable[Row], own: Iterable[Row]) -> list[Row]:
    """Put own rows in the place of recorded ones of the same rival and length; in the order of `RIVALS`, long first."""
    mine = list(own)
    ran = {row.rival for row in mine}
    measured = {(row.rival, row.of_epochs) for row in mine}
    kept = [row for row in record if (row.rival, row.of_epochs) not in measured and (row.runs or row.rival not in ran)]
    rows = [*mine, *kept]
    order = list(RIVALS)
    return sorted(rows, key=lambda row: (order.index(row.rival), -row.epochs))


def rival_table(rows: Iterable[Row]) -> str:
    """Write the table as Markdown: each row, and what was not run, with the command that does it."""
    by_rival: dict[str, list[Row]] = {name: [] for name in RIVALS}
    for row in rows:
        by_rival[row.rival].append(row)
    lines = []
    for name, found in by_rival.items():
        kind = f"| {RIVALS[name][0]} | {RIVALS[name][1]} "
        lines += [f"{kind}| {' | '.join(_cells(row))} |\n" for row in found or [Row(name, 0, 0, 0)]]
    return HEADER + "".join(lines) + ELEVEN


def _cells(row: Row) -> tuple[str, ...]:
    learned = "" if not row.of_epochs else f"{row.epochs}"
    if row.epochs < row.of_epochs:
        learned = f"stopped after {row.epochs} of {row.of_epochs}"
    return (
        _percent(row.private, row.private_sd) if row.runs else f"not run: `{COMMAND} --variant {row.rival}`",
        _percent(row.macro_f1),
        _percent(row.ferplus),
        _percent(row.public, row.public_sd),
        "" if row.weights is None else _short(row.weights / 1e6),
        "" if row.ms_per_face is None else f"{row.ms_per_face:.2f}",
        "" if row.cpu_hours is None else _short(row.cpu_hours),
        learned,
        f"{row.runs or ''}",
    )


def _short(value: float) -> str:
    return f"{value:.2f}" if value >= 0.1 or not value else f"{value:.1g}"


def _percent(share: float | None, spread: float | None = None) -> str:
    if share is None:
        return ""
    return f"{100 * share:.2f}" + ("" if spread is None else f" ± {100 * spread:.2f}")


def _spread(values: Iterable[float]) -> float | None:
    numbers = list(values)
    return float(np.std(numbers, ddof=1)) if len(numbers) > 1 else None
