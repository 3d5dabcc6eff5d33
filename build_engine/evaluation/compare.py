"""Which network is better, with how much certainty: variants trained alike, and the differences between them."""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from torch import nn

from build_engine.data.haar import group_faces
from build_engine.data.labelled_faces import Split
from build_engine.data.landmarks import AlignedFaces
from build_engine.errors import RunUnusable
from build_engine.evaluation.classical import METHODS, Classical
from build_engine.evaluation.outcome import Classes, Effort, Hits, Outcome, Reader, measure
from build_engine.evaluation.outputs import network_logits
from build_engine.evaluation.rivals import ENSEMBLE, RIVALS, Row
from build_engine.evaluation.views import read_views
from build_engine.networks.model import build_network
from build_engine.recipe import STUDY, Recipe
from build_engine.training.averaged import load_network
from build_engine.training.run import Run
from build_engine.training.schedule import is_done
from build_engine.training.train import EpochReport, train
from engine.runtimes import load_runtime

VARIANTS: Final[dict[str, dict[str, Any]]] = {
    "static": {"backbone": "static", "attention": "none"},
    "vgg": {"backbone": "vgg", "attention": "none"},
    "resnet18": {"backbone": "resnet18", "attention": "none"},
    "resnet18-plain": {"backbone": "resnet18", "attention": "plain"},
    "resnet18-landmark": {"backbone": "resnet18", "attention": "landmark"},
    "resnet18-regions": {"backbone": "resnet18", "attention": "landmark", "pooling": "regions"},
    "rcl": {"backbone": "resnet18", "attention": "cbam", "tower": "lbp"},
    "sift": {"backbone": "resnet18", "attention": "none", "tower": "sift"},
    "hog": {"backbone": "resnet18", "attention": "none", "tower": "hog"},
    "edges": {"backbone": "resnet18", "attention": "none", "tower": "edges"},
    "haar": {"backbone": "resnet18", "attention": "none"},
    "resnet50": {"backbone": "resnet50", "attention": "none"},
    "inception_v3": {"backbone": "inception_v3", "attention": "none"},
}
"""Networks that are compared, by what they change in `STUDY`; those named after ResNet-18 are the ablation of the
landmarks, the slow ones come last."""

_RESAMPLES = 2000

GROUP: Final = "haar"
"""The variant that is trained and judged on other crops, of five expressions alone: see `group_faces`."""

CONTESTANTS: Final = (*VARIANTS, *METHODS, ENSEMBLE)
"""Everything that `compare` can measure."""

OUTCOME: Final = "outcome.json"
"""In the folder of a run that was measured."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How much more of the faces one variant reads rightly than another, in points (percent of the faces)."""

    points: float
    low: float
    """Lower end of the 95 % interval."""
    high: float

    @property
    def verdict(self) -> str:
        """Say "better" or "worse" where the interval excludes 0, else "no difference shown"."""
        if self.low > 0:
            return "better"
        return "worse" if self.high < 0 else "no difference shown"


def variant_recipe(variant: str, seed: int, epochs: int | None = None) -> Recipe:
    """Name everything about one run of a comparison.

    Args:
        variant: a key of `VARIANTS`.
        seed: of weights, order and augmentation.
        epochs: instead of `STUDY`'s; every variant gets the same.
    """
    return replace(STUDY, seed=seed, epochs=epochs or STUDY.epochs, **VARIANTS[variant])


def finish(recipe: Recipe, faces: AlignedFaces, run: Run, report: EpochReport) -> bool:
    """Train a run to its end, from wherever it stands; returns False where it had ended before.

    Raises:
        RunUnusable: The folder holds a run of another recipe.
    """
    if run.begun and is_finished(run):
        return False
    train(recipe, faces, run, resume=run.begun, report=report)
    return True


def is_finished(run: Run) -> bool:
    """Return whether all epochs of a run are done."""
    recipe, history = run.recipe(), run.load("last.pt")["history"]
    return len(history) >= recipe.epochs or is_done(recipe, history)


def compete(
    name: str, seed: int, epochs: int | None, faces: AlignedFaces, folder: Path, report: EpochReport = lambda row: None
) -> Outcome:
    """Bring one run of a rival to its end and measure it, from wherever it stands.

    Args:
        name: one of `CONTESTANTS`.
        seed: of what is drawn.
        epochs: of networks, instead of `STUDY`'s.
        faces: of all splits.
        folder: of the run; the outcome is kept there, and read back where it is there already.
        report: called with each epoch.

    Raises:
        RunUnusable: The folder holds a run of another recipe.
    """
    run = Run(folder)
    if name in VARIANTS and run.begun and run.recipe() != variant_recipe(name, seed, epochs):
        raise RunUnusable(f"{folder} was trained by another recipe: give the --epochs it had, or another --out")
    outcome = Outcome.load(folder / OUTCOME)
    if outcome is None:
        if name in VARIANTS:
            outcome = _compete_as_network(name, variant_recipe(name, seed, epochs), faces, run, report)
        elif name in METHODS:
            outcome = _compete_as_classifier(name, seed, faces)
        else:
            outcome = _compete_as_ensemble(seed, faces)
        outcome.save(folder / OUTCOME)
    return outcome


def _compete_as_network(name: str, recipe: Recipe, faces: AlignedFaces, run: Run, report: EpochReport) -> Outcome:
    found = float(faces.found.mean())
    if name == GROUP:
        faces, found = group_faces(faces)
    finish(recipe, faces, run, report)
    history = run.load("last.pt")["history"]
    network = load_network([run])

    def read(some: AlignedFaces) -> tuple[Classes, Classes]:
        fer7, ferplus8 = network_logits(network, some)
        return fer7.argmax(1), ferplus8.argmax(1)

    reader = Reader(read, read, _weights(network))
    effort = Effort(len(history), cpu_hours(history))
    return measure(reader, faces, found=found, rival=name, seed=recipe.seed, effort=effort)


def _compete_as_classifier(name: str, seed: int, faces: AlignedFaces) -> Outcome:
    began, training = time.process_time(), faces.of(Split.TRAINING)
    classical = Classical(name, seed, training.labelled, training.crops)
    effort = Effort(0, (time.process_time() - began) / 3600)
    reader = Reader(
        lambda some: (classical.read(some.crops), classical.read_votes(some.crops)),
        lambda some: classical.read(some.crops),
        classical.weights,
    )
    return measure(reader, faces, found=float(faces.found.mean()), rival=name, seed=seed, effort=effort)


def _compete_as_ensemble(seed: int, faces: AlignedFaces) -> Outcome:
    """Let what ships read each face in ten views: nothing is trained, and the seed is of nothing."""
    with load_runtime() as runtime:

        def read(some: AlignedFaces) -> tuple[Classes, Classes | None]:
            scores = read_views(runtime, some)
            return scores.fer7.argmax(1), None if scores.ferplus8 is None else scores.ferplus8.argmax(1)

        reader = Reader(read, read, _weights(build_network(Recipe.from_dict(runtime.manifest.recipe))))
        found = float(faces.found.mean())
        return measure(reader, faces, found=found, rival=ENSEMBLE, seed=seed, effort=Effort(0, 0.0))


def cpu_hours(history: Iterable[Mapping[str, float]]) -> float:
    """Add up what the epochs of a log cost; where it says nothing of CPU time, the clock's."""
    return sum(row.get("cpu_seconds", row["seconds"]) for row in history) / 3600


def stopped(out: Path) -> list[Row]:
    """List the runs in a folder of runs that stand before their end, by what their logs say of PublicTest."""
    rows = []
    for path in sorted(out.glob("*/log.jsonl")):
        name, run = path.parent.name.rpartition("-")[0], Run(path.parent)
        if name in VARIANTS and not (run.folder / OUTCOME).exists():
            history = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
            best = max(row["accuracy"] for row in history)
            hours = cpu_hours(history)
            rows.append(Row(name, 1, len(history), run.recipe().epochs, public=best, cpu_hours=hours))
    return rows


def outcomes(out: Path) -> list[Outcome]:
    """Read what was measured in a folder of runs."""
    found = (Outcome.load(path) for path in sorted(out.glob(f"*/{OUTCOME}")))
    return [outcome for outcome in found if outcome is not None and outcome.rival in RIVALS]


def _weights(network: nn.Module) -> int:
    return sum(value.numel() for value in network.parameters())


def difference(ours: Iterable[Hits], theirs: Iterable[Hits], seed: int = 0) -> Difference:
    """Compare two variants on the same faces.

    A paired bootstrap (Efron and Tibshirani 1993, chapter 13): faces are drawn with replacement, the same for both
    variants; the runs of each variant are drawn too, since another seed is chance as another face is.

    Args:
        ours: a (N,) array for each run of a variant.
        theirs: the same of the variant it is compared with; the number of runs may differ.
        seed: of the draws.
    """
    left, right = np.stack(list(ours)).astype(np.float64), np.stack(list(theirs)).astype(np.float64)
    draw = np.random.default_rng(seed)
    drawn = np.empty(_RESAMPLES)
    for index in range(_RESAMPLES):
        faces = draw.integers(left.shape[1], size=left.shape[1])
        mine, other = (draw.integers(len(runs), size=len(runs)) for runs in (left, right))
        drawn[index] = (left[mine].mean(0) - right[other].mean(0))[faces].mean()
    low, high = np.percentile(drawn, (2.5, 97.5))
    return Difference(*(100 * float(value) for value in (left.mean() - right.mean(), low, high)))


def comparison_table(read: Mapping[str, Mapping[int, Hits]], baseline: str = "resnet18") -> str:
    """Write the comparison as Markdown.

    Args:
        read: for each variant, by seed, what a finished run read rightly on PublicTest.
        baseline: the variant that the others' differences refer to.
    """
    lines = [
        f"| rival | runs | PublicTest, % (mean ± sd) | points beyond {baseline} (95 %) | verdict |",
        "|---|---|---|---|---|",
    ]
    for variant, runs in read.items():
        percents = [100 * float(rows.mean()) for rows in runs.values()]
        spread = f" ± {np.std(percents, ddof=1):.2f}" if len(percents) > 1 else ""
        beyond, verdict = "", ""
        if variant != baseline and read.get(baseline):
            found = difference(runs.values(), read[baseline].values())
            beyond, verdict = f"{found.points:+.2f} ({found.low:+.2f} to {found.high:+.2f})", found.verdict
        cells = (variant, str(len(runs)), f"{np.mean(percents):.2f}{spread}", beyond, verdict)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
