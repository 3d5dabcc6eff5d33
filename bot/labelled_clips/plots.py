"""Pictures of a study: how labels and levels agree, and what the index was at each label."""

from io import BytesIO
from typing import TYPE_CHECKING, Final

import numpy as np

from bot.engagement import LEVEL_NAMES
from bot.engagement.evaluation.figures import Values
from bot.engagement.evaluation.study import Row
from bot.errors import SettingsRefused

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI: Final = 110


def require() -> None:
    """Find out before hours of reading whether pictures can be drawn.

    Raises:
        SettingsRefused: matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise SettingsRefused("--plots needs matplotlib: pip install 'classpulse[train]', or leave it out") from error


def draw_confusion(row: Row) -> bytes:
    """Draw a confusion matrix, each row in shares of its label: a PNG."""
    from matplotlib.figure import Figure

    counts = np.asarray(row.confusion)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    figure = Figure(figsize=(5.5, 5), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    names = [level.name for level in LEVEL_NAMES]
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel=f"{row.score}, {row.baseline} baseline, {row.cuts_are} cuts", ylabel="labelled", title=row.judged)
    for (labelled, given), share in np.ndenumerate(shares):
        colour = "white" if share > 0.5 else "black"
        axes.text(given, labelled, f"{share:.2f}\n{counts[labelled, given]}", ha="center", va="center", color=colour)
    return _png(figure)


def draw_scores(scores: Values, labels: Values, row: Row) -> bytes:
    """Draw what (N,) scores, NaN left out, were at each of (N,) labels: a PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    groups = [scores[(labels == level) & ~np.isnan(scores)] for level in range(len(LEVEL_NAMES))]
    axes.boxplot(groups, positions=range(len(groups)), widths=0.6, showfliers=False)
    for level, group in enumerate(groups):
        spread = np.linspace(-0.25, 0.25, len(group)) if len(group) else group
        axes.plot(level + spread, group, ".", alpha=0.3, markersize=4)
    axes.set_xticks(range(len(groups)), [level.name for level in LEVEL_NAMES])
    axes.set(xlabel="labelled", ylabel=f"{row.score}, {row.baseline} baseline", ylim=(-0.03, 1.03), title=row.judged)
    return _png(figure)


def _png(figure: "Figure") -> bytes:
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI)
    return buffer.getvalue()
