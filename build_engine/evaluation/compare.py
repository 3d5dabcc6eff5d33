"""Which network is better, with how much certainty: variants trained alike, and the differences between them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from build_engine.data.labelled_faces import Split
from build_engine.data.landmarks import AlignedFaces
from build_engine.evaluation.outputs import network_logits
from build_engine.networks.model import build_network
from build_engine.recipe import STUDY, Recipe
from build_engine.training.averaged import load_network
from build_engine.training.run import Run
from build_engine.training.schedule import is_done
from build_engine.training.train import EpochReport, train

VARIANTS: Final[dict[str, dict[str, Any]]] = {
    "static": {"backbone": "static", "attention": "none"},
    "vgg": {"backbone": "vgg", "attention": "none"},
    "resnet50": {"backbone": "resnet50", "attention": "none"},
    "resnet18": {"backbone": "resnet18", "attention": "none"},
    "resnet18-plain": {"backbone": "resnet18", "attention": "plain"},
    "resnet18-landmark": {"backbone": "resnet18", "attention": "landmark"},
    "resnet18-regions": {"backbone": "resnet18", "attention": "landmark", "pooling": "regions"},
}
"""Networks that are compared, by what they change in `STUDY`; those of ResNet-18 are the ablation of the landmarks."""

_RESAMPLES = 2000

Hits = NDArray[np.bool_]
"""(faces,) which faces a network read as they are labelled."""


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


def hits(run: Run, faces: AlignedFaces, split: Split) -> Hits:
    """Read a split with a run's best weights, in float32.

    Returns:
        (N,) whether each face is read as it is labelled, in the split's order.
    """
    chosen = faces.of(split)
    read: Hits = network_logits(load_network([run]), chosen)[0].argmax(1) == chosen.labelled.labels
    return read


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
        f"| network | million weights | runs | PublicTest, % (mean ± sd) | points beyond {baseline} (95 %) | verdict |",
        "|---|---|---|---|---|---|",
    ]
    for variant, runs in read.items():
        percents = [100 * float(rows.mean()) for rows in runs.values()]
        spread = f" ± {np.std(percents, ddof=1):.2f}" if len(percents) > 1 else ""
        beyond, verdict = "", ""
        if variant != baseline and read.get(baseline):
            found = difference(runs.values(), read[baseline].values())
            beyond, verdict = f"{found.points:+.2f} ({found.low:+.2f} to {found.high:+.2f})", found.verdict
        weights = sum(value.numel() for value in build_network(variant_recipe(variant, 1)).parameters()) / 1e6
        cells = (variant, f"{weights:.2f}", str(len(runs)), f"{np.mean(percents):.2f}{spread}", beyond, verdict)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
